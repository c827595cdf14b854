import * as pulumi from "@pulumi/pulumi";
import { expect, test, vi } from "vitest";
import { blobOf } from "../../src/model/blob.ts";
import { planRepository } from "../../src/plan/repository-plan.ts";

const settings = {
  repository: "octo/demo",
  repositoryParts: ["workflows" as const],
  publicImage: "ghcr.io/octo/demo",
  source: "app",
  backend: "https://api.pulumi.com",
  branch: "main",
  secrets: {},
};
const connections = (found: Record<string, string>) => ({
  stack: "prod",
  github: { blobs: vi.fn(async () => found) },
  overwrittenSecrets: vi.fn(async () => ({ KEY: "2026-01-02T03:04:05Z" })),
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
  expect((await planRepository(settings, connections(found))).differing).toEqual({
    ".github/workflows/drift.yml": "1".repeat(40),
    ".github/workflows/preview.yml": "missing",
  });
});

test("does not look where workflows are left out", async () => {
  const services = connections({});
  const { differing } = await planRepository({ ...settings, repositoryParts: ["environment"] }, services);
  expect(differing).toEqual({});
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
