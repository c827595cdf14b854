import { GitHubError } from "./error.ts";

/**
 * What a token reaches, besides what its user may do: a classic one has scopes, a fine-grained one permissions.
 * Absent: everything, and GitHub says nothing about it, as of an App's token.
 */
export type TokenReach =
  | { readonly scopes: readonly string[] }
  | { readonly permissions: Readonly<Record<string, "read" | "write">> };

/** An answer's headers about the token. https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
export function reachHeaders(reach: TokenReach | undefined): Record<string, string> {
  return reach && "scopes" in reach
    ? { "x-oauth-scopes": reach.scopes.join(", "), "x-accepted-oauth-scopes": "repo" }
    : {};
}

/** A private repository is there for a classic token with the scope `repo` only. */
export function seesPrivate(reach: TokenReach | undefined): boolean {
  return !reach || !("scopes" in reach) || reach.scopes.includes("repo");
}

// https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens
const NEEDED: readonly (readonly [RegExp, string])[] = [
  [/^\/repos\/[^/]+\/[^/]+\/actions\/variables/, "actions_variables"],
  [/^\/repos\/[^/]+\/[^/]+\/actions\/secrets/, "secrets"],
  [/^\/repos\/[^/]+\/[^/]+\/(?:actions\/permissions|immutable-releases)/, "administration"],
  [/^\/repos\/[^/]+\/[^/]+\/(?:contents|releases|git)/, "contents"],
];

/**
 * The refusal of a request that a fine-grained token was not given the permission for, with the header that names it.
 * What everybody may read of a public repository needs none.
 */
export function lackingPermission(
  reach: TokenReach | undefined,
  method: string,
  path: string,
): { readonly error: GitHubError; readonly headers: Record<string, string> } | undefined {
  const [, permission] = NEEDED.find(([pattern]) => pattern.test(path)) ?? [];
  const reading = method === "GET" || method === "HEAD";
  if (!reach || "scopes" in reach || !permission || (permission === "contents" && reading)) {
    return undefined;
  }
  const given = reach.permissions[permission];
  return given === "write" || (reading && given === "read")
    ? undefined
    : {
        error: new GitHubError(403, "Resource not accessible by personal access token"),
        headers: { "x-accepted-github-permissions": `${permission}=${reading ? "read" : "write"}` },
      };
}
