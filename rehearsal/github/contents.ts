import { z } from "zod";
import { readBody } from "./body.ts";
import { presentGitCommit } from "./commits.ts";
import { type App, type Call, commit, loginOf, repositoryOf, type Service } from "./context.ts";
import { conflict, GitHubError, notFound, unprocessable } from "./error.ts";
import { makeCommit } from "./git-object.ts";
import { apiOf, type Links, pathOf, webOf } from "./links.ts";
import { resolve } from "./publication.ts";
import { refuseByRuleset } from "./ruleset-check.ts";
import type { Commit, Repository } from "./state.ts";
import type { Store } from "./store.ts";

const Signature = z.object({ name: z.string(), email: z.string(), date: z.string().optional() });
const WriteBody = z.object({
  message: z.string(),
  content: z.string().optional(),
  sha: z.string().optional(),
  branch: z.string().optional(),
  author: Signature.optional(),
  committer: Signature.optional(),
});
type WriteBody = z.infer<typeof WriteBody>;

/** Files of a branch, written with the SHA of what they replace. https://docs.github.com/rest/repos/contents */
export function contentRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/contents/:path{.*}", (call) => {
    const repository = repositoryOf(call, store);
    const ref = call.req.query("ref") || repository.settings.default_branch;
    const tip = resolve(store, repository, ref);
    if (tip === undefined) throw new GitHubError(404, `No commit found for the ref ${ref}`);
    const path = call.req.param("path").replace(/\/+$/, "");
    const files = store.commit(repository, tip)?.files ?? {};
    const sha = files[path];
    if (sha === undefined) return call.json(directory(links, repository, files, path, ref));
    const content = repository.blobs[sha] ?? "";
    if (call.req.header("accept")?.includes(".raw")) return call.body(new Uint8Array(Buffer.from(content, "base64")));
    return call.json({ ...entry(links, repository, path, sha, ref), content: wrapped(content), encoding: "base64" });
  });

  app.put("/repos/:owner/:repo/contents/:path{.+}", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, WriteBody);
    if (body.content === undefined) throw unprocessable('Invalid request.\n\n"content" wasn\'t supplied.');
    const path = call.req.param("path");
    const { branch, tip } = tipOf(repository, body);
    const existing = tip.files[path];
    if (existing !== undefined && !body.sha) throw unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.');
    if (body.sha && existing !== body.sha) throw conflict(`${path} does not match ${body.sha}`);
    const sha = store.putBlob(repository, Buffer.from(body.content, "base64"));
    const made = advance(call, store, repository, branch, tip, { ...tip.files, [path]: sha }, body);
    return call.json(
      { content: entry(links, repository, path, sha, branch), commit: presentGitCommit(links, repository, made) },
      existing === undefined ? 201 : 200,
    );
  });

  app.delete("/repos/:owner/:repo/contents/:path{.+}", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, WriteBody);
    const path = call.req.param("path");
    const { branch, tip } = tipOf(repository, body);
    const { [path]: existing, ...rest } = tip.files;
    if (existing === undefined) throw notFound();
    if (!body.sha) throw unprocessable('Invalid request.\n\n"sha" wasn\'t supplied.');
    if (existing !== body.sha) throw conflict(`${path} does not match ${body.sha}`);
    const made = advance(call, store, repository, branch, tip, rest, body);
    return call.json({ content: null, commit: presentGitCommit(links, repository, made) });
  });
}

function tipOf(repository: Repository, body: WriteBody): { branch: string; tip: Commit } {
  const branch = body.branch ?? repository.settings.default_branch;
  const tip = repository.commits[repository.refs[`refs/heads/${branch}`]?.sha ?? ""];
  if (!tip) throw new GitHubError(404, `Branch ${branch} not found`);
  return { branch, tip };
}

function advance(
  call: Call,
  store: Store,
  repository: Repository,
  branch: string,
  tip: Commit,
  files: Record<string, string>,
  body: WriteBody,
): Commit {
  const ref = `refs/heads/${branch}`;
  refuseByRuleset(repository, ref, "update");
  const login = loginOf(call);
  const fallback = { name: login, email: `${login}@users.noreply.github.com`, date: store.time() };
  const author = { ...fallback, ...(body.author ?? body.committer) };
  const committer = { ...fallback, ...(body.committer ?? body.author) };
  const made = makeCommit({
    message: body.message,
    author: { ...author, date: author.date ?? fallback.date },
    committer: { ...committer, date: committer.date ?? fallback.date },
    parents: [tip.sha],
    files,
  });
  repository.commits[made.sha] = made;
  repository.refs[ref] = { type: "commit", sha: made.sha };
  repository.updatedAt = fallback.date;
  commit(call, store);
  return made;
}

function directory(links: Links, repository: Repository, files: Record<string, string>, path: string, ref: string) {
  const prefix = path === "" ? "" : `${path}/`;
  const names = Object.keys(files).filter((file) => file.startsWith(prefix));
  if (names.length === 0) throw notFound();
  const children = new Set(names.map((file) => file.slice(prefix.length).split("/")[0] ?? ""));
  return [...children].sort().map((child) => {
    const sha = files[prefix + child];
    if (sha !== undefined) return entry(links, repository, prefix + child, sha, ref);
    const folder = entry(links, repository, prefix + child, "0".repeat(40), ref);
    return { ...folder, type: "dir", size: 0, download_url: null };
  });
}

function entry(links: Links, repository: Repository, path: string, sha: string, ref: string) {
  const url = `${apiOf(links, repository)}/contents/${pathOf(path)}?ref=${encodeURIComponent(ref)}`;
  const git = `${apiOf(links, repository)}/git/blobs/${sha}`;
  const html = `${webOf(links, repository)}/blob/${ref}/${pathOf(path)}`;
  return {
    name: path.slice(path.lastIndexOf("/") + 1),
    path,
    sha,
    size: Buffer.from(repository.blobs[sha] ?? "", "base64").length,
    url,
    html_url: html,
    git_url: git,
    download_url: `${webOf(links, repository)}/raw/${ref}/${pathOf(path)}`,
    type: "file",
    _links: { self: url, git, html },
  };
}

/** GitHub breaks base64 into lines of 60. */
function wrapped(base64: string): string {
  return base64.replace(/.{1,60}/g, "$&\n");
}
