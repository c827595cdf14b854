import { randomBytes } from "node:crypto";
import { z } from "zod";
import { user } from "./accounts.ts";
import { presentAsset } from "./assets.ts";
import { readBody } from "./body.ts";
import { type App, commit, loginOf, repositoryOf, type Service } from "./context.ts";
import { GitHubError, notFound, type ValidationProblem, validationFailed } from "./error.ts";
import { apiOf, type Links, nodeId, pathOf, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import { checkRelease, latestRelease, type MakeLatest, markLatest, publish, resolve } from "./publication.ts";
import type { Release, Repository } from "./state.ts";
import { isVisible, releaseOf } from "./visible-release.ts";

const ReleaseBody = z.object({
  tag_name: z.string().optional(),
  target_commitish: z.string().optional(),
  name: z.string().nullable().optional(),
  body: z.string().nullable().optional(),
  draft: z.boolean().optional(),
  prerelease: z.boolean().optional(),
  make_latest: z.enum(["true", "false", "legacy"]).optional(),
  generate_release_notes: z.boolean().optional(),
});
type ReleaseBody = z.infer<typeof ReleaseBody>;

const NotesBody = z.object({
  tag_name: z.string(),
  target_commitish: z.string().optional(),
  previous_tag_name: z.string().optional(),
});

/** https://docs.github.com/rest/releases/releases */
export function releaseRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/releases", (call) => {
    const repository = repositoryOf(call, store);
    const visible = repository.releases.filter((release) => isVisible(call, release)).sort(youngestFirst);
    return call.json(page(call, visible, links).map((release) => presentRelease(links, repository, release)));
  });

  app.post("/repos/:owner/:repo/releases", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, ReleaseBody);
    if (body.tag_name === undefined) {
      throw validationFailed({ resource: "Release", code: "missing_field", field: "tag_name" });
    }
    const time = store.time();
    const release: Release = {
      id: store.newId(),
      tagName: body.tag_name,
      targetCommitish: body.target_commitish || repository.settings.default_branch,
      name: body.name ?? null,
      body: body.body ?? null,
      draft: body.draft ?? false,
      prerelease: body.prerelease ?? false,
      immutable: false,
      author: loginOf(call),
      createdAt: time,
      updatedAt: time,
      publishedAt: null,
      untagged: `untagged-${randomBytes(10).toString("hex")}`,
      assets: [],
    };
    checkRelease(store, repository, release);
    if (body.generate_release_notes) {
      const notes = generateNotes(links, repository, { tag_name: release.tagName });
      release.name ??= notes.name;
      release.body = [release.body, notes.body].filter(Boolean).join("\n\n");
    }
    repository.releases.push(release);
    if (!release.draft) publish(store, repository, release);
    markLatest(repository, release, body.make_latest ?? "true");
    commit(call, store);
    const presented = presentRelease(links, repository, release);
    call.header("Location", presented.url);
    return call.json(presented, 201);
  });

  app.post("/repos/:owner/:repo/releases/generate-notes", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, NotesBody);
    const target = body.target_commitish ?? repository.settings.default_branch;
    if (!repository.refs[`refs/tags/${body.tag_name}`] && !resolve(store, repository, target)) {
      throw validationFailed({ resource: "Release", code: "invalid", field: "target_commitish" });
    }
    return call.json(generateNotes(links, repository, body));
  });

  app.get("/repos/:owner/:repo/releases/latest", (call) => {
    const repository = repositoryOf(call, store);
    const release = latestRelease(repository);
    if (!release) throw notFound();
    return call.json(presentRelease(links, repository, release));
  });

  app.get("/repos/:owner/:repo/releases/tags/:tag{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const release = repository.releases.find(({ draft, tagName }) => !draft && tagName === call.req.param("tag"));
    if (!release) throw notFound();
    return call.json(presentRelease(links, repository, release));
  });

  app.get("/repos/:owner/:repo/releases/:id{[0-9]+}", (call) => {
    const repository = repositoryOf(call, store);
    return call.json(presentRelease(links, repository, releaseOf(call, repository)));
  });

  app.patch("/repos/:owner/:repo/releases/:id{[0-9]+}", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, ReleaseBody);
    const release = releaseOf(call, repository);
    const changed = change(release, body);
    if (release.immutable) refuseSealed(release, changed);
    checkRelease(store, repository, changed);
    const publishes = release.draft && !changed.draft;
    Object.assign(release, changed, { updatedAt: store.time() });
    if (publishes) publish(store, repository, release);
    const wish: MakeLatest | undefined = body.make_latest ?? (publishes ? "true" : undefined);
    if (wish) markLatest(repository, release, wish);
    commit(call, store);
    return call.json(presentRelease(links, repository, release));
  });

  app.delete("/repos/:owner/:repo/releases/:id{[0-9]+}", (call) => {
    const repository = repositoryOf(call, store, "push");
    const release = releaseOf(call, repository);
    repository.releases = repository.releases.filter((other) => other !== release);
    if (repository.latestReleaseId === release.id) repository.latestReleaseId = null;
    commit(call, store);
    return call.body(null, 204);
  });
}

/** A release as GitHub shows it. */
export function presentRelease(links: Links, repository: Repository, release: Release) {
  const api = `${apiOf(links, repository)}/releases/${release.id}`;
  const ref = `refs/tags/${pathOf(release.tagName)}`;
  const ball = (kind: string) => (release.draft ? null : `${apiOf(links, repository)}/${kind}/${ref}`);
  return {
    url: api,
    assets_url: `${api}/assets`,
    upload_url: `${links.uploads}${new URL(api).pathname.replace("/api/v3", "")}/assets{?name,label}`,
    html_url: `${webOf(links, repository)}/releases/tag/${pathOf(release.draft ? release.untagged : release.tagName)}`,
    id: release.id,
    author: user(links, release.author),
    node_id: nodeId("RE", release.id),
    tag_name: release.tagName,
    target_commitish: release.targetCommitish,
    name: release.name,
    draft: release.draft,
    immutable: release.immutable,
    prerelease: release.prerelease,
    created_at: release.createdAt,
    updated_at: release.updatedAt,
    published_at: release.draft ? null : release.publishedAt,
    assets: release.assets.map((asset) => presentAsset(links, repository, release, asset)),
    tarball_url: ball("tarball"),
    zipball_url: ball("zipball"),
    body: release.body,
  };
}

function youngestFirst(left: Release, right: Release): number {
  return Number(right.draft) - Number(left.draft) || right.id - left.id;
}

function change(release: Release, body: ReleaseBody): Release {
  return {
    ...release,
    tagName: body.tag_name ?? release.tagName,
    targetCommitish: body.target_commitish || release.targetCommitish,
    name: body.name === undefined ? release.name : body.name,
    body: body.body === undefined ? release.body : body.body,
    draft: body.draft ?? release.draft,
    prerelease: body.prerelease ?? release.prerelease,
  };
}

/** https://docs.github.com/code-security/concepts/supply-chain-security/immutable-releases */
function refuseSealed(release: Release, changed: Release): void {
  const sealed = [
    ["tag_name", release.tagName, changed.tagName],
    ["target_commitish", release.targetCommitish, changed.targetCommitish],
    ["state", release.draft, changed.draft],
    ["prerelease", release.prerelease, changed.prerelease],
  ] as const;
  const problems = sealed
    .filter(([, before, after]) => before !== after)
    .map(
      ([field]): ValidationProblem => ({
        resource: "Release",
        code: "custom",
        field,
        message: `${field} cannot be changed when release is immutable`,
      }),
    );
  if (problems.length > 0) throw validationFailed(...problems);
}

function generateNotes(links: Links, repository: Repository, body: z.infer<typeof NotesBody>) {
  const web = webOf(links, repository);
  const previous = body.previous_tag_name ?? latestRelease(repository)?.tagName;
  if (previous !== undefined && !repository.refs[`refs/tags/${previous}`]) {
    throw new GitHubError(422, `Invalid previous_tag parameter: ${previous}`);
  }
  const range = previous === undefined ? `commits/${body.tag_name}` : `compare/${previous}...${body.tag_name}`;
  return { name: body.tag_name, body: `**Full Changelog**: ${web}/${range}` };
}
