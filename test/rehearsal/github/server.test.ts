import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startGitHub } from "../../../rehearsal/github/server.ts";
import { client, draft, FULL_NAME, github, REPOSITORY, refusal, stranger, TOKEN, told, upload } from "./fixture.ts";
import { validateExchange } from "./schema.ts";

const REPO = "GET /repos/{owner}/{repo}";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "local-github-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

test("credentials: a wrong token is refused, none may read what is public, a lesser one may not administer", async () => {
  const server = await github();
  expect(await refusal(client(server, "wrong").request(REPO, REPOSITORY))).toMatchObject({
    status: 401,
    message: "Bad credentials",
  });
  expect(await refusal(stranger(server).request("GET /user"))).toMatchObject({ status: 401 });
  expect((await stranger(server).request(REPO, REPOSITORY)).data.permissions).toMatchObject({
    admin: false,
    push: false,
    pull: true,
  });
  const create = { ...REPOSITORY, tag_name: "v1" };
  const publish = stranger(server).request("POST /repos/{owner}/{repo}/releases", create);
  expect(await refusal(publish)).toMatchObject({ status: 401, message: "Requires authentication" });

  server.addToken("actions", "github-actions[bot]", "push");
  const actions = client(server, "actions");
  expect((await actions.request(REPO, REPOSITORY)).data.permissions).toMatchObject({ admin: false, push: true });
  expect((await actions.request("POST /repos/{owner}/{repo}/releases", create)).data.author.login).toBe(
    "github-actions[bot]",
  );
  const administer = actions.request("PUT /repos/{owner}/{repo}/immutable-releases", REPOSITORY);
  expect(await refusal(administer)).toMatchObject({ status: 403, message: "Resource not accessible by integration" });
});

test("a private repository is not there for strangers, an unknown one for nobody", async () => {
  const server = await github();
  server.createRepository({ owner: "octocat", name: "hidden", private: true });
  const hidden = { owner: "octocat", repo: "hidden" };
  expect((await client(server).request(REPO, hidden)).data).toMatchObject({ private: true, visibility: "private" });
  expect(await refusal(stranger(server).request(REPO, hidden))).toMatchObject({ status: 404, message: "Not Found" });
  expect(await refusal(client(server).request(REPO, { ...hidden, repo: "none" }))).toMatchObject({ status: 404 });
  expect(() => server.createRepository({ owner: "Octocat", name: "Hidden" })).toThrow("exists already");
});

test("the repository's settings can be changed, to what makes sense", async () => {
  const server = await github();
  const patch = (fields: Record<string, unknown>) =>
    client(server).request("PATCH /repos/{owner}/{repo}", { ...REPOSITORY, ...fields });
  expect((await patch({ description: "watches", has_wiki: false })).data).toMatchObject({
    description: "watches",
    has_wiki: false,
    has_issues: true,
  });
  expect(await refusal(patch({ default_branch: "none" }))).toMatchObject({ status: 422 });
  expect(server.inspect.repository(FULL_NAME).settings.default_branch).toBe("main");
});

test("what is outside the API answers 404 as GitHub does", async () => {
  const server = await github();
  server.hooks.onResponse = undefined;
  for (const path of ["/api/v3/nothing", "/nothing", "/api/graphql"]) {
    expect(await told(await fetch(server.url + path, { headers: { authorization: `Bearer ${TOKEN}` } }))).toEqual([
      404,
      "Not Found",
    ]);
  }
  const malformed = await fetch(`${server.apiUrl}/repos/${FULL_NAME}/releases`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: "{",
  });
  expect(await told(malformed)).toEqual([400, "Problems parsing JSON"]);
});

test("the API answers under /api/v3 and without a prefix", async () => {
  const server = await github();
  for (const url of [server.apiUrl, server.url]) {
    expect((await fetch(`${url}/repos/${FULL_NAME}`)).status).toBe(200);
  }
  expect(server.history.map(({ path, surface }) => `${surface} ${path}`)).toEqual(
    Array(2).fill(`api /repos/${FULL_NAME}`),
  );
});

test("a repository is found by its id, too", async () => {
  const server = await github();
  const { id } = server.inspect.repository(FULL_NAME);
  for (const path of ["", "/actions/secrets"]) {
    const byId = await client(server).request(`GET /repositories/{id}${path}`, { id });
    const byName = await client(server).request(`GET /repos/{owner}/{repo}${path}`, REPOSITORY);
    expect(byId.data).toEqual(byName.data);
  }
  expect(server.history[0]?.path).toBe(`/repos/${FULL_NAME}`);
  server.hooks.onResponse = undefined;
  expect((await refusal(client(server).request("GET /repositories/{id}", { id: 7 }))).status).toBe(404);
});

test("accounts: the token's own, and owners that are no organizations", async () => {
  const server = await github();
  expect((await client(server).request("GET /user")).data.login).toBe("octocat");
  expect((await client(server).request("GET /users/{username}", { username: "somebody" })).data.login).toBe("somebody");
  expect(await refusal(client(server).request("GET /orgs/{org}", { org: "octocat" }))).toMatchObject({ status: 404 });
});

test("an unchanged answer costs no request of the limit", async () => {
  const server = await github();
  const ask = (etag = "") => fetch(`${server.apiUrl}/repos/${FULL_NAME}`, { headers: { "if-none-match": etag } });
  const first = await ask();
  const etag = first.headers.get("etag") ?? "";
  expect(etag).toMatch(/^W\/"[0-9a-f]{64}"$/);
  expect(first.headers.get("x-ratelimit-remaining")).toBe("4999");
  const second = await ask(etag);
  expect([second.status, await second.text(), second.headers.get("x-ratelimit-used")]).toEqual([304, "", "1"]);
  server.inspect.repository(FULL_NAME).settings.description = "changed";
  const third = await ask(etag);
  expect([third.status, third.headers.get("x-ratelimit-used")]).toEqual([200, "2"]);
});

test("a used-up limit refuses until its reset, which is told", async () => {
  let now = new Date("2026-11-24T12:00:00Z");
  const server = await github({ now: () => now });
  server.rateLimit.limit = 1;
  const ask = () => fetch(`${server.apiUrl}/repos/${FULL_NAME}`);
  expect((await ask()).status).toBe(200);
  const refused = await ask();
  expect(refused.headers.get("x-ratelimit-remaining")).toBe("0");
  expect(refused.headers.get("x-ratelimit-reset")).toBe(String(Date.parse("2026-11-24T13:00:00Z") / 1000));
  expect(refused.headers.get("x-ratelimit-resource")).toBe("core");
  expect((await told(refused))[0]).toBe(403);
  const { data } = await client(server).request("GET /rate_limit");
  expect(data.resources.core).toEqual({ limit: 1, used: 2, remaining: 0, reset: 1795525200 });
  now = new Date("2026-11-24T13:00:00Z");
  expect((await ask()).status).toBe(200);
});

test("the history tells what was asked, without secrets", async () => {
  const server = await github();
  await draft(server, { tag_name: "v1.0.0" });
  await client(server).request("GET /repos/{owner}/{repo}/releases", { ...REPOSITORY, per_page: 1 });
  await stranger(server)
    .request("PUT /repos/{owner}/{repo}/actions/secrets/{secret_name}", {
      ...REPOSITORY,
      secret_name: "A",
      encrypted_value: "c2VjcmV0",
      key_id: "1",
    })
    .catch(() => undefined);
  const [create, list, secret] = server.history;
  expect(create).toMatchObject({
    method: "POST",
    surface: "api",
    path: "/repos/octocat/mount-monitor/releases",
    query: "",
    status: 201,
    applied: true,
    credential: true,
    summary: expect.stringContaining('"tag_name":"v1.0.0"'),
  });
  expect(Date.parse(create?.time ?? "")).toBeGreaterThan(0);
  expect(list).toMatchObject({ method: "GET", query: "?per_page=1", status: 200, applied: false, summary: "" });
  expect(secret).toMatchObject({ status: 401, credential: false, summary: '{"encrypted_value":"…","key_id":"1"}' });
  expect(JSON.stringify(server.history)).not.toContain(TOKEN);
});

test("everything is there again after a restart on the same directory and port", async () => {
  const dataDir = directory();
  const first = await github({ dataDir });
  const release = await draft(first, { tag_name: "v1.0.0" });
  await upload(release, "a", "bytes");
  const before = (await client(first).request("GET /repos/{owner}/{repo}/releases", REPOSITORY)).data;
  await first.stop();

  const port = Number(new URL(first.url).port);
  const second = await startGitHub({ port, dataDir, token: TOKEN, onResponse: validateExchange });
  onTestFinished(() => second.stop());
  // Until `fetch` has noticed that its pooled connections have ended.
  const after = async () => (await client(second).request("GET /repos/{owner}/{repo}/releases", REPOSITORY)).data;
  await expect.poll(after).toEqual(before);
  expect(second.inspect.assetBytes(FULL_NAME, "v1.0.0", "a").toString()).toBe("bytes");
  expect(second.inspect.state.keyPair).toEqual(first.inspect.state.keyPair);
  await expect(startGitHub({ port, token: TOKEN })).rejects.toThrow(`127.0.0.1:${port}`);
});

test("a change is on disk before its answer, and no half-written file stays", async () => {
  const dataDir = directory();
  const server = await github({ dataDir });
  server.hooks.onBoundary = (_record, boundary) => {
    if (boundary === "after-apply") expect(readFileSync(join(dataDir, "state.json"), "utf8")).toContain('"v7.0.0"');
  };
  await draft(server, { tag_name: "v7.0.0" });
  expect(server.history).toMatchObject([{ status: 201 }]);
  expect(readdirSync(dataDir).sort()).toEqual(["content", "state.json"]);
});

test("only the loopback interface is listened on, and nothing after the stop", async () => {
  const server = await github();
  expect(new URL(server.url).hostname).toBe("127.0.0.1");
  expect(new URL(server.storageUrl).hostname).toBe("127.0.0.1");
  await server.stop();
  await expect(fetch(server.url)).rejects.toThrow();
  await expect(fetch(server.storageUrl)).rejects.toThrow();
});
