import { expect, test } from "vitest";
import { COMMIT, client, FULL_NAME, github, LATER_COMMIT, REPOSITORY, refusal } from "./fixture.ts";

const GET = "GET /repos/{owner}/{repo}/git/ref/{ref}";
const CREATE = "POST /repos/{owner}/{repo}/git/refs";
const UPDATE = "PATCH /repos/{owner}/{repo}/git/refs/{ref}";
const DELETE = "DELETE /repos/{owner}/{repo}/git/refs/{ref}";
const tag = (name: string) => ({ ...REPOSITORY, ref: `tags/${name}` });

test("a tag is created once, found, listed by prefix and deleted", async () => {
  const server = await github();
  const octokit = client(server);
  expect(await refusal(octokit.request(GET, tag("v1.0.0")))).toMatchObject({ status: 404, message: "Not Found" });
  const { data } = await octokit.request(CREATE, { ...REPOSITORY, ref: "refs/tags/v1.0.0", sha: COMMIT });
  expect(data).toMatchObject({ ref: "refs/tags/v1.0.0", object: { type: "commit", sha: COMMIT } });
  expect((await octokit.request(GET, tag("v1.0.0"))).data.object.sha).toBe(COMMIT);
  const again = octokit.request(CREATE, { ...REPOSITORY, ref: "refs/tags/v1.0.0", sha: COMMIT });
  expect(await refusal(again)).toMatchObject({ status: 422, message: "Reference already exists" });

  server.inspect.setTag(FULL_NAME, "v1.1.0", COMMIT);
  server.inspect.setTag(FULL_NAME, "w1", COMMIT);
  const matching = await octokit.request("GET /repos/{owner}/{repo}/git/matching-refs/{ref}", tag("v1"));
  expect(matching.data.map(({ ref }) => ref)).toEqual(["refs/tags/v1.0.0", "refs/tags/v1.1.0"]);
  const tags = await octokit.request("GET /repos/{owner}/{repo}/tags", REPOSITORY);
  expect(tags.data.map(({ name, commit }) => [name, commit.sha])).toEqual(
    ["w1", "v1.1.0", "v1.0.0"].map((name) => [name, COMMIT]),
  );

  await octokit.request(DELETE, tag("v1.0.0"));
  expect(await refusal(octokit.request(DELETE, tag("v1.0.0")))).toMatchObject({
    status: 422,
    message: "Reference does not exist",
  });
  expect(Object.keys(server.inspect.tags(FULL_NAME))).toEqual(["v1.1.0", "w1"]);
});

test("a published release whose tag is deleted is a draft again", async () => {
  const server = await github();
  const octokit = client(server);
  const release = { ...REPOSITORY, tag_name: "v1.0.0", target_commitish: COMMIT };
  const { data } = await octokit.request("POST /repos/{owner}/{repo}/releases", release);
  await octokit.request(DELETE, tag("v1.0.0"));
  const [left, ...others] = server.inspect.releases(FULL_NAME);
  expect(others).toEqual([]);
  expect(left).toMatchObject({ id: data.id, draft: true, publishedAt: null, targetCommitish: COMMIT });
});

test("a ref moves forward freely and back only by force", async () => {
  const server = await github();
  server.inspect.setTag(FULL_NAME, "v1", COMMIT);
  const move = (sha: string, force = false) => client(server).request(UPDATE, { ...tag("v1"), sha, force });
  await move(LATER_COMMIT);
  expect(await refusal(move(COMMIT))).toMatchObject({ status: 422, message: "Update is not a fast forward" });
  expect(server.inspect.tags(FULL_NAME)).toEqual({ v1: LATER_COMMIT });
  await move(COMMIT, true);
  expect(server.inspect.tags(FULL_NAME)).toEqual({ v1: COMMIT });
  expect(await refusal(move("3".repeat(40)))).toMatchObject({ status: 422, message: "Object does not exist" });
  const missing = client(server).request(UPDATE, { ...tag("v2"), sha: COMMIT });
  expect(await refusal(missing)).toMatchObject({ message: "Reference does not exist" });
});

test("an annotated tag leads to its commit", async () => {
  const server = await github();
  const octokit = client(server);
  const { data } = await octokit.request("POST /repos/{owner}/{repo}/git/tags", {
    ...REPOSITORY,
    tag: "v1.0.0",
    message: "first",
    object: COMMIT,
    type: "commit",
    tagger: { name: "A", email: "a@example.org", date: "2026-01-02T03:04:05Z" },
  });
  // What `git hash-object -t tag` says about the same text.
  expect(data.sha).toBe("0bad0b4da8f1e16d5ec950ec7b3a5a615e074289");
  await octokit.request(CREATE, { ...REPOSITORY, ref: "refs/tags/v1.0.0", sha: data.sha });
  expect((await octokit.request(GET, tag("v1.0.0"))).data.object).toMatchObject({ type: "tag", sha: data.sha });
  const read = await octokit.request("GET /repos/{owner}/{repo}/git/tags/{tag_sha}", {
    ...REPOSITORY,
    tag_sha: data.sha,
  });
  expect(read.data.object).toMatchObject({ type: "commit", sha: COMMIT });
  expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT });
});

test("commits are found by SHA, branch and tag; others are not", async () => {
  const server = await github();
  server.inspect.setTag(FULL_NAME, "v1.0.0", COMMIT);
  const find = (ref: string) =>
    client(server).request("GET /repos/{owner}/{repo}/commits/{ref}", { ...REPOSITORY, ref });
  expect((await find("v1.0.0")).data).toMatchObject({ sha: COMMIT, commit: { message: "feat: first" } });
  expect((await find("main")).data).toMatchObject({ sha: LATER_COMMIT, parents: [{ sha: COMMIT }] });
  expect((await find(COMMIT)).data.sha).toBe(COMMIT);
  expect((await find("heads/main")).data.sha).toBe(LATER_COMMIT);
  expect(await refusal(find("3".repeat(40)))).toMatchObject({
    status: 422,
    message: `No commit found for SHA: ${"3".repeat(40)}`,
  });
});

test("a comparison counts the commits between two refs", async () => {
  const server = await github();
  server.inspect.setTag(FULL_NAME, "v1.0.0", COMMIT);
  const compare = async (basehead: string) =>
    (await client(server).request("GET /repos/{owner}/{repo}/compare/{basehead}", { ...REPOSITORY, basehead })).data;
  const ahead = await compare("v1.0.0...main");
  expect(ahead).toMatchObject({ status: "ahead", ahead_by: 1, behind_by: 0, total_commits: 1 });
  expect(ahead.commits.map(({ commit }) => commit.message)).toEqual(["feat: second"]);
  expect(await compare("main...v1.0.0")).toMatchObject({ status: "behind", ahead_by: 0, behind_by: 1 });
  expect(await compare("main...main")).toMatchObject({ status: "identical", commits: [] });
});

test("branches tell their tip", async () => {
  const server = await github();
  const branch = (name: string) =>
    client(server).request("GET /repos/{owner}/{repo}/branches/{branch}", { ...REPOSITORY, branch: name });
  expect((await branch("main")).data).toMatchObject({ name: "main", commit: { sha: LATER_COMMIT }, protected: false });
  expect(await refusal(branch("none"))).toMatchObject({ status: 404 });
  const all = await client(server).request("GET /repos/{owner}/{repo}/branches", REPOSITORY);
  expect(all.data.map(({ name }) => name)).toEqual(["main"]);
});
