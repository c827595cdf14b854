import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test, vi } from "vitest";
import { blobOf } from "../../src/model/blob.ts";
import { planRepository } from "../../src/plan/repository-plan.ts";
import type { Setting } from "../../src/services/github/existing.ts";

const settings = {
  repository: "octo/demo",
  repositoryParts: ["workflows" as const],
  publicImage: "ghcr.io/octo/demo",
  source: "app",
  backend: "https://api.pulumi.com",
  branch: "main",
  secrets: {},
  variables: {},
};
const connections = (found: Record<string, string>, { admin = true, recorded = [] as string[] } = {}) => ({
  stack: "prod",
  github: {
    blobs: vi.fn(async () => found),
    mayAdminister: vi.fn(async () => admin),
    settingId: vi.fn(async ({ type, inputs }: Setting) =>
      inputs.variableName === "SIZE" ? undefined : `${inputs.repository}:${type.split(":").at(-1)}`,
    ),
  },
  overwrittenSecrets: vi.fn(async () => ({ KEY: "2026-01-02T03:04:05Z" })),
  recordedUrns: vi.fn(async () => recorded),
  workflowLooks: vi.fn(async () => 4),
});

test("plans the three workflows, and allows the actions that they use, at any commit", async () => {
  const { workflows, actions } = await planRepository(settings, connections({}));
  expect(Object.keys(workflows).sort()).toEqual([
    ".github/workflows/drift.yml",
    ".github/workflows/preview.yml",
    ".github/workflows/release.yml",
  ]);
  expect(actions).toContain("actions/checkout@*");
  expect(actions.filter((pattern) => !/^[\w.-]+\/[\w./-]+@\*$/.test(pattern))).toEqual([]);
  expect(actions).toEqual([...new Set(actions)]);
  for (const used of Object.values(workflows).flatMap((text) => [...text.matchAll(/uses: ([^@\s]+)@/g)])) {
    expect(actions).toContain(`${used[1]}@*`);
  }
});

test("names what differs from the default branch: edited, missing; what is equal, or not ours, is no difference", async () => {
  const { workflows } = await planRepository(settings, connections({}));
  const found = {
    ".github/workflows/release.yml": blobOf(workflows[".github/workflows/release.yml"] ?? ""),
    ".github/workflows/drift.yml": "1".repeat(40),
    ".github/workflows/own.yml": "2".repeat(40),
  };
  const plan = await planRepository(settings, connections(found));
  expect(plan.differing).toEqual({
    ".github/workflows/drift.yml": "1".repeat(40),
    ".github/workflows/preview.yml": "missing",
  });
  // The same ones another time are another difference to the state.
  expect(plan.look).toBe(5);
});

test("does not look where workflows are left out", async () => {
  const services = connections({});
  const { differing } = await planRepository({ ...settings, repositoryParts: ["environment"] }, services);
  expect(differing).toEqual({});
  expect(services.workflowLooks).not.toHaveBeenCalled();
  expect(services.github.blobs).not.toHaveBeenCalled();
});

test("says the same wherever a rehearsal finds another module", async () => {
  const plans = ["/home/one/module", "/srv/other"].map((source) =>
    planRepository({ ...settings, source }, connections({})),
  );
  const [one, other] = await Promise.all(plans);
  expect(one?.workflows).toEqual(other?.workflows);
  expect(JSON.stringify(one?.workflows)).not.toContain("/home/one");
});

test("asks the state for secrets of somebody else only where the stack has any", async () => {
  const services = connections({});
  expect((await planRepository(settings, services)).overwritten).toEqual({});
  expect(services.overwrittenSecrets).not.toHaveBeenCalled();
  const kept = { ...settings, secrets: { KEY: pulumi.secret("hidden") } };
  expect((await planRepository(kept, services)).overwritten).toEqual({ KEY: "2026-01-02T03:04:05Z" });
});

describe("settings that GitHub makes once", () => {
  const kept = {
    ...settings,
    repositoryParts: ["tag-ruleset" as const, "environment" as const],
    variables: { COLOR: "blue", SIZE: "xl" },
  };
  const urn = (type: string, name: string) =>
    `urn:pulumi:prod::mount-monitor::mount-monitor:release:Repository$github:index/${type}::repository-${name}`;

  test("are looked for where the state does not know them, as they would be made", async () => {
    const services = connections({});
    expect((await planRepository(kept, services)).existing).toEqual({
      COLOR: "demo:ActionsVariable",
      "tag-ruleset": "demo:RepositoryRuleset",
      "environment-tags": "demo:RepositoryEnvironmentDeploymentPolicy",
    });
    expect(services.github.settingId.mock.calls.map(([{ inputs }]) => inputs)).toEqual([
      { repository: "demo", variableName: "COLOR", value: "blue" },
      { repository: "demo", variableName: "SIZE", value: "xl" },
      { repository: "demo", name: "version tags" },
      { repository: "demo", environment: "release", tagPattern: "v*" },
    ]);
  });

  test("are not looked for where the state knows them", async () => {
    const recorded = [
      urn("actionsVariable:ActionsVariable", "COLOR"),
      urn("actionsVariable:ActionsVariable", "SIZE"),
      urn("repositoryRuleset:RepositoryRuleset", "tag-ruleset"),
      urn("repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy", "environment-tags"),
    ];
    const services = connections({}, { recorded });
    expect((await planRepository(kept, services)).existing).toEqual({});
    expect(services.github.mayAdminister).not.toHaveBeenCalled();
    expect(services.github.settingId).not.toHaveBeenCalled();
  });

  test("are not looked for by who may not administer the repository, nor where there are none", async () => {
    const job = connections({}, { admin: false });
    expect((await planRepository(kept, job)).existing).toEqual({});
    expect(job.github.settingId).not.toHaveBeenCalled();
    const none = connections({});
    expect((await planRepository(settings, none)).existing).toEqual({});
    expect(none.recordedUrns).not.toHaveBeenCalled();
  });
});
