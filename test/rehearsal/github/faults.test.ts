import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matches } from "../../../rehearsal/github/faults.ts";
import type { LocalGitHub } from "../../../rehearsal/github/server.ts";
import { client, draft, FULL_NAME, github, REPOSITORY, refusal, TOKEN, upload } from "./fixture.ts";

const RELEASES = "/repos/*/*/releases";
const names = (server: LocalGitHub) => server.inspect.releases(FULL_NAME).map(({ tagName }) => tagName);

/** Without Octokit, which takes the rest of a broken answer for its whole. */
function post(server: LocalGitHub, release: { tag_name: string; draft: boolean }): Promise<Response> {
  return fetch(`${server.apiUrl}/repos/${FULL_NAME}/releases`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(release),
  });
}

test("a status answers without applying, with its headers, for the nth request only", async () => {
  const server = await github();
  server.misbehave({
    method: "POST",
    path: RELEASES,
    nth: 2,
    action: { status: 429, headers: { "retry-after": "7" }, body: { message: "slow down" } },
  });
  await draft(server, { tag_name: "v1" });
  const response = await fetch(`${server.apiUrl}/repos/${FULL_NAME}/releases`, { method: "POST" });
  expect([response.status, response.headers.get("retry-after"), await response.json()]).toEqual([
    429,
    "7",
    { message: "slow down" },
  ]);
  await draft(server, { tag_name: "v3" });
  expect(names(server)).toEqual(["v1", "v3"]);
  expect(server.history.map(({ status, applied, fault }) => ({ status, applied, fault }))).toEqual([
    { status: 201, applied: true, fault: null },
    { status: 429, applied: false, fault: "status" },
    { status: 201, applied: true, fault: null },
  ]);
});

test("times: so many in a row; clearFaults ends them", async () => {
  const server = await github();
  server.misbehave({ path: RELEASES, times: 2, action: { status: 503 } });
  expect((await refusal(draft(server, { tag_name: "v1" }))).status).toBe(503);
  expect((await refusal(draft(server, { tag_name: "v1" }))).status).toBe(503);
  await draft(server, { tag_name: "v1" });
  server.misbehave({ path: RELEASES, times: Number.POSITIVE_INFINITY, action: { status: 503 } });
  expect((await refusal(draft(server, { tag_name: "v2" }))).status).toBe(503);
  server.clearFaults();
  await draft(server, { tag_name: "v2" });
  expect(names(server)).toEqual(["v1", "v2"]);
});

test("applyAndDropReply: stored, but the client hears nothing", async () => {
  const server = await github();
  server.misbehave({ method: "POST", path: RELEASES, action: { applyAndDropReply: true } });
  await expect(draft(server, { tag_name: "v1" })).rejects.toThrow();
  expect(names(server)).toEqual(["v1"]);
  expect(server.history).toMatchObject([{ status: 0, applied: true, fault: "applyAndDropReply" }]);
});

test("dropBeforeApply: nothing stored, nothing heard", async () => {
  const server = await github();
  server.misbehave({ method: "POST", path: RELEASES, action: { dropBeforeApply: true } });
  await expect(draft(server, { tag_name: "v1" })).rejects.toThrow();
  expect(names(server)).toEqual([]);
  expect(server.history).toMatchObject([{ status: 0, applied: false }]);
});

test.each([0, 10])("cutAfterBytes: the answer ends after %i bytes", async (cutAfterBytes) => {
  const server = await github();
  server.misbehave({ method: "POST", path: RELEASES, action: { cutAfterBytes } });
  const response = await post(server, { tag_name: "v1", draft: true });
  expect(Number(response.headers.get("content-length"))).toBeGreaterThan(1000);
  await expect(response.text()).rejects.toThrow();
  expect(names(server)).toEqual(["v1"]);
});

test("cutAfterBytes ends a download early", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1" });
  await upload(release, "a", "0123456789");
  await client(server).request("PATCH /repos/{owner}/{repo}/releases/{release_id}", {
    ...REPOSITORY,
    release_id: release.id,
    draft: false,
  });
  server.misbehave({ surface: "storage", path: "**", action: { cutAfterBytes: 4 } });
  const address = `${server.url}/${FULL_NAME}/releases/download/v1/a`;
  const response = await fetch(address);
  expect(response.headers.get("content-length")).toBe("10");
  await expect(response.text()).rejects.toThrow();
  expect(await (await fetch(address)).text()).toBe("0123456789");
});

test("cutRequestAfterBytes and a 502 with leaveStarter leave a starter of the upload", async () => {
  const server = await github();
  const release = await draft(server, { tag_name: "v1" });
  server.misbehave({ surface: "uploads", path: "**?name=a", action: { cutRequestAfterBytes: 3 } });
  server.misbehave({
    surface: "uploads",
    path: "**?name=b",
    action: { status: 502, leaveStarter: true, body: "<html>" },
  });
  await expect(upload(release, "a", "0123456789")).rejects.toThrow();
  const bad = await upload(release, "b", "0123456789");
  expect([bad.status, await bad.text()]).toEqual([502, "<html>"]);
  expect(server.inspect.releases(FULL_NAME)[0]?.assets).toMatchObject([
    { name: "a", state: "starter", sha256: null },
    { name: "b", state: "starter", sha256: null },
  ]);
});

test("replaceBody: applied, answered with something else", async () => {
  const server = await github();
  server.misbehave({ method: "POST", path: RELEASES, action: { replaceBody: '{"id":' } });
  const response = await post(server, { tag_name: "v1", draft: true });
  expect([response.status, await response.text()]).toEqual([201, '{"id":']);
  expect(names(server)).toEqual(["v1"]);
});

test("delayMs: answered late", async () => {
  const server = await github();
  server.misbehave({ path: RELEASES, action: { delayMs: 60 } });
  const start = performance.now();
  await draft(server, { tag_name: "v1" });
  expect(performance.now() - start).toBeGreaterThanOrEqual(58);
});

test("onBoundary is awaited before the request and after it is stored", async () => {
  const seen: string[] = [];
  const server = await github();
  server.hooks.onBoundary = async ({ method, applied, status }, boundary) => {
    await Promise.resolve();
    seen.push(`${method} ${boundary} stored=${names(server).length} applied=${applied} status=${status}`);
  };
  await draft(server, { tag_name: "v1" });
  expect(seen).toEqual([
    "POST before stored=0 applied=false status=0",
    "POST after-apply stored=1 applied=true status=0",
  ]);
});

test.each([
  ["before", []],
  ["after-apply", ["v1"]],
])("a hook may end the connection: %s", async (where, stored) => {
  const server = await github();
  server.hooks.onBoundary = (_record, boundary) => (boundary === where ? "drop" : undefined);
  await expect(draft(server, { tag_name: "v1" })).rejects.toThrow();
  expect(names(server)).toEqual(stored);
  expect(server.history).toMatchObject([{ status: 0, applied: stored.length > 0 }]);
});

test("a hook that throws is told to the client", async () => {
  const server = await github({
    onResponse: () => {
      throw new Error("does not fit");
    },
  });
  const response = await fetch(`${server.apiUrl}/meta`);
  expect([response.status, await response.text()]).toEqual([500, "Error: does not fit"]);
});

describe("matches", () => {
  const record = { method: "GET", surface: "api", path: "/repos/o/r/releases/12/assets", query: "?page=2" } as const;
  test.each([
    [{ path: "/repos/o/r/releases/*/assets" }, true],
    [{ path: "/repos/*/assets" }, false],
    [{ path: "/repos/**/assets" }, true],
    [{ path: "/repos/o/r/releases" }, false],
    [{ path: "**?page=2" }, true],
    [{ path: "**?page=3" }, false],
    [{ path: /assets\?page=\d$/ }, true],
    [{ path: "**", method: "get" }, true],
    [{ path: "**", method: "POST" }, false],
    [{ path: "**", surface: "uploads" as const }, false],
  ])("%j: %s", (rule, expected) => {
    expect(matches({ ...rule, action: { status: 500 } }, record)).toBe(expected);
  });

  test("a path without stars matches itself and nothing else", () => {
    const path = fc.array(fc.stringMatching(/^[\w.+()$-]+$/), { minLength: 1 }).map((parts) => `/${parts.join("/")}`);
    fc.assert(
      fc.property(path, path, (one, other) => {
        const rule = { path: one, action: { status: 500 } };
        expect(matches(rule, { ...record, path: other })).toBe(one === other);
        expect(matches(rule, { ...record, path: one })).toBe(true);
      }),
    );
  });
});
