import { expect, test } from "vitest";
import { client, github, REPOSITORY, refusal } from "./fixture.ts";

const BASE = "/repos/{owner}/{repo}/environments/{environment_name}";
const here = { ...REPOSITORY, environment_name: "release/main" };

test("an environment is made, changed in place, listed and deleted", async () => {
  const octokit = client(await github());
  const made = await octokit.request(`PUT ${BASE}`, { ...here, wait_timer: 5, reviewers: [{ type: "User", id: 7 }] });
  expect(made.data).toMatchObject({
    name: "release/main",
    protection_rules: [
      { type: "wait_timer", wait_timer: 5 },
      { type: "required_reviewers", reviewers: [{ type: "User", reviewer: { id: 7 } }] },
    ],
    deployment_branch_policy: null,
  });
  const changed = await octokit.request(`PUT ${BASE}`, { ...here, environment_name: "Release/Main" });
  expect(changed.data).toMatchObject({ id: made.data.id, name: "release/main", protection_rules: [] });
  const { data } = await octokit.request("GET /repos/{owner}/{repo}/environments", REPOSITORY);
  expect([data.total_count, data.environments?.[0]?.id]).toEqual([1, made.data.id]);
  await octokit.request(`DELETE ${BASE}`, here);
  expect((await refusal(octokit.request(`GET ${BASE}`, here))).status).toBe(404);
});

test("deployment branch policies need an environment with custom ones", async () => {
  const octokit = client(await github());
  const policies = `${BASE}/deployment-branch-policies` as const;
  const add = (name: string, type?: "branch" | "tag") =>
    octokit.request(`POST ${policies}`, { ...here, name, ...(type && { type }) });
  const put = (protected_branches: boolean, custom_branch_policies: boolean) =>
    octokit.request(`PUT ${BASE}`, {
      ...here,
      deployment_branch_policy: { protected_branches, custom_branch_policies },
    });
  expect((await refusal(put(true, true))).status).toBe(422);
  expect((await put(true, false)).data.protection_rules?.map(({ type }) => type)).toEqual(["branch_policy"]);
  expect((await refusal(add("main"))).status).toBe(404);
  await put(false, true);
  const { data } = await add("v*", "tag");
  expect(data).toMatchObject({ name: "v*", type: "tag" });
  const one = { ...here, branch_policy_id: data.id ?? 0 };
  expect((await octokit.request(`PUT ${policies}/{branch_policy_id}`, { ...one, name: "v1*" })).data.name).toBe("v1*");
  expect((await octokit.request(`GET ${policies}`, here)).data).toMatchObject({
    total_count: 1,
    branch_policies: [{ name: "v1*" }],
  });
  await put(false, true);
  expect((await octokit.request(`GET ${policies}/{branch_policy_id}`, one)).data.name).toBe("v1*");
  await octokit.request(`DELETE ${policies}/{branch_policy_id}`, one);
  expect((await refusal(octokit.request(`GET ${policies}/{branch_policy_id}`, one))).status).toBe(404);
});
