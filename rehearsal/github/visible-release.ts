import { allows, type Call } from "./context.ts";
import { notFound } from "./error.ts";
import type { Release, Repository } from "./state.ts";

/**
 * The release that the path's `id` names, if the caller may see it.
 * @throws GitHubError 404
 */
export function releaseOf(call: Call, repository: Repository): Release {
  const release = repository.releases.find(({ id }) => id === Number(call.req.param("id")));
  if (!release || !isVisible(call, release)) throw notFound();
  return release;
}

/** Drafts are for those who may write. */
export function isVisible(call: Call, release: Release): boolean {
  return !release.draft || allows(call, "push");
}
