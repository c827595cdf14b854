import { z } from "zod";
import { readBody } from "./body.ts";
import { type App, type Call, commit, loginOf, repositoryOf, type Service } from "./context.ts";
import { notFound, ruleViolation, unprocessable } from "./error.ts";
import { isAncestor, makeAnnotatedTag, peel } from "./git-object.ts";
import { apiOf, type Links, nodeId, pathOf } from "./links.ts";
import { page } from "./pagination.ts";
import { isTagName, retract } from "./publication.ts";
import { refuseByRuleset } from "./ruleset-check.ts";
import type { AnnotatedTag, GitObject, Repository } from "./state.ts";

const CreateBody = z.object({ ref: z.string(), sha: z.string() });
const UpdateBody = z.object({ sha: z.string(), force: z.boolean().optional() });
const TagBody = z.object({
  tag: z.string(),
  message: z.string(),
  object: z.string(),
  type: z.enum(["commit", "tree", "blob"]),
  tagger: z.object({ name: z.string(), email: z.string(), date: z.string().optional() }).optional(),
});

/** Refs and annotated tags. https://docs.github.com/rest/git/refs */
export function refRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/git/ref/:ref{.+}", (call) => {
    const repository = repositoryOf(call, store);
    return call.json(presentRef(links, repository, refOf(call, repository)));
  });

  app.get("/repos/:owner/:repo/git/matching-refs/:ref{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const prefix = `refs/${call.req.param("ref")}`;
    const names = Object.keys(repository.refs)
      .filter((name) => name.startsWith(prefix))
      .sort();
    return call.json(page(call, names, links).map((name) => presentRef(links, repository, name)));
  });

  app.post("/repos/:owner/:repo/git/refs", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const { ref, sha } = await readBody(call, CreateBody);
    const name = /^refs\/[^/]+\/(.+)$/.exec(ref)?.[1];
    if (name === undefined || !isTagName(name)) throw unprocessable(`${ref} is not a valid ref name.`);
    const object = objectOf(repository, sha);
    if (repository.refs[ref]) throw unprocessable("Reference already exists");
    refuseByRuleset(repository, ref, "creation");
    repository.refs[ref] = object;
    commit(call, store);
    const presented = presentRef(links, repository, ref);
    call.header("Location", presented.url);
    return call.json(presented, 201);
  });

  app.patch("/repos/:owner/:repo/git/refs/:ref{.+}", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const { sha, force = false } = await readBody(call, UpdateBody);
    const ref = `refs/${call.req.param("ref")}`;
    const current = repository.refs[ref];
    if (!current) throw unprocessable("Reference does not exist");
    const object = objectOf(repository, sha);
    if (isSealed(repository, ref) && object.sha !== current.sha)
      throw ruleViolation("Cannot update this protected ref.");
    const forward = isAncestor(repository, peel(repository, current) ?? "", peel(repository, object) ?? "");
    if (object.sha !== current.sha) {
      refuseByRuleset(repository, ref, "update");
      if (!forward) refuseByRuleset(repository, ref, "non_fast_forward");
    }
    if (!forward && !force) throw unprocessable("Update is not a fast forward");
    repository.refs[ref] = object;
    commit(call, store);
    return call.json(presentRef(links, repository, ref));
  });

  app.delete("/repos/:owner/:repo/git/refs/:ref{.+}", (call) => {
    const repository = repositoryOf(call, store, "push");
    const ref = `refs/${call.req.param("ref")}`;
    if (!repository.refs[ref]) throw unprocessable("Reference does not exist");
    if (isSealed(repository, ref)) throw ruleViolation("Cannot delete this protected ref.");
    refuseByRuleset(repository, ref, "deletion");
    delete repository.refs[ref];
    retract(repository, ref);
    commit(call, store);
    return call.body(null, 204);
  });

  app.post("/repos/:owner/:repo/git/tags", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const { tag, message, object, type, tagger } = await readBody(call, TagBody);
    objectOf(repository, object);
    const login = loginOf(call);
    const made = makeAnnotatedTag({
      tag,
      message,
      object: { type, sha: object },
      tagger: {
        name: tagger?.name ?? login,
        email: tagger?.email ?? `${login}@users.noreply.github.com`,
        date: tagger?.date ?? store.time(),
      },
    });
    repository.annotatedTags[made.sha] = made;
    commit(call, store);
    return call.json(presentTag(links, repository, made), 201);
  });

  app.get("/repos/:owner/:repo/git/tags/:sha", (call) => {
    const repository = repositoryOf(call, store);
    const tag = repository.annotatedTags[call.req.param("sha")];
    if (!tag) throw notFound();
    return call.json(presentTag(links, repository, tag));
  });

  app.get("/repos/:owner/:repo/tags", (call) => {
    const repository = repositoryOf(call, store);
    const names = Object.keys(repository.refs)
      .filter((ref) => ref.startsWith("refs/tags/"))
      .sort()
      .reverse();
    const api = apiOf(links, repository);
    return call.json(
      page(call, names, links).map((ref) => {
        const name = ref.slice("refs/tags/".length);
        const object = repository.refs[ref];
        const sha = (object && peel(repository, object)) ?? "";
        return {
          name,
          zipball_url: `${api}/zipball/${pathOf(ref)}`,
          tarball_url: `${api}/tarball/${pathOf(ref)}`,
          commit: { sha, url: `${api}/commits/${sha}` },
          node_id: nodeId("REF", ref),
        };
      }),
    );
  });

  /** @throws GitHubError 422 */
  function objectOf(repository: Repository, sha: string): GitObject {
    if (repository.annotatedTags[sha]) return { type: "tag", sha };
    if (store.commit(repository, sha)) return { type: "commit", sha };
    throw unprocessable("Object does not exist");
  }
}

/** Belongs the ref to a release that is published and immutable? */
function isSealed(repository: Repository, ref: string): boolean {
  return repository.releases.some(({ immutable, tagName }) => immutable && ref === `refs/tags/${tagName}`);
}

function refOf(call: Call, repository: Repository): string {
  const ref = `refs/${(call.req.param("ref") ?? "").replace(/^refs\//, "")}`;
  if (!repository.refs[ref]) throw notFound();
  return ref;
}

function presentRef(links: Links, repository: Repository, ref: string) {
  const object = repository.refs[ref];
  if (!object) throw notFound();
  const api = apiOf(links, repository);
  return {
    ref,
    node_id: nodeId("REF", ref),
    url: `${api}/git/${pathOf(ref)}`,
    object: { sha: object.sha, type: object.type, url: `${api}/git/${object.type}s/${object.sha}` },
  };
}

function presentTag(links: Links, repository: Repository, tag: AnnotatedTag) {
  const api = apiOf(links, repository);
  return {
    node_id: nodeId("TA", tag.sha),
    tag: tag.tag,
    sha: tag.sha,
    url: `${api}/git/tags/${tag.sha}`,
    message: tag.message,
    tagger: tag.tagger,
    object: { ...tag.object, url: `${api}/git/${tag.object.type}s/${tag.object.sha}` },
    verification: { verified: false, reason: "unsigned", signature: null, payload: null, verified_at: null },
  };
}
