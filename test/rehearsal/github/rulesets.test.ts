import { describe, expect, test } from "vitest";
import { covers } from "../../../rehearsal/github/ruleset-check.ts";
import { COMMIT, client, FULL_NAME, github, LATER_COMMIT, REPOSITORY, refusal } from "./fixture.ts";

const BASE = "/repos/{owner}/{repo}/rulesets";
const VERSION_TAGS = {
  name: "version tags",
  target: "tag",
  enforcement: "active",
  conditions: { ref_name: { include: ["refs/tags/v*"], exclude: [] } },
  rules: [{ type: "update" }, { type: "deletion" }],
} as const;

const body = () =>
  structuredClone({
    ...VERSION_TAGS,
    conditions: { ref_name: { include: ["refs/tags/v*"], exclude: [] as string[] } },
  });
const rules = () => [{ type: "update" as const }, { type: "deletion" as const }];

test("a ruleset is made, read, changed, listed and deleted", async () => {
  const octokit = client(await github());
  const { data } = await octokit.request(`POST ${BASE}`, { ...REPOSITORY, ...body(), rules: rules() });
  expect(data).toMatchObject({
    name: "version tags",
    target: "tag",
    source: FULL_NAME,
    source_type: "Repository",
    enforcement: "active",
    conditions: { ref_name: { include: ["refs/tags/v*"] } },
    rules: [{ type: "update" }, { type: "deletion" }],
    current_user_can_bypass: "never",
  });
  const one = { ...REPOSITORY, ruleset_id: data.id };
  expect((await octokit.request(`GET ${BASE}/{ruleset_id}`, one)).data).toEqual(data);
  const put = await octokit.request(`PUT ${BASE}/{ruleset_id}`, { ...one, enforcement: "disabled" });
  expect(put.data).toMatchObject({
    enforcement: "disabled",
    name: "version tags",
    rules: [{ type: "update" }, { type: "deletion" }],
  });
  expect((await octokit.request(`GET ${BASE}`, REPOSITORY)).data).toMatchObject([
    { id: data.id, enforcement: "disabled" },
  ]);
  const twice = octokit.request(`POST ${BASE}`, { ...REPOSITORY, ...body(), rules: rules() });
  expect(await refusal(twice)).toMatchObject({
    status: 422,
    errors: [{ field: "name", message: "Name must be unique" }],
  });
  await octokit.request(`DELETE ${BASE}/{ruleset_id}`, one);
  expect((await refusal(octokit.request(`GET ${BASE}/{ruleset_id}`, one))).status).toBe(404);
});

test("an active ruleset keeps tags where they are", async () => {
  const server = await github();
  const octokit = client(server);
  server.inspect.setTag(FULL_NAME, "v1.0.0", COMMIT);
  server.inspect.setTag(FULL_NAME, "other", COMMIT);
  await octokit.request(`POST ${BASE}`, { ...REPOSITORY, ...body(), rules: rules() });
  const move = (tag: string) =>
    octokit.request("PATCH /repos/{owner}/{repo}/git/refs/{ref}", {
      ...REPOSITORY,
      ref: `tags/${tag}`,
      sha: LATER_COMMIT,
    });
  expect(await refusal(move("v1.0.0"))).toMatchObject({
    status: 422,
    message: expect.stringContaining("rule violations"),
  });
  await move("other");
  const remove = octokit.request("DELETE /repos/{owner}/{repo}/git/refs/{ref}", { ...REPOSITORY, ref: "tags/v1.0.0" });
  expect((await refusal(remove)).status).toBe(422);
  await octokit.request("POST /repos/{owner}/{repo}/git/refs", { ...REPOSITORY, ref: "refs/tags/v2", sha: COMMIT });
  expect(server.inspect.tags(FULL_NAME)).toEqual({ "v1.0.0": COMMIT, other: LATER_COMMIT, v2: COMMIT });
});

test("the rules of a branch come from the active rulesets that cover it", async () => {
  const octokit = client(await github());
  await octokit.request(`POST ${BASE}`, {
    ...REPOSITORY,
    name: "main",
    enforcement: "active",
    conditions: { ref_name: { include: ["~DEFAULT_BRANCH"], exclude: [] } },
    rules: [{ type: "deletion" }],
  });
  const of = async (branch: string) =>
    (await octokit.request("GET /repos/{owner}/{repo}/rules/branches/{branch}", { ...REPOSITORY, branch })).data;
  expect(await of("main")).toMatchObject([{ type: "deletion", ruleset_source: FULL_NAME }]);
  expect(await of("other")).toEqual([]);
});

describe("covers", () => {
  test.each([
    ["refs/tags/v*", "refs/tags/v1.0.0", true],
    ["refs/tags/v*", "refs/tags/v1/0", false],
    ["refs/tags/**/*", "refs/tags/a/b/c", true],
    ["refs/tags/v?", "refs/tags/v12", false],
    ["~ALL", "refs/tags/x", true],
    ["~ALL", "refs/heads/x", false],
    ["refs/tags/v1.0", "refs/tags/v1x0", false],
  ])("%s, %s: %s", (pattern, ref, expected) => {
    const ruleset = { target: "tag" as const, conditions: { ref_name: { include: [pattern], exclude: [] } } };
    expect(covers(ruleset, ref, "refs/heads/main")).toBe(expected);
  });

  test("what is excluded is not covered", () => {
    const conditions = { ref_name: { include: ["~ALL"], exclude: ["refs/tags/nightly"] } };
    expect(covers({ target: "tag", conditions }, "refs/tags/nightly", "")).toBe(false);
    expect(covers({ target: "tag", conditions }, "refs/tags/v1", "")).toBe(true);
  });
});
