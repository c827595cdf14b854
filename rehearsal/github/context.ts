import type { Context, Hono } from "hono";
import { GitHubError, notFound } from "./error.ts";
import type { RequestRecord } from "./history.ts";
import type { Links } from "./links.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Repository } from "./state.ts";
import type { Store } from "./store.ts";
import { seesPrivate, type TokenReach } from "./token-reach.ts";

export type Permission = "pull" | "push" | "admin";

/** Who asks. */
export interface Actor {
  login: string;
  permission: Permission;
  /** What the token is good for; absent: for everything that its user may do. */
  reach?: TokenReach | undefined;
}

/** What every route finds in its context. */
export interface Environment {
  Bindings: { actor: Actor | undefined; record: RequestRecord };
}

export type App = Hono<Environment>;
export type Call = Context<Environment>;

/** What the routes of one family are made from. */
export interface Service {
  store: Store;
  links: Links;
  rateLimit: RateLimit;
}

const RANK = { pull: 0, push: 1, admin: 2 } satisfies Record<Permission, number>;

/** May the caller do what needs `needed`? Without a token nobody may more than read. */
export function allows(call: Call, needed: Permission): boolean {
  return RANK[call.env.actor?.permission ?? "pull"] >= RANK[needed];
}

/**
 * The repository that the path names, for a caller who may do what needs `needed`.
 * @throws GitHubError 404 if it is not there or hidden, 401 without a token, 403 without the permission
 */
export function repositoryOf(call: Call, store: Store, needed: Permission = "pull"): Repository {
  const repository = store.repository(call.req.param("owner") ?? "", call.req.param("repo") ?? "");
  const { actor } = call.env;
  if (repository.settings.private && !(actor && seesPrivate(actor.reach))) throw notFound();
  if (needed !== "pull" && !actor) throw new GitHubError(401, "Requires authentication");
  if (!allows(call, needed)) throw new GitHubError(403, "Resource not accessible by integration");
  return repository;
}

/** The login that a write is done by. */
export function loginOf(call: Call): string {
  return call.env.actor?.login ?? "ghost";
}

/** Makes a change durable and notes in the history that the request has changed something. */
export function commit(call: Call, store: Store): void {
  store.save();
  call.env.record.applied = true;
}
