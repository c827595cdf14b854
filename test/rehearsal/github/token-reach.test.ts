import { expect, test } from "vitest";
import { client, github, REPOSITORY, refusal } from "./fixture.ts";

const REPO = "GET /repos/{owner}/{repo}";
const VARIABLES = "/repos/{owner}/{repo}/actions/variables";

test("a classic token's answers name its scopes, also when it has none; no other token's do", async () => {
  const server = await github();
  server.addToken("classic", "octocat", "admin", { scopes: ["repo", "workflow"] });
  server.addToken("bare", "octocat", "admin", { scopes: [] });
  server.addToken("fine", "octocat", "admin", { permissions: {} });
  const scopes = async (token: string | undefined) =>
    (await client(server, token).request(REPO, REPOSITORY)).headers["x-oauth-scopes"];
  expect(await scopes("classic")).toBe("repo, workflow");
  expect(await scopes("bare")).toBe("");
  expect(await scopes("fine")).toBeUndefined();
  expect(await scopes(undefined)).toBeUndefined();
});

test("a private repository is not there for a classic token without repo", async () => {
  const server = await github();
  server.createRepository({ owner: "octocat", name: "hidden", private: true });
  server.addToken("classic", "octocat", "admin", { scopes: ["public_repo"] });
  server.addToken("whole", "octocat", "admin", { scopes: ["repo"] });
  const hidden = { owner: "octocat", repo: "hidden" };
  expect(await refusal(client(server, "classic").request(REPO, hidden))).toMatchObject({ status: 404 });
  expect((await client(server, "whole").request(REPO, hidden)).data.private).toBe(true);
});

test("a fine-grained token may what it was given: reading, writing, nothing", async () => {
  const server = await github();
  const asked = (level: "read" | "write" | undefined) => {
    const token = `fine-${level}`;
    server.addToken(token, "octocat", "admin", { permissions: level ? { actions_variables: level } : {} });
    return client(server, token);
  };
  const create = { ...REPOSITORY, name: "COLOR", value: "blue" };
  expect((await asked("read").request(`GET ${VARIABLES}`, REPOSITORY)).status).toBe(200);
  expect(await refusal(asked("read").request(`POST ${VARIABLES}`, create))).toMatchObject({
    status: 403,
    message: "Resource not accessible by personal access token",
  });
  expect((await asked("write").request(`POST ${VARIABLES}`, create)).status).toBe(201);
  asked(undefined);
  const refused = await fetch(`${server.apiUrl}/repos/octocat/mount-monitor/actions/variables`, {
    headers: { authorization: "Bearer fine-undefined" },
  });
  expect([refused.status, refused.headers.get("x-accepted-github-permissions")]).toEqual([
    403,
    "actions_variables=read",
  ]);
});
