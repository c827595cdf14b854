import { user } from "./accounts.ts";
import { type App, repositoryOf, type Service } from "./context.ts";
import { notFound, unprocessable } from "./error.ts";
import { history, treeSha } from "./git-object.ts";
import { apiOf, type Links, nodeId, pathOf, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import { resolve } from "./publication.ts";
import type { Commit, Repository } from "./state.ts";

const UNSIGNED = { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null };

/** Commits, comparisons and branches. https://docs.github.com/rest/commits/commits */
export function commitRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/commits", (call) => {
    const repository = repositoryOf(call, store);
    const start = commitAt(repository, call.req.query("sha") || repository.settings.default_branch);
    if (!start) throw notFound();
    const path = call.req.query("path");
    const touching = history(repository, start.sha).filter(
      ({ files, parents }) => !path || files[path] !== repository.commits[parents[0] ?? ""]?.files[path],
    );
    return call.json(page(call, touching, links).map((commit) => presentCommit(links, repository, commit)));
  });

  app.get("/repos/:owner/:repo/commits/:ref{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const ref = call.req.param("ref");
    const commit = commitAt(repository, ref);
    if (!commit) throw unprocessable(`No commit found for SHA: ${ref}`);
    if (call.req.header("accept")?.includes("application/vnd.github.sha")) return call.text(commit.sha);
    return call.json({
      ...presentCommit(links, repository, commit),
      stats: { total: 0, additions: 0, deletions: 0 },
      files: presentFiles(links, repository, commit),
    });
  });

  app.get("/repos/:owner/:repo/git/commits/:sha", (call) => {
    const repository = repositoryOf(call, store);
    const commit = store.commit(repository, call.req.param("sha"));
    if (!commit) throw notFound();
    return call.json(presentGitCommit(links, repository, commit));
  });

  app.get("/repos/:owner/:repo/compare/:basehead{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const [from = "", to = ""] = call.req.param("basehead").split("...");
    const [base, head] = [commitAt(repository, from), commitAt(repository, to)];
    if (!base || !head) throw notFound();
    const [behind, ahead] = [history(repository, base.sha), history(repository, head.sha)];
    const onlyAhead = ahead.filter((commit) => !behind.includes(commit)).reverse();
    const onlyBehind = behind.filter((commit) => !ahead.includes(commit));
    const mergeBase = ahead.find((commit) => behind.includes(commit));
    if (!mergeBase) throw notFound();
    const web = `${webOf(links, repository)}/compare/${from}...${to}`;
    return call.json({
      url: `${apiOf(links, repository)}/compare/${from}...${to}`,
      html_url: web,
      permalink_url: web,
      diff_url: `${web}.diff`,
      patch_url: `${web}.patch`,
      base_commit: presentCommit(links, repository, base),
      merge_base_commit: presentCommit(links, repository, mergeBase),
      status: relation(onlyAhead.length, onlyBehind.length),
      ahead_by: onlyAhead.length,
      behind_by: onlyBehind.length,
      total_commits: onlyAhead.length,
      commits: onlyAhead.map((commit) => presentCommit(links, repository, commit)),
      files: [],
    });
  });

  app.get("/repos/:owner/:repo/branches", (call) => {
    const repository = repositoryOf(call, store);
    const branches = Object.entries(repository.refs).filter(([ref]) => ref.startsWith("refs/heads/"));
    return call.json(
      page(call, branches, links).map(([ref, { sha }]) => ({
        name: ref.slice("refs/heads/".length),
        commit: { sha, url: `${apiOf(links, repository)}/commits/${sha}` },
        protected: false,
      })),
    );
  });

  app.get("/repos/:owner/:repo/branches/:branch{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const name = call.req.param("branch");
    const commit = repository.commits[repository.refs[`refs/heads/${name}`]?.sha ?? ""];
    if (!commit) throw notFound();
    const self = `${apiOf(links, repository)}/branches/${encodeURIComponent(name)}`;
    return call.json({
      name,
      commit: presentCommit(links, repository, commit),
      _links: { self, html: `${webOf(links, repository)}/tree/${name}` },
      protected: false,
      protection: {
        enabled: false,
        required_status_checks: { enforcement_level: "off", contexts: [], checks: [] },
      },
      protection_url: `${self}/protection`,
    });
  });

  function commitAt(repository: Repository, commitish: string): Commit | undefined {
    const sha = resolve(store, repository, commitish) ?? resolve(store, repository, `refs/${commitish}`);
    return sha === undefined ? undefined : store.commit(repository, sha);
  }
}

/** The git half of a commit: what `file-commit` and `git-commit` answers share. */
export function presentGitCommit(links: Links, repository: Repository, commit: Commit) {
  const api = apiOf(links, repository);
  const web = webOf(links, repository);
  const tree = treeSha(commit.files);
  return {
    sha: commit.sha,
    node_id: nodeId("C", commit.sha),
    url: `${api}/git/commits/${commit.sha}`,
    html_url: `${web}/commit/${commit.sha}`,
    author: commit.author,
    committer: commit.committer,
    tree: { sha: tree, url: `${api}/git/trees/${tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({
      sha,
      url: `${api}/git/commits/${sha}`,
      html_url: `${web}/commit/${sha}`,
    })),
    verification: UNSIGNED,
  };
}

function presentCommit(links: Links, repository: Repository, commit: Commit) {
  const { sha, node_id, html_url, ...git } = presentGitCommit(links, repository, commit);
  const { author, committer, message, tree, url, verification, parents } = git;
  const api = `${apiOf(links, repository)}/commits/${sha}`;
  return {
    sha,
    node_id,
    html_url,
    url: api,
    comments_url: `${api}/comments`,
    commit: { url, author, committer, message, tree, comment_count: 0, verification },
    author: user(links, repository.owner),
    committer: user(links, repository.owner),
    parents: parents.map((parent) => ({ ...parent, url: `${apiOf(links, repository)}/commits/${parent.sha}` })),
  };
}

/** The files that a commit changes, against its first parent; without their lines. */
function presentFiles(links: Links, repository: Repository, { sha, parents, files }: Commit) {
  const before = repository.commits[parents[0] ?? ""]?.files ?? {};
  const [api, web] = [apiOf(links, repository), webOf(links, repository)];
  return [...new Set([...Object.keys(before), ...Object.keys(files)])]
    .filter((path) => before[path] !== files[path])
    .sort()
    .map((path) => ({
      sha: files[path] ?? before[path] ?? null,
      filename: path,
      status: !(path in before) ? "added" : path in files ? "modified" : "removed",
      additions: 0,
      deletions: 0,
      changes: 0,
      blob_url: `${web}/blob/${sha}/${pathOf(path)}`,
      raw_url: `${web}/raw/${sha}/${pathOf(path)}`,
      contents_url: `${api}/contents/${pathOf(path)}?ref=${sha}`,
    }));
}

function relation(ahead: number, behind: number): "identical" | "ahead" | "behind" | "diverged" {
  if (ahead > 0) return behind > 0 ? "diverged" : "ahead";
  return behind > 0 ? "behind" : "identical";
}
