import { createHash } from "node:crypto";
import type { App, Service } from "./context.ts";
import { GitHubError, notFound } from "./error.ts";
import { type Links, nodeId } from "./links.ts";

/** Routes that speak of the caller and of the service itself. */
export function accountRoutes(app: App, { links, rateLimit }: Service): void {
  app.get("/rate_limit", (call) => {
    const rate = rateLimit.numbers();
    return call.json({ resources: { core: rate, search: { ...rate, limit: 30, used: 0, remaining: 30 } }, rate });
  });
  app.get("/user", (call) => {
    const { actor } = call.env;
    if (!actor) throw new GitHubError(401, "Requires authentication");
    return call.json(fullUser(links, actor.login));
  });
  app.get("/users/:login", (call) => call.json(fullUser(links, call.req.param("login"))));
  app.get("/orgs/:org", () => {
    throw notFound(); // every owner here is a person
  });
  app.get("/meta", (call) => call.json({ verifiable_password_authentication: false, installed_version: "3.19.0" }));
  app.get("/zen", (call) => call.text("Keep it logically awesome."));
}

/** An account as it stands inside other answers. */
export function user(links: Links, login: string) {
  const name = encodeURIComponent(login); // bots have brackets in theirs
  const api = `${links.api}/users/${name}`;
  return {
    login,
    id: accountId(login),
    node_id: nodeId("U", login),
    avatar_url: `${links.web}/avatars/${name}`,
    gravatar_id: "",
    url: api,
    html_url: `${links.web}/${name}`,
    followers_url: `${api}/followers`,
    following_url: `${api}/following{/other_user}`,
    gists_url: `${api}/gists{/gist_id}`,
    starred_url: `${api}/starred{/owner}{/repo}`,
    subscriptions_url: `${api}/subscriptions`,
    organizations_url: `${api}/orgs`,
    repos_url: `${api}/repos`,
    events_url: `${api}/events{/privacy}`,
    received_events_url: `${api}/received_events`,
    type: "User",
    site_admin: false,
  };
}

function fullUser(links: Links, login: string) {
  return {
    ...user(links, login),
    name: login,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    public_repos: 0,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: "2020-01-01T00:00:00Z",
    updated_at: "2020-01-01T00:00:00Z",
  };
}

function accountId(login: string): number {
  return createHash("sha1").update(login).digest().readUInt32BE() % 100_000_000;
}
