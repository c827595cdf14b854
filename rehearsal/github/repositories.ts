import { z } from "zod";
import { user } from "./accounts.ts";
import { readBody } from "./body.ts";
import { type App, allows, type Call, commit, repositoryOf, type Service } from "./context.ts";
import { notFound, validationFailed } from "./error.ts";
import { apiOf, type Links, nodeId, webOf } from "./links.ts";
import type { Repository } from "./state.ts";

const text = z.string().nullable().optional();
const flag = z.boolean().optional();
const PatchBody = z.object({
  name: z.string().optional(),
  description: text,
  homepage: text,
  private: flag,
  default_branch: z.string().optional(),
  archived: flag,
  has_issues: flag,
  has_projects: flag,
  has_wiki: flag,
  has_discussions: flag,
  is_template: flag,
  allow_squash_merge: flag,
  allow_merge_commit: flag,
  allow_rebase_merge: flag,
  allow_auto_merge: flag,
  allow_update_branch: flag,
  delete_branch_on_merge: flag,
  web_commit_signoff_required: flag,
});

/** Routes of the repository itself. Its name cannot be changed here. */
export function repositoryRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo", (call) => call.json(present(call, links, repositoryOf(call, store))));

  app.patch("/repos/:owner/:repo", async (call) => {
    const repository = repositoryOf(call, store, "admin");
    const { name, ...changes } = await readBody(call, PatchBody);
    if (name !== undefined && name !== repository.name) {
      throw validationFailed({
        resource: "Repository",
        code: "custom",
        field: "name",
        message: "name cannot change here",
      });
    }
    const branch = changes.default_branch;
    if (branch !== undefined && !repository.refs[`refs/heads/${branch}`]) {
      throw validationFailed({ resource: "Repository", code: "invalid", field: "default_branch" });
    }
    Object.assign(repository.settings, defined(changes));
    repository.updatedAt = store.time();
    commit(call, store);
    return call.json(present(call, links, repository));
  });

  app.get("/repos/:owner/:repo/topics", (call) => call.json({ names: repositoryOf(call, store).settings.topics }));
  app.put("/repos/:owner/:repo/topics", async (call) => {
    const repository = repositoryOf(call, store, "admin");
    const { names } = await readBody(call, z.object({ names: z.array(z.string()) }));
    repository.settings.topics = names;
    commit(call, store);
    return call.json({ names });
  });

  app.get("/repos/:owner/:repo/immutable-releases", (call) => {
    if (!repositoryOf(call, store, "admin").immutableReleases) throw notFound();
    return call.json({ enabled: true, enforced_by_owner: false });
  });
  app.put("/repos/:owner/:repo/immutable-releases", (call) => switchImmutable(call, true));
  app.delete("/repos/:owner/:repo/immutable-releases", (call) => switchImmutable(call, false));

  function switchImmutable(call: Call, on: boolean): Response {
    repositoryOf(call, store, "admin").immutableReleases = on;
    commit(call, store);
    return call.body(null, 204);
  }
}

/** The fields that were given; JSON has no undefined, but TypeScript's optional fields do. */
export function defined<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function present(call: Call, links: Links, repository: Repository) {
  const { owner, name, settings } = repository;
  const api = apiOf(links, repository);
  const web = webOf(links, repository);
  const open = repository.issues.filter((issue) => issue.state === "open").length;
  const host = new URL(links.web).host;
  const member = (path: string) => `${api}/${path}`;
  return {
    id: repository.id,
    node_id: nodeId("R", repository.id),
    name,
    full_name: `${owner}/${name}`,
    owner: user(links, owner),
    ...settings,
    visibility: settings.private ? "private" : "public",
    html_url: web,
    url: api,
    fork: false,
    archive_url: member("{archive_format}{/ref}"),
    assignees_url: member("assignees{/user}"),
    blobs_url: member("git/blobs{/sha}"),
    branches_url: member("branches{/branch}"),
    collaborators_url: member("collaborators{/collaborator}"),
    comments_url: member("comments{/number}"),
    commits_url: member("commits{/sha}"),
    compare_url: member("compare/{base}...{head}"),
    contents_url: member("contents/{+path}"),
    contributors_url: member("contributors"),
    deployments_url: member("deployments"),
    downloads_url: member("downloads"),
    events_url: member("events"),
    forks_url: member("forks"),
    git_commits_url: member("git/commits{/sha}"),
    git_refs_url: member("git/refs{/sha}"),
    git_tags_url: member("git/tags{/sha}"),
    hooks_url: member("hooks"),
    issue_comment_url: member("issues/comments{/number}"),
    issue_events_url: member("issues/events{/number}"),
    issues_url: member("issues{/number}"),
    keys_url: member("keys{/key_id}"),
    labels_url: member("labels{/name}"),
    languages_url: member("languages"),
    merges_url: member("merges"),
    milestones_url: member("milestones{/number}"),
    notifications_url: member("notifications{?since,all,participating}"),
    pulls_url: member("pulls{/number}"),
    releases_url: member("releases{/id}"),
    stargazers_url: member("stargazers"),
    statuses_url: member("statuses/{sha}"),
    subscribers_url: member("subscribers"),
    subscription_url: member("subscription"),
    tags_url: member("tags"),
    teams_url: member("teams"),
    trees_url: member("git/trees{/sha}"),
    git_url: `git://${host}/${owner}/${name}.git`,
    ssh_url: `git@${host}:${owner}/${name}.git`,
    clone_url: `${web}.git`,
    svn_url: web,
    mirror_url: null,
    language: "Go",
    license: null,
    disabled: false,
    has_pages: false,
    has_downloads: true,
    forks: 0,
    forks_count: 0,
    network_count: 0,
    stargazers_count: 0,
    subscribers_count: 0,
    watchers: 0,
    watchers_count: 0,
    size: 1,
    open_issues: open,
    open_issues_count: open,
    created_at: repository.createdAt,
    updated_at: repository.updatedAt,
    pushed_at: repository.updatedAt,
    permissions: {
      admin: allows(call, "admin"),
      maintain: allows(call, "admin"),
      push: allows(call, "push"),
      triage: allows(call, "push"),
      pull: true,
    },
  };
}
