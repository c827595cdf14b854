import { describe, expect, test } from "vitest";
import type { LocalGitHub } from "../../../rehearsal/github/server.ts";
import { COMMIT, client, draft, FULL_NAME, github, LATER_COMMIT, REPOSITORY, refusal, stranger } from "./fixture.ts";

const LIST = "GET /repos/{owner}/{repo}/releases";
const CREATE = "POST /repos/{owner}/{repo}/releases";
const GET = "GET /repos/{owner}/{repo}/releases/{release_id}";
const BY_TAG = "GET /repos/{owner}/{repo}/releases/tags/{tag}";
const LATEST = "GET /repos/{owner}/{repo}/releases/latest";
const PATCH = "PATCH /repos/{owner}/{repo}/releases/{release_id}";
const DELETE = "DELETE /repos/{owner}/{repo}/releases/{release_id}";

describe("drafts", () => {
  test("are hidden from the look-up by tag, from strangers and from the git tags", async () => {
    const server = await github();
    const release = await draft(server, { tag_name: "v1.0.0", name: "1.0.0", body: "notes" });
    expect(release).toMatchObject({ draft: true, name: "1.0.0", body: "notes", published_at: null, immutable: false });
    expect(release.html_url).toMatch(/\/octocat\/mount-monitor\/releases\/tag\/untagged-[0-9a-f]{20}$/);
    expect(release.upload_url).toBe(
      `${server.url}/api/uploads/repos/octocat/mount-monitor/releases/${release.id}/assets{?name,label}`,
    );
    expect(server.inspect.tags(FULL_NAME)).toEqual({});

    expect(await refusal(client(server).request(BY_TAG, { ...REPOSITORY, tag: "v1.0.0" }))).toMatchObject({
      status: 404,
    });
    expect((await client(server).request(LIST, REPOSITORY)).data.map(({ id }) => id)).toEqual([release.id]);
    expect((await stranger(server).request(LIST, REPOSITORY)).data).toEqual([]);
    const byId = stranger(server).request(GET, { ...REPOSITORY, release_id: release.id });
    expect(await refusal(byId)).toMatchObject({ status: 404, message: "Not Found" });
  });

  test("of one tag may be several", async () => {
    const server = await github();
    const [first, second] = [await draft(server, { tag_name: "v1.0.0" }), await draft(server, { tag_name: "v1.0.0" })];
    const { data } = await client(server).request(LIST, REPOSITORY);
    expect(data.map(({ id }) => id)).toEqual([second.id, first.id]);
  });
});

describe("publishing", () => {
  test("creates the tag at target_commitish and makes the release visible and latest", async () => {
    const server = await github();
    const { id } = await draft(server, { tag_name: "v1.0.0", target_commitish: COMMIT });
    const { data } = await client(server).request(PATCH, { ...REPOSITORY, release_id: id, draft: false });
    expect(data).toMatchObject({ draft: false, html_url: `${server.url}/${FULL_NAME}/releases/tag/v1.0.0` });
    expect(data.published_at).toMatch(/Z$/);
    expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT });
    expect((await stranger(server).request(BY_TAG, { ...REPOSITORY, tag: "v1.0.0" })).data.id).toBe(id);
    expect((await stranger(server).request(LATEST, REPOSITORY)).data.id).toBe(id);
  });

  test("leaves an existing tag where it is", async () => {
    const server = await github();
    server.inspect.setTag(FULL_NAME, "v1.0.0", COMMIT);
    await draft(server, { tag_name: "v1.0.0", target_commitish: LATER_COMMIT, draft: false });
    expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT });
  });

  test("a second release of a tag is refused, on creation and on publishing a draft", async () => {
    const server = await github();
    await draft(server, { tag_name: "v1.0.0", draft: false });
    const taken = {
      status: 422,
      message: "Validation Failed",
      errors: [{ resource: "Release", code: "already_exists", field: "tag_name" }],
    };
    expect(await refusal(draft(server, { tag_name: "v1.0.0", draft: false }))).toEqual(taken);
    const { id } = await draft(server, { tag_name: "v1.0.0" });
    const publishing = client(server).request(PATCH, { ...REPOSITORY, release_id: id, draft: false });
    expect(await refusal(publishing)).toEqual(taken);
    expect(server.inspect.releases(FULL_NAME, "v1.0.0").map((release) => release.draft)).toEqual([false, true]);
  });

  test("an unknown commit is refused, unless any commit is accepted", async () => {
    const unknown = { tag_name: "v1.0.0", target_commitish: "3".repeat(40), draft: false };
    const strict = await github();
    expect(await refusal(draft(strict, unknown))).toMatchObject({
      status: 422,
      errors: [
        { resource: "Release", code: "custom", message: "Published releases must have a valid tag" },
        { resource: "Release", code: "invalid", field: "target_commitish" },
      ],
    });
    expect(strict.inspect.releases(FULL_NAME)).toEqual([]);
    const lenient = await github({ acceptAnyCommit: true });
    await draft(lenient, unknown);
    expect(lenient.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": "3".repeat(40) });
  });

  test.each(["v1..0", "v1 0", "v1~0", ".v1", "v1.lock", "v1/", "", "a//b"])(
    "refuses the tag name %j",
    async (tag_name) => {
      const server = await github();
      expect((await refusal(draft(server, { tag_name }))).errors).toEqual([
        { resource: "Release", code: "custom", field: "tag_name", message: "tag_name is not well-formed" },
      ]);
    },
  );

  test("refuses a body that is too long, a field of the wrong type and a missing tag", async () => {
    const server = await github();
    expect(await refusal(draft(server, { tag_name: "v1", body: "x".repeat(125_001) }))).toMatchObject({ status: 422 });
    const create = (fields: Record<string, unknown>) =>
      refusal(client(server).request(CREATE, { ...REPOSITORY, ...fields, tag_name: String(fields.tag_name ?? "") }));
    expect(await create({ tag_name: "v1", draft: "yes" })).toMatchObject({
      status: 422,
      message: expect.stringContaining("properties/draft"),
    });
    const raw = await fetch(`${server.apiUrl}/repos/${FULL_NAME}/releases`, {
      method: "POST",
      headers: { authorization: "token ghp_administrator" },
      body: "{}",
    });
    expect(await raw.json()).toMatchObject({ errors: [{ code: "missing_field", field: "tag_name" }] });
    expect(server.inspect.releases(FULL_NAME)).toEqual([]);
  });
});

describe("latest", () => {
  async function publish(server: LocalGitHub, tag: string, extra = {}) {
    return draft(server, { tag_name: tag, draft: false, ...extra });
  }
  const latest = async (server: LocalGitHub) => (await client(server).request(LATEST, REPOSITORY)).data.tag_name;

  test("is nothing before the first release", async () => {
    const server = await github();
    await publish(server, "v2.0.0-rc.1", { prerelease: true, make_latest: "true" });
    expect(await refusal(client(server).request(LATEST, REPOSITORY))).toMatchObject({ status: 404 });
  });

  test.each([
    ["the last published by default", {}, "v1.0.1"],
    ["kept with make_latest=false", { make_latest: "false" }, "v1.1.0"],
    ["the highest version with make_latest=legacy", { make_latest: "legacy" }, "v1.1.0"],
    ["never a prerelease", { prerelease: true, make_latest: "true" }, "v1.1.0"],
  ])("%s", async (_title, extra, expected) => {
    const server = await github();
    await publish(server, "v1.1.0");
    await publish(server, "v1.0.1", extra);
    expect(await latest(server)).toBe(expected);
  });

  test("is moved by an edit, and falls back when the release is deleted", async () => {
    const server = await github();
    const old = await publish(server, "v1.0.0");
    await publish(server, "v1.1.0");
    await client(server).request(PATCH, { ...REPOSITORY, release_id: old.id, make_latest: "true" });
    expect(await latest(server)).toBe("v1.0.0");
    await client(server).request(DELETE, { ...REPOSITORY, release_id: old.id });
    expect(await latest(server)).toBe("v1.1.0");
    expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT, "v1.1.0": COMMIT });
  });
});

describe("immutable releases", () => {
  const SWITCH = "/repos/{owner}/{repo}/immutable-releases";

  async function sealed() {
    const server = await github();
    await client(server).request(`PUT ${SWITCH}`, REPOSITORY);
    const { id } = await draft(server, { tag_name: "v1.0.0" });
    await client(server).request(PATCH, { ...REPOSITORY, release_id: id, draft: false });
    return { server, id };
  }

  test("are a switch of the repository", async () => {
    const server = await github();
    const state = () => client(server).request(`GET ${SWITCH}`, REPOSITORY);
    expect((await refusal(state())).status).toBe(404);
    await client(server).request(`PUT ${SWITCH}`, REPOSITORY);
    expect((await state()).data).toEqual({ enabled: true, enforced_by_owner: false });
    await client(server).request(`DELETE ${SWITCH}`, REPOSITORY);
    expect((await refusal(state())).status).toBe(404);
    expect((await draft(server, { tag_name: "v1", draft: false })).immutable).toBe(false);
  });

  test("change title, notes and latest mark only", async () => {
    const { server, id } = await sealed();
    const patch = (fields: Record<string, unknown>) =>
      client(server).request(PATCH, { ...REPOSITORY, release_id: id, ...fields });
    const { data } = await patch({
      name: "withdrawn",
      body: "bad",
      make_latest: "false",
      draft: false,
      tag_name: "v1.0.0",
    });
    expect(data).toMatchObject({ immutable: true, name: "withdrawn", body: "bad" });
    for (const [field, fields] of Object.entries({
      state: { draft: true },
      tag_name: { tag_name: "v1.0.1" },
      target_commitish: { target_commitish: LATER_COMMIT },
      prerelease: { prerelease: true },
    })) {
      expect(await refusal(patch(fields))).toMatchObject({
        status: 422,
        errors: [{ code: "custom", field, message: `${field} cannot be changed when release is immutable` }],
      });
    }
  });

  test("hold their tag: it is neither moved nor deleted, nor used again after the release is gone", async () => {
    const { server, id } = await sealed();
    const ref = { ...REPOSITORY, ref: "tags/v1.0.0" };
    const move = client(server).request("PATCH /repos/{owner}/{repo}/git/refs/{ref}", {
      ...ref,
      sha: LATER_COMMIT,
      force: true,
    });
    expect(await refusal(move)).toMatchObject({ status: 422, message: expect.stringContaining("protected ref") });
    const remove = client(server).request("DELETE /repos/{owner}/{repo}/git/refs/{ref}", ref);
    expect(await refusal(remove)).toMatchObject({ status: 422, message: expect.stringContaining("protected ref") });
    expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT });

    await client(server).request(DELETE, { ...REPOSITORY, release_id: id });
    expect(await refusal(draft(server, { tag_name: "v1.0.0", draft: false }))).toMatchObject({
      errors: [{ field: "tag_name", message: "tag_name was used by an immutable release" }],
    });
  });
});

test("the list has pages", async () => {
  const server = await github();
  for (let minor = 0; minor < 5; minor++) await draft(server, { tag_name: `v1.${minor}.0` });
  const { data, headers } = await client(server).request(LIST, { ...REPOSITORY, per_page: 2, page: 2 });
  expect(data.map(({ tag_name }) => tag_name)).toEqual(["v1.2.0", "v1.1.0"]);
  const at = (page: number) => `<${server.apiUrl}/repos/${FULL_NAME}/releases?per_page=2&page=${page}>`;
  expect(headers.link).toBe(`${at(1)}; rel="prev", ${at(3)}; rel="next", ${at(3)}; rel="last", ${at(1)}; rel="first"`);
  const last = await client(server).request(LIST, { ...REPOSITORY, per_page: 2, page: 3 });
  expect(last.data.map(({ tag_name }) => tag_name)).toEqual(["v1.0.0"]);
  expect(last.headers.link).not.toContain('rel="next"');
});

test("notes are generated since the latest release, and refuse an unknown previous tag", async () => {
  const server = await github();
  await draft(server, { tag_name: "v1.0.0", draft: false });
  const notes = (fields = {}) =>
    client(server).request("POST /repos/{owner}/{repo}/releases/generate-notes", {
      ...REPOSITORY,
      tag_name: "v1.1.0",
      ...fields,
    });
  expect((await notes()).data).toEqual({
    name: "v1.1.0",
    body: `**Full Changelog**: ${server.url}/${FULL_NAME}/compare/v1.0.0...v1.1.0`,
  });
  expect(await refusal(notes({ previous_tag_name: "v0.9.0" }))).toMatchObject({ status: 422 });
});
