import * as pulumi from "@pulumi/pulumi";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Repository, type RepositoryArgs } from "../../src/components/repository.ts";
import { blobOf } from "../../src/model/blob.ts";
import { REPOSITORY_PARTS } from "../../src/model/repository-part.ts";
import { reached } from "../../src/refusal.ts";
import { engine, type Registered, secret } from "./engine.ts";

const WORKFLOWS = {
  ".github/workflows/release.yml": "on: push\n",
  ".github/workflows/drift.yml": "on: schedule\n",
};
// The provider's own, and two writes that meet on a branch.
const RETRYABLE = "[409,500,502,503,504]";
const NONE = { repositoryParts: [] };
const github = { blobs: async () => ({}) };

async function declared(change: Partial<RepositoryArgs>) {
  vi.stubEnv("GITHUB_TOKEN", "ghp_rotating");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { resources } = await engine();
  new Repository("repository", {
    repository: "octo/demo",
    repositoryParts: REPOSITORY_PARTS,
    workflows: WORKFLOWS,
    actions: ["actions/checkout@*"],
    differing: {},
    look: 0,
    variables: {},
    secrets: {},
    overwritten: {},
    existing: {},
    githubUrl: "https://github.com",
    github,
    ...change,
  });
  return resources();
}

/** The names of the resources, without what is always there. */
const names = (resources: Record<string, Registered>) =>
  Object.keys(resources)
    .filter((name) => !["repository", "repository-github"].includes(name))
    .sort();

describe("the repository", () => {
  test("needs no provider when nothing of it is kept", async () => {
    const resources = await declared({ ...NONE, githubToken: pulumi.secret("ghp_secret") });
    expect(Object.values(resources).map(({ type }) => type)).toEqual(["mount-monitor:release:Repository"]);
  });

  test("has a provider outside of the component, and the token stays in the environment", async () => {
    const { "repository-github": provider } = await declared({});
    expect(provider).toMatchObject({
      type: "pulumi:providers:github",
      parent: "",
      inputs: { owner: "octo", baseUrl: "https://api.github.com/", retryableErrors: RETRYABLE },
    });
    expect(provider?.inputs).not.toHaveProperty("token");
    expect(provider?.inputs).not.toHaveProperty("writeDelayMs");
    expect(provider?.inputs).not.toHaveProperty("retryDelayMs");
  });

  test.each([
    ["http://127.0.0.1:1234", { baseUrl: "http://127.0.0.1:1234/", writeDelayMs: "0", retryDelayMs: "0" }],
    ["https://github.example.com", { baseUrl: "https://github.example.com/" }],
  ])("is kept on a GitHub of one's own: %s", async (githubUrl, inputs) => {
    const resources = await declared({ githubUrl, githubToken: pulumi.secret("ghp_secret") });
    expect(resources["repository-github"]?.inputs).toEqual({
      owner: "octo",
      token: secret("ghp_secret"),
      retryableErrors: RETRYABLE,
      ...inputs,
    });
  });

  test("has its workflows written one after the other, and read back last", async () => {
    const resources = await declared({ repositoryParts: ["workflows"] });
    expect(names(resources)).toEqual(["repository-drift.yml", "repository-release.yml", "repository-workflow-check"]);
    expect(resources["repository-release.yml"]).toEqual({
      type: "github:index/repositoryFile:RepositoryFile",
      name: "repository-release.yml",
      parent: "repository",
      dependsOn: [],
      ignoreChanges: ["overwriteOnCreate"],
      retainOnDelete: false,
      before: { create: [], update: ["repository-workflow"] },
      inputs: {
        repository: "demo",
        file: ".github/workflows/release.yml",
        content: WORKFLOWS[".github/workflows/release.yml"],
        commitMessage: "ci: release.yml as the stack declares it",
        overwriteOnCreate: true,
      },
    });
    expect(resources["repository-drift.yml"]?.dependsOn).toEqual(["repository-release.yml"]);
    expect(resources["repository-workflow-check"]).toEqual({
      type: "pulumi-nodejs:dynamic/release:WorkflowCheck",
      name: "repository-workflow-check",
      parent: "repository",
      dependsOn: ["repository-drift.yml", "repository-release.yml"],
      ignoreChanges: [],
      retainOnDelete: false,
      inputs: {
        repository: "octo/demo",
        blobs: {
          ".github/workflows/release.yml": blobOf(WORKFLOWS[".github/workflows/release.yml"]),
          ".github/workflows/drift.yml": blobOf(WORKFLOWS[".github/workflows/drift.yml"]),
        },
        drift: [],
      },
    });
  });

  test("that differs is looked at by the update, and a workflow that the stack does not know is not overwritten", async () => {
    const differing = { ".github/workflows/drift.yml": "1".repeat(40) };
    const resources = await declared({ repositoryParts: ["workflows"], differing, look: 3 });
    expect(resources["repository-drift.yml"]?.inputs).toMatchObject({ overwriteOnCreate: false });
    expect(resources["repository-release.yml"]?.inputs).toMatchObject({ overwriteOnCreate: true });
    expect(resources["repository-workflow-check"]?.inputs).toMatchObject({ pending: differing, look: 3 });
  });

  test("has an environment for version tags alone, which holds the secrets", async () => {
    const resources = await declared({ repositoryParts: ["environment"], secrets: { KEY: pulumi.secret("hidden") } });
    expect(names(resources)).toEqual([
      "repository-KEY",
      "repository-environment",
      "repository-environment-tags",
      "repository-secret-check",
    ]);
    expect(resources["repository-environment"]).toMatchObject({
      type: "github:index/repositoryEnvironment:RepositoryEnvironment",
      parent: "repository",
      inputs: {
        repository: "demo",
        environment: "release",
        deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
      },
    });
    expect(resources["repository-environment-tags"]).toMatchObject({
      type: "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy",
      parent: "repository",
      dependsOn: ["repository-environment"],
      inputs: { repository: "demo", environment: "release", tagPattern: "v*" },
    });
    expect(resources["repository-KEY"]).toMatchObject({
      type: "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
      parent: "repository",
      dependsOn: ["repository-environment"],
      inputs: { repository: "demo", environment: "release", secretName: "KEY", value: secret("hidden") },
      replacementTrigger: "",
    });
    expect(resources["repository-KEY"]?.inputs).not.toHaveProperty("plaintextValue");
  });

  test("has a secret written again when somebody else has written it, and its times looked at after that", async () => {
    const time = "2026-01-02T03:04:05Z";
    const secrets = { KEY: pulumi.secret("hidden"), OTHER: pulumi.secret("hidden, too") };
    const overwritten = { KEY: time, GONE: time };
    const resources = await declared({ repositoryParts: ["environment"], secrets, overwritten });
    expect(resources["repository-KEY"]?.replacementTrigger).toBe(time);
    expect(resources["repository-OTHER"]?.replacementTrigger).toBe("");
    expect(resources["repository-secret-check"]).toMatchObject({
      type: "pulumi-nodejs:dynamic/release:SecretCheck",
      parent: "repository",
      dependsOn: ["repository-KEY", "repository-OTHER", "repository-environment"],
      retainOnDelete: false,
      inputs: { repository: "octo/demo", environment: "release", settled: { KEY: time }, drift: [] },
    });
  });

  test("without secrets has nothing to look at", async () => {
    expect(names(await declared({ repositoryParts: ["environment"] }))).not.toContain("repository-secret-check");
  });

  test("has version tags that are made and stay, without an exception", async () => {
    const resources = await declared({ repositoryParts: ["tag-ruleset"] });
    expect(names(resources)).toEqual(["repository-tag-ruleset"]);
    expect(resources["repository-tag-ruleset"]).toMatchObject({
      type: "github:index/repositoryRuleset:RepositoryRuleset",
      parent: "repository",
    });
    expect(resources["repository-tag-ruleset"]?.inputs).toEqual({
      repository: "demo",
      name: "version tags",
      target: "tag",
      enforcement: "active",
      conditions: { refName: { includes: ["refs/tags/v*"], excludes: [] } },
      rules: { update: true, deletion: true, nonFastForward: true },
    });
  });

  test("allows the actions that its workflows use, pinned, with a token that reads", async () => {
    const resources = await declared({ repositoryParts: ["actions-permissions"] });
    expect(names(resources)).toEqual(["repository-actions-permissions", "repository-workflow-permissions"]);
    expect(resources["repository-actions-permissions"]).toMatchObject({
      type: "github:index/actionsRepositoryPermissions:ActionsRepositoryPermissions",
      parent: "repository",
      inputs: {
        repository: "demo",
        enabled: true,
        allowedActions: "selected",
        allowedActionsConfig: {
          githubOwnedAllowed: false,
          verifiedAllowed: false,
          patternsAlloweds: ["actions/checkout@*"],
        },
        shaPinningRequired: true,
      },
    });
    expect(resources["repository-workflow-permissions"]).toMatchObject({
      type: "github:index/workflowRepositoryPermissions:WorkflowRepositoryPermissions",
      parent: "repository",
      inputs: { repository: "demo", defaultWorkflowPermissions: "read", canApprovePullRequestReviews: false },
    });
  });

  test("has immutable releases, which a removal may switch off", async () => {
    const resources = await declared({ repositoryParts: ["immutable-releases"] });
    expect(names(resources)).toEqual(["repository-immutable-releases"]);
    expect(resources["repository-immutable-releases"]).toMatchObject({
      type: "pulumi-nodejs:dynamic/release:ImmutableReleases",
      parent: "repository",
      retainOnDelete: false,
      inputs: { repository: "octo/demo", drift: [] },
    });
  });

  test("takes over what is there as it would be made, and makes the rest", async () => {
    const existing = { COLOR: "demo:COLOR", "tag-ruleset": "demo:7", "environment-tags": "demo:release:8" };
    const resources = await declared({ existing, variables: { COLOR: "blue", SIZE: "xl" } });
    const taken = Object.values(resources).flatMap(({ name, import: id }) => (id === undefined ? [] : [[name, id]]));
    expect(Object.fromEntries(taken)).toEqual({
      "repository-COLOR": "demo:COLOR",
      "repository-tag-ruleset": "demo:7",
      "repository-environment-tags": "demo:release:8",
    });
  });

  test("says when releases are immutable, and at once where they are not kept so", async () => {
    const order: string[] = [];
    const { resources } = await engine((type) => {
      order.push(type);
      return {};
    });
    const args = {
      repository: "octo/demo",
      workflows: {},
      actions: [],
      differing: {},
      look: 0,
      variables: {},
      secrets: {},
    };
    const rest = { overwritten: {}, existing: {}, githubUrl: "https://github.com", github };
    const kept = new Repository("kept", { ...args, ...rest, repositoryParts: ["immutable-releases"] });
    await reached(kept.protection);
    expect(order).toContain("pulumi-nodejs:dynamic/release:ImmutableReleases");
    await reached(new Repository("left", { ...args, ...rest, repositoryParts: [] }).protection);
    await resources();
  });

  test("has variables, each a resource, whatever else is kept", async () => {
    const resources = await declared({ ...NONE, variables: { REGION: "eu" } });
    expect(names(resources)).toEqual(["repository-REGION"]);
    expect(resources["repository-REGION"]).toMatchObject({
      type: "github:index/actionsVariable:ActionsVariable",
      parent: "repository",
      inputs: { repository: "demo", variableName: "REGION", value: "eu" },
    });
  });
});
