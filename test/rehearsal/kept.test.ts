import { expect, test } from "vitest";
import { keptIn } from "../../rehearsal/kept.ts";
import { client, FULL_NAME, github, REPOSITORY } from "./github/fixture.ts";

test("a repository that nobody has set up has nothing to show", async () => {
  const server = await github();
  expect(keptIn(server.inspect.repository(FULL_NAME))).toEqual([]);
});

test("what is shown is what the local GitHub has", async () => {
  const server = await github();
  const octokit = client(server);
  const environment = { ...REPOSITORY, environment_name: "release" };
  await octokit.request("PUT /repos/{owner}/{repo}/environments/{environment_name}", {
    ...environment,
    deployment_branch_policy: { protected_branches: false, custom_branch_policies: true },
  });
  await octokit.request("POST /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", {
    ...environment,
    name: "v*",
    type: "tag",
  });
  await octokit.request("POST /repos/{owner}/{repo}/rulesets", {
    ...REPOSITORY,
    name: "version tags",
    target: "tag",
    enforcement: "active",
    rules: [{ type: "deletion" }, { type: "non_fast_forward" }],
  });
  await octokit.request("PUT /repos/{owner}/{repo}/actions/permissions", {
    ...REPOSITORY,
    enabled: true,
    allowed_actions: "selected",
    sha_pinning_required: true,
  });
  await octokit.request("PUT /repos/{owner}/{repo}/actions/permissions/selected-actions", {
    ...REPOSITORY,
    patterns_allowed: ["actions/checkout@*"],
  });
  await octokit.request("PUT /repos/{owner}/{repo}/immutable-releases", REPOSITORY);
  server.inspect.writeFile(FULL_NAME, ".github/workflows/release.yml", "on: push\n");
  server.inspect.writeFile(FULL_NAME, ".github/other.yml", "");
  expect(keptIn(server.inspect.repository(FULL_NAME))).toEqual([
    ["workflows", "release.yml"],
    ["environment release", "tags v*"],
    ["ruleset version tags", "active: deletion, non_fast_forward"],
    ["allowed actions", "actions/checkout@*"],
    ["actions by commit", "required"],
    ["workflows' token", "read"],
    ["immutable releases", "on"],
  ]);
});
