import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type LocalGitHub, startGitHub } from "../../rehearsal/github/server.ts";
import { uploadTarget } from "../../src/services/github/assets.ts";
import { createGitHub, type GitHub, type NewDraft, type Release } from "../../src/services/github.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";

const token = "ghp_averysecrettoken0123456789";
const name = "octo/demo";
const commit = "a".repeat(40);
const draft: NewDraft = { tag: "v1.0.0", commit, title: "v1.0.0", notes: "notes <!-- ours -->", prerelease: false };
const isOurs = ({ body }: Release) => body.includes("<!-- ours -->");
const bytes = Buffer.alloc(200_000, "binary ");
const upload = {
  name: "mount-monitor-linux-amd64",
  contentType: "application/octet-stream",
  bytes,
  size: bytes.length,
  checksum: sha256(bytes),
};
// Time runs 500 times as fast: waits of a minute can be measured.
const secondMs = 2;
const forever = Number.POSITIVE_INFINITY;

let server: LocalGitHub;
let github: GitHub;
let lines: string[];

beforeEach(async () => {
  server = await startGitHub({ port: 0, token, acceptAnyCommit: true, onResponse: validateExchange });
  server.createRepository({ owner: "octo", name: "demo" });
  lines = [];
  github = client();
});
afterEach(() => server.stop());

function client(options: { token?: string; repository?: string; timeoutMs?: number } = {}): GitHub {
  return createGitHub({
    apiUrl: server.apiUrl,
    repository: options.repository ?? name,
    token: options.token ?? token,
    report: (line) => lines.push(line),
    patience: {
      retries: 2,
      secondMs,
      timeoutMs: options.timeoutMs ?? 5000,
    },
  });
}

/** Writes past the client. */
function post(path: string, body: object): Promise<Response> {
  return fetch(`${server.apiUrl}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

function requests(): string[] {
  return server.history.map(({ method, path }) => `${method} ${path}`);
}

/** Seconds, as the client counts them, between the first two requests. */
function secondsBetween(): number {
  const [first, second] = server.history.map(({ time }) => Date.parse(time));
  return ((second ?? Number.NaN) - (first ?? Number.NaN)) / secondMs;
}

/** Seconds that GitHub asked to wait, as they were reported. */
function reported(): number[] {
  return lines.map((line) => Number(/^GitHub asks to wait (\d+) s$/.exec(line)?.[1]));
}

function stored(tag = "v1.0.0") {
  return server.inspect.releases(name, tag);
}

describe("a whole release", () => {
  test("takes one request for each thing that is done", async () => {
    const made = await github.createDraft(draft, isOurs);
    expect(made).toMatchObject({
      tagName: "v1.0.0",
      draft: true,
      prerelease: false,
      title: "v1.0.0",
      targetCommitish: commit,
      assets: [],
      publishedAt: undefined,
    });
    expect(await github.tagCommit("v1.0.0")).toBeUndefined();
    const asset = await github.uploadAsset(made, upload);
    expect(asset).toEqual({
      id: asset.id,
      name: upload.name,
      size: bytes.length,
      state: "uploaded",
      digest: `sha256:${upload.checksum}`,
    });
    const published = await github.publish(made, { latest: true });
    expect(published).toMatchObject({ id: made.id, draft: false, assets: [asset] });
    expect(published.publishedAt).toMatch(/^20/);
    expect(requests()).toEqual([
      "POST /repos/octo/demo/releases",
      "GET /repos/octo/demo/git/ref/tags%2Fv1.0.0",
      `POST /repos/octo/demo/releases/${made.id}/assets`,
      `PATCH /repos/octo/demo/releases/${made.id}`,
    ]);
    expect(await github.tagCommit("v1.0.0")).toBe(commit);
    expect((await github.latestRelease())?.id).toBe(made.id);
    expect(await github.releaseByTag("v1.0.0")).toEqual(published);
    expect(await github.releases()).toEqual([published]);
    expect(server.inspect.assetBytes(name, "v1.0.0", upload.name)).toEqual(bytes);
  });

  test("that is not the latest leaves the mark alone", async () => {
    const first = await github.publish(await github.createDraft(draft, isOurs), { latest: true });
    await github.publish(await github.createDraft({ ...draft, tag: "v0.9.1" }, isOurs), { latest: false });
    expect((await github.latestRelease())?.id).toBe(first.id);
  });

  test("can be found missing", async () => {
    expect(await github.releases()).toEqual([]);
    expect(await github.releaseByTag("v1.0.0")).toBeUndefined();
    expect(await github.latestRelease()).toBeUndefined();
    await github.createDraft(draft, isOurs);
    expect(await github.releaseByTag("v1.0.0")).toBeUndefined();
  });

  test("changes only what is asked for afterwards", async () => {
    const { id } = await github.publish(await github.createDraft(draft, isOurs), { latest: true });
    const changed = await github.updateRelease(id, { title: "v1.0.0 (withdrawn)" });
    expect(changed).toMatchObject({ title: "v1.0.0 (withdrawn)", body: draft.notes, draft: false });
    await github.publish(await github.createDraft({ ...draft, tag: "v1.1.0" }, isOurs), { latest: true });
    await github.updateRelease(id, { notes: "do not use", latest: true });
    expect(await github.latestRelease()).toMatchObject({ id, title: "v1.0.0 (withdrawn)", body: "do not use" });
  });

  test("a draft can be deleted, a release cannot", async () => {
    const made = await github.createDraft(draft, isOurs);
    await github.deleteDraft(made);
    await github.deleteDraft(made);
    expect(stored()).toEqual([]);
    const published = await github.publish(await github.createDraft(draft, isOurs), { latest: true });
    await expect(github.deleteDraft(published)).rejects.toThrow("release v1.0.0");
    expect(stored()).toHaveLength(1);
  });
});

describe("the repository", () => {
  test("comes with what the token may do", async () => {
    expect(await github.repository()).toMatchObject({
      fullName: name,
      defaultBranch: "main",
      private: false,
      archived: false,
      permissions: { push: true },
    });
  });

  test("that was renamed names its new name", async () => {
    const body = JSON.stringify({ full_name: "octo/renamed", default_branch: "main", private: false });
    server.misbehave({ path: "/repos/octo/demo", action: { replaceBody: body } });
    await expect(github.repository()).rejects.toThrow('repository "octo/demo" is called "octo/renamed" now');
  });

  test.each([
    ["a bad token", () => client({ token: "wrong" }), /answered 401 .*The token is not valid.*githubToken/],
    ["a missing repository", () => client({ repository: "octo/other" }), /answered 404 .*Check the setting repository/],
  ])("with %s", async (_name, make, message) => {
    await expect(make().repository()).rejects.toThrow(message);
    expect(server.history).toHaveLength(1);
  });

  test("with a token that lacks a permission names it", async () => {
    const headers = { "x-accepted-github-permissions": "contents=write" };
    server.misbehave({
      path: "/repos/octo/demo/releases",
      action: { status: 403, headers, body: { message: "Resource not accessible by integration" } },
    });
    await expect(github.createDraft(draft, isOurs)).rejects.toThrow(
      "GitHub answered 403 to POST /api/v3/repos/octo/demo/releases: Resource not accessible by integration. The token lacks a permission (needed: contents=write)",
    );
    expect(server.history).toHaveLength(1);
  });

  test.each(["demo", "octo/demo/x", "octo/", "/demo", ""])("%j is no repository", (repository) => {
    expect(() => client({ repository })).toThrow(`repository "${repository}"`);
  });

  test.each(["http://github.example/api/v3", "github.example", "ftp://127.0.0.1"])("is not asked at %s", (apiUrl) => {
    expect(() => createGitHub({ apiUrl, repository: name })).toThrow(`"${apiUrl}"`);
  });
});

describe("listing", () => {
  async function many(count: number): Promise<void> {
    // Not by the client, which paces so many writes.
    for (let patch = 0; patch < count; patch++) {
      await post("/repos/octo/demo/releases", { tag_name: `v0.0.${patch}`, draft: true });
    }
    server.history.length = 0;
  }

  test("follows the pages", async () => {
    await many(101);
    const tags = (await github.releases()).map(({ tagName }) => tagName);
    expect(new Set(tags).size).toBe(101);
    expect(server.history.map(({ query }) => query)).toEqual(["?per_page=100&page=1", "?per_page=100&page=2"]);
  });

  test.each([
    [99, 1],
    [100, 2],
  ])("of %i, without a Link header, takes %i requests", async (count, pages) => {
    await many(count);
    expect(await github.releases()).toHaveLength(count);
    expect(server.history).toHaveLength(pages);
  });

  test.each([
    ["truncated JSON", '[{"id": 1'],
    ["no JSON", "<html>welcome to the hotel's network</html>"],
    ["nothing", ""],
    ["another form", '[{"id":1,"tag_name":"v1"}]'],
    ["an object", "{}"],
  ])("with %s is a clear error", async (_name, replaceBody) => {
    server.misbehave({ path: "/repos/octo/demo/releases", times: forever, action: { replaceBody } });
    await expect(github.releases()).rejects.toThrow("GitHub's answer is not what its API documents");
  });

  test("is asked again when the answer is cut", async () => {
    await github.createDraft(draft, isOurs);
    server.misbehave({ method: "GET", path: "/repos/octo/demo/releases", action: { cutAfterBytes: 20 } });
    expect(await github.releases()).toHaveLength(1);
    expect(requests().slice(1)).toEqual(Array(2).fill("GET /repos/octo/demo/releases"));
  });

  test("gives up on a silent GitHub", async () => {
    server.misbehave({ path: "/repos/octo/demo/releases", times: forever, action: { delayMs: 300 } });
    await expect(client({ timeoutMs: 30 }).releases()).rejects.toThrow("nothing arrived for 0.03 s");
    expect(server.history).toHaveLength(3);
  });
});

describe("tags", () => {
  test("of an annotated tag give its commit", async () => {
    const head = server.inspect.repository(name).refs["refs/heads/main"]?.sha ?? "";
    const object = await post("/repos/octo/demo/git/tags", {
      tag: "v1.0.0",
      message: "m",
      object: head,
      type: "commit",
    });
    const { sha } = (await object.json()) as { sha: string };
    expect(sha).not.toBe(head);
    await post("/repos/octo/demo/git/refs", { ref: "refs/tags/v1.0.0", sha });
    expect(await github.tagCommit("v1.0.0")).toBe(head);
  });

  test("of something else than a commit are refused", async () => {
    server.inspect.setTag(name, "v1.0.0", commit);
    const replaceBody = JSON.stringify({ ref: "refs/tags/v1.0.0", object: { type: "tree", sha: commit } });
    server.misbehave({ path: /git\/ref/, action: { replaceBody } });
    await expect(github.tagCommit("v1.0.0")).rejects.toThrow("stands for a tree");
  });

  test("a 500 is not a missing tag", async () => {
    server.misbehave({ path: /git\/ref/, times: forever, action: { status: 500 } });
    await expect(github.tagCommit("v1.0.0")).rejects.toThrow("GitHub answered 500");
  });
});

describe("limits", () => {
  const limited = (headers: Record<string, string>, message: string, times = 1) =>
    server.misbehave({ path: "/repos/octo/demo/releases", times, action: { status: 403, headers, body: { message } } });

  test.each([
    ["Retry-After", { "retry-after": "42" }, "no", 42],
    ["a secondary limit without a time", {}, "You have exceeded a secondary rate limit", 60],
  ])("%s is waited for and reported, also before a write", async (_name, headers, message, seconds) => {
    limited(headers, message);
    await github.createDraft(draft, isOurs);
    expect(secondsBetween()).toBeGreaterThanOrEqual(seconds - 1);
    expect(lines).toEqual([`GitHub asks to wait ${seconds} s`]);
    expect(stored()).toHaveLength(1);
    expect(requests()).toEqual(Array(2).fill("POST /repos/octo/demo/releases"));
  });

  test("the primary limit is waited for until its reset", async () => {
    const reset = Math.floor(Date.now() / 1000) + 30;
    limited({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) }, "API rate limit exceeded");
    await github.releases();
    expect(reported()).toHaveLength(1);
    expect(reported()[0]).toBeGreaterThanOrEqual(29);
    expect(reported()[0]).toBeLessThanOrEqual(31);
    expect(secondsBetween()).toBeGreaterThanOrEqual(28);
  });

  test("beyond the cap it fails and names the time", async () => {
    limited({ "retry-after": "900" }, "slow down", forever);
    await expect(github.createDraft(draft, isOurs)).rejects.toThrow(
      /slow down\nGitHub asks to wait 900 s, until 20.*Z; at most 120 s are waited: run it again/,
    );
    expect(lines).toEqual([]);
    expect(server.history).toHaveLength(1);
    expect(stored()).toEqual([]);
  });
});

describe("a draft is made once", () => {
  const create = { method: "POST", path: "/repos/octo/demo/releases" };

  test.each([
    ["the reply is lost", { applyAndDropReply: true }],
    ["the reply is cut", { cutAfterBytes: 10 }],
    ["the reply is no JSON", { replaceBody: "<html>" }],
  ] as const)("when %s", async (_name, action) => {
    server.misbehave({ ...create, action });
    const made = await github.createDraft(draft, isOurs);
    expect(stored().map(({ id }) => id)).toEqual([made.id]);
    expect(requests()).toEqual(["POST /repos/octo/demo/releases", "GET /repos/octo/demo/releases"]);
  });

  test.each([
    ["the request never arrived", { dropBeforeApply: true }],
    ["a 502 came instead", { status: 502 }],
  ] as const)("when %s, by sending it again", async (_name, action) => {
    server.misbehave({ ...create, action });
    await github.createDraft(draft, isOurs);
    expect(stored()).toHaveLength(1);
    expect(requests()).toEqual(["POST", "GET", "POST"].map((method) => `${method} /repos/octo/demo/releases`));
  });

  test("and never takes another's draft, or one of another tag, for its own", async () => {
    await github.createDraft({ ...draft, notes: "another's" }, isOurs);
    await github.createDraft({ ...draft, tag: "v2.0.0" }, isOurs);
    server.misbehave({ ...create, action: { dropBeforeApply: true } });
    const made = await github.createDraft(draft, isOurs);
    expect(stored().map(({ body }) => body)).toContain("another's");
    expect(made).toMatchObject({ tagName: "v1.0.0", body: draft.notes });
    expect(stored()).toHaveLength(2);
  });

  test("and not sooner than GitHub asks for", async () => {
    server.misbehave({ ...create, action: { status: 503, headers: { "retry-after": "9" } } });
    await github.createDraft(draft, isOurs);
    expect(reported()).toEqual([9]);
    expect(secondsBetween()).toBeGreaterThanOrEqual(8);
    expect(requests()).toEqual(["POST", "GET", "POST"].map((method) => `${method} /repos/octo/demo/releases`));
  });

  test("and a lasting failure ends after the bound", async () => {
    server.misbehave({ ...create, times: forever, action: { status: 502, body: "<html><b>Bad</b> gateway</html>" } });
    await expect(github.createDraft(draft, isOurs)).rejects.toThrow(/GitHub answered 502 to POST .*: Bad gateway$/);
    expect(requests().filter((line) => line.startsWith("POST"))).toHaveLength(3);
  });

  test("a refusal is not sent again", async () => {
    server.misbehave({
      ...create,
      action: {
        status: 422,
        body: { message: "Validation Failed", errors: [{ code: "invalid", field: "target_commitish" }] },
      },
    });
    await expect(github.createDraft(draft, isOurs)).rejects.toThrow(/422 .*Validation Failed; .*target_commitish/);
    expect(server.history).toHaveLength(1);
  });
});

describe("an upload", () => {
  let release: Release;
  const uploads = { method: "POST", surface: "uploads", path: "**" } as const;

  beforeEach(async () => {
    release = await github.createDraft(draft, isOurs);
    server.history.length = 0;
  });

  function whole(): void {
    expect(stored()[0]?.assets.map(({ name, state, size, sha256 }) => ({ name, state, size, sha256 }))).toEqual([
      { name: upload.name, state: "uploaded", size: bytes.length, sha256: upload.checksum },
    ]);
  }

  test("that breaks and leaves a starter is cleaned up and repeated", async () => {
    server.misbehave({ ...uploads, action: { status: 502, leaveStarter: true } });
    await github.uploadAsset(release, upload);
    whole();
    expect(server.history.map(({ method }) => method)).toEqual(["POST", "GET", "DELETE", "POST"]);
  });

  test("that is cut on the way is repeated", async () => {
    server.misbehave({ ...uploads, action: { cutRequestAfterBytes: 1000 } });
    await github.uploadAsset(release, upload);
    whole();
  });

  test("whose reply is lost is not repeated", async () => {
    server.misbehave({ ...uploads, action: { applyAndDropReply: true } });
    const asset = await github.uploadAsset(release, upload);
    expect(asset.digest).toBe(`sha256:${upload.checksum}`);
    whole();
    expect(server.history.map(({ method }) => method)).toEqual(["POST", "GET"]);
  });

  test("that an earlier run left whole, or broken, is found by 422", async () => {
    await client().uploadAsset(release, upload);
    await github.uploadAsset(release, upload);
    whole();
    const other = { ...upload, name: "checksums.txt" };
    server.misbehave({ ...uploads, action: { status: 502, leaveStarter: true } });
    server.misbehave({ method: "GET", path: "**", times: forever, action: { status: 404 } });
    await expect(github.uploadAsset(release, other)).rejects.toThrow("404");
    server.clearFaults();
    await github.uploadAsset(release, other);
    expect(stored()[0]?.assets.map(({ name, state }) => [name, state])).toEqual([
      [upload.name, "uploaded"],
      ["checksums.txt", "uploaded"],
    ]);
  });

  test("is not sent when the release has it, and refused when it has another", async () => {
    await github.uploadAsset(release, upload);
    const [listed] = await github.releases();
    server.history.length = 0;
    expect((await github.uploadAsset(listed ?? release, upload)).name).toBe(upload.name);
    expect(server.history).toEqual([]);
    const changed = Buffer.from(bytes);
    changed[0] = 0;
    const different = { ...upload, bytes: changed, checksum: sha256(changed) };
    await expect(github.uploadAsset(release, different)).rejects.toThrow(
      `release v1.0.0 has an asset ${upload.name} with another content (${bytes.length} bytes, sha256:${upload.checksum}; this one: ${bytes.length} bytes, sha256:${different.checksum})`,
    );
    whole();
  });

  test("of a file that changed on this machine is refused before or removed after", async () => {
    await expect(github.uploadAsset(release, { ...upload, bytes: bytes.subarray(1) })).rejects.toThrow(
      "has 199999 bytes, recorded are 200000",
    );
    expect(server.history).toEqual([]);
    const changed = Buffer.from(bytes);
    changed[0] = 0;
    await expect(github.uploadAsset(release, { ...upload, bytes: changed })).rejects.toThrow(
      `GitHub received ${upload.name} with 200000 bytes, SHA-256 ${sha256(changed)}`,
    );
    expect(stored()[0]?.assets).toEqual([]);
  });

  test("is checked by its bytes where GitHub tells no digest", async () => {
    const asset = await github.uploadAsset(release, upload);
    const old = { ...asset, digest: undefined };
    expect(await github.uploadAsset({ ...release, assets: [old] }, upload)).toEqual(old);
    expect(server.history.slice(1).map(({ surface }) => surface)).toEqual(["api", "storage"]);
    server.inspect.setAssetBytes(name, "v1.0.0", upload.name, Buffer.alloc(bytes.length));
    await expect(github.uploadAsset({ ...release, assets: [old] }, upload)).rejects.toThrow("with another content");
  });

  test("goes to no other host", async () => {
    await expect(
      github.uploadAsset({ ...release, uploadUrl: "http://127.0.0.1:1/assets{?name,label}" }, upload),
    ).rejects.toThrow('names "http://127.0.0.1:1/assets" to upload to, which does not belong to it');
    expect(server.history).toEqual([]);
  });

  test.each([
    ["https://api.github.com", "https://uploads.github.com/repos/o/r/releases/1/assets{?name,label}", true],
    ["https://api.acme.ghe.com", "https://uploads.acme.ghe.com/repos/o/r/releases/1/assets{?name,label}", true],
    ["https://ghes.example/api/v3", "https://ghes.example/api/uploads/repos/o/r/releases/1/assets{?name,label}", true],
    ["https://api.github.com", "http://uploads.github.com/x{?name,label}", false],
    ["https://api.github.com", "https://uploads.github.com.evil.example/x{?name,label}", false],
    ["https://api.github.com", "https://user@evil.example/x{?name,label}", false],
    ["https://api.github.com", "", false],
  ])("from %s to %j: %s", (api, template, allowed) => {
    const target = () => uploadTarget(new URL(api), template);
    if (allowed) {
      expect(target()).toBe(template.replace("{?name,label}", "{?name}"));
    } else {
      expect(target).toThrow("nothing was sent there");
    }
  });
});

describe("a download", () => {
  test("comes from the storage, which never sees the token", async () => {
    const asset = await github.uploadAsset(await github.createDraft(draft, isOurs), upload);
    expect(await github.downloadAsset(asset)).toEqual(bytes);
    expect(server.history.slice(2).map(({ surface, credential }) => [surface, credential])).toEqual([
      ["api", true],
      ["storage", false],
    ]);
  });

  test("of other bytes than listed is an error; a cut one is repeated", async () => {
    const asset = await github.uploadAsset(await github.createDraft(draft, isOurs), upload);
    server.misbehave({ surface: "storage", path: "**", action: { cutAfterBytes: 100 } });
    expect(await github.downloadAsset(asset)).toEqual(bytes);
    server.inspect.setAssetBytes(name, "v1.0.0", upload.name, Buffer.alloc(bytes.length));
    await expect(github.downloadAsset(asset)).rejects.toThrow(`asset ${upload.name} came with 200000 bytes`);
    await github.deleteAsset(asset);
    await github.deleteAsset(asset);
    await expect(github.downloadAsset(asset)).rejects.toThrow(
      `GitHub answered 404 to GET /api/v3/repos/octo/demo/releases/assets/${asset.id}`,
    );
  });
});

describe("publishing", () => {
  const patch = { method: "PATCH", path: "**" };

  test.each([
    ["the reply is lost", { applyAndDropReply: true }, ["PATCH", "GET"]],
    ["the request never arrived", { dropBeforeApply: true }, ["PATCH", "GET", "PATCH"]],
    ["a 502 came instead", { status: 502 }, ["PATCH", "GET", "PATCH"]],
  ] as const)("is done once when %s", async (_name, action, methods) => {
    const made = await github.createDraft(draft, isOurs);
    server.history.length = 0;
    server.misbehave({ ...patch, action });
    expect(await github.publish(made, { latest: true })).toMatchObject({ id: made.id, draft: false });
    expect(server.history.map(({ method }) => method)).toEqual(methods);
  });

  test("that GitHub only seems to accept is an error", async () => {
    const made = await github.createDraft(draft, isOurs);
    const [raw] = (await (
      await fetch(`${server.apiUrl}/repos/octo/demo/releases`, { headers: { authorization: `Bearer ${token}` } })
    ).json()) as object[];
    server.misbehave({ ...patch, action: { replaceBody: JSON.stringify(raw) } });
    await expect(github.publish(made, { latest: true })).rejects.toThrow("is still a draft");
  });
});

describe("the token", () => {
  test("goes to no other host, whatever the answer says", async () => {
    const received: (string | undefined)[] = [];
    const other = createServer((request, response) => {
      received.push(request.headers.authorization);
      response.end("[]");
    });
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const address = `http://127.0.0.1:${(other.address() as AddressInfo).port}/stolen`;
    try {
      const asset = await github.uploadAsset(await github.createDraft(draft, isOurs), upload);
      server.misbehave({ path: "**", times: forever, action: { status: 302, headers: { location: address } } });
      await expect(github.releases()).rejects.toThrow(`redirects to another host, ${address}`);
      await expect(github.createDraft(draft, isOurs)).rejects.toThrow(`redirects a write to ${address}`);
      expect(received).toEqual([]);
      await expect(github.downloadAsset(asset)).rejects.toThrow("came with 2 bytes");
      expect(received).toEqual([undefined]);
    } finally {
      other.closeAllConnections();
      await new Promise((resolve) => other.close(resolve));
    }
  });

  test("is in no error, also when GitHub quotes it", async () => {
    server.misbehave({
      path: "/repos/octo/demo",
      action: { status: 400, body: { message: `bad header Bearer ${token}` } },
    });
    const error: unknown = await github.repository().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining("bad header Bearer ***") });
    expect(JSON.stringify(error) + String(error instanceof Error && error.stack)).not.toContain(token);
  });

  test("is not needed to read a public repository", async () => {
    const anonymous = createGitHub({ apiUrl: server.apiUrl, repository: name });
    expect(await anonymous.releases()).toEqual([]);
    expect(server.history[0]?.credential).toBe(false);
  });
});
