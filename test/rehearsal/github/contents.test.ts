import { expect, test } from "vitest";
import { blobSha } from "../../../rehearsal/github/git-object.ts";
import { client, FULL_NAME, github, REPOSITORY, refusal } from "./fixture.ts";

const CONTENTS = "/repos/{owner}/{repo}/contents/{path}";
const PATH = ".github/workflows/release.yml";
const base64 = (text: string) => Buffer.from(text).toString("base64");

async function files() {
  const server = await github();
  const octokit = client(server);
  return {
    server,
    put: (extra: { content: string; sha?: string; branch?: string }) =>
      octokit.request(`PUT ${CONTENTS}`, { ...REPOSITORY, path: PATH, message: "write", ...extra }),
    get: (extra = {}) => octokit.request(`GET ${CONTENTS}`, { ...REPOSITORY, path: PATH, ...extra }),
    remove: (sha: string) => octokit.request(`DELETE ${CONTENTS}`, { ...REPOSITORY, path: PATH, message: "x", sha }),
    octokit,
  };
}

test("a file is created, read, replaced with its SHA, and deleted with it", async () => {
  const { server, put, get, remove, octokit } = await files();
  expect(await refusal(get())).toMatchObject({ status: 404, message: "Not Found" });
  const created = await put({ content: base64("on: push\n") });
  const sha = blobSha(Buffer.from("on: push\n"));
  expect([created.status, created.data.content?.sha]).toEqual([201, sha]);
  expect((await get()).data).toMatchObject({
    type: "file",
    sha,
    size: 9,
    encoding: "base64",
    content: `${base64("on: push\n")}\n`,
    url: `${server.apiUrl}/repos/${FULL_NAME}/contents/${PATH}?ref=main`,
  });
  const replaced = await put({ content: base64("on: tag\n"), sha });
  expect(replaced.status).toBe(200);
  expect(server.inspect.file(FULL_NAME, PATH)).toBe("on: tag\n");
  const log = await octokit.request("GET /repos/{owner}/{repo}/commits", { ...REPOSITORY, path: PATH });
  expect(log.data.map((commit) => commit.sha)).toEqual([replaced.data.commit.sha, created.data.commit.sha]);

  const removed = await remove(replaced.data.content?.sha ?? "");
  expect(removed.data.content).toBeNull();
  expect(server.inspect.file(FULL_NAME, PATH)).toBeUndefined();
});

test("writes with a wrong SHA or without one change nothing", async () => {
  const { server, put, remove } = await files();
  expect(await refusal(put({ content: base64("a"), sha: "1".repeat(40) }))).toMatchObject({ status: 409 });
  const { data } = await put({ content: base64("a") });
  expect(await refusal(put({ content: base64("b") }))).toEqual({
    status: 422,
    message: 'Invalid request.\n\n"sha" wasn\'t supplied.',
    errors: undefined,
  });
  expect(await refusal(put({ content: base64("b"), sha: "1".repeat(40) }))).toMatchObject({
    status: 409,
    message: `${PATH} does not match ${"1".repeat(40)}`,
  });
  expect((await refusal(remove("1".repeat(40)))).status).toBe(409);
  expect(server.inspect.file(FULL_NAME, PATH)).toBe("a");
  await put({ content: base64("b"), sha: data.content?.sha ?? "" });
  expect((await refusal(remove(data.content?.sha ?? ""))).status).toBe(409);
});

test("of two writes that start from the same file the second is refused", async () => {
  const { server, put } = await files();
  const { data } = await put({ content: base64("0") });
  const sha = data.content?.sha ?? "";
  const results = await Promise.allSettled([put({ content: base64("1"), sha }), put({ content: base64("2"), sha })]);
  expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(server.inspect.file(FULL_NAME, PATH)).toMatch(/^[12]$/);
});

test("branches are apart, and an unknown one is 404", async () => {
  const { server, put, get } = await files();
  server.inspect.addCommit(FULL_NAME, "4".repeat(40), { branch: "other" });
  await put({ content: base64("x"), branch: "other" });
  expect((await get({ ref: "other" })).data).toMatchObject({ size: 1 });
  expect((await refusal(get())).status).toBe(404);
  expect((await refusal(put({ content: base64("x"), branch: "none" }))).status).toBe(404);
  expect((await refusal(get({ ref: "none" }))).message).toBe("No commit found for the ref none");
});

test("a directory lists its entries", async () => {
  const { put, get } = await files();
  await put({ content: base64("x") });
  const list = async (path: string) => {
    const { data } = await get({ path });
    return Array.isArray(data) ? data.map(({ type, path }) => `${type} ${path}`) : data;
  };
  expect(await list(".github")).toEqual(["dir .github/workflows"]);
  expect(await list(".github/workflows")).toEqual([`file ${PATH}`]);
});

test("a commit tells the files that it changes: the provider looks for a file's commit by them", async () => {
  const { octokit, put, remove } = await files();
  const added = (await put({ content: base64("a") })).data;
  const changed = (await put({ content: base64("b"), sha: added.content?.sha ?? "" })).data;
  const removed = (await remove(changed.content?.sha ?? "")).data;
  const told = await Promise.all(
    [added, changed, removed].map(async ({ commit }) => {
      const ref = commit.sha ?? "";
      const { data } = await octokit.request("GET /repos/{owner}/{repo}/commits/{ref}", { ...REPOSITORY, ref });
      return data.files?.map(({ filename, status }) => `${status} ${filename}`);
    }),
  );
  expect(told).toEqual([[`added ${PATH}`], [`modified ${PATH}`], [`removed ${PATH}`]]);
});
