import { describe, expect, test } from "vitest";
import { exportSchema, pendingOperations, settled, settlementOf } from "../../src/model/pending-operation.ts";

const variable = "github:index/actionsVariable:ActionsVariable";
const urn = (type: string, name: string) => `urn:pulumi:prod::mount-monitor::${type}::${name}`;
const resource = (type: string, name: string, inputs: object = {}) => ({
  urn: urn(type, name),
  custom: true,
  type,
  inputs,
});

const stack = exportSchema.parse({
  version: 3,
  features: ["kept"],
  deployment: {
    manifest: { version: "v3.259.0" },
    resources: [resource("pulumi:pulumi:Stack", "mount-monitor-prod")],
    pending_operations: [
      { type: "creating", resource: resource(variable, "a", { repository: "mount-monitor", variableName: "A" }) },
      { type: "creating", resource: resource(variable, "b", { repository: "mount-monitor", variableName: "B" }) },
      { type: "creating", resource: resource("pulumi-nodejs:dynamic/release:GithubRelease", "release-github") },
    ],
  },
});

describe("operations that are pending", () => {
  test("are read from an exported stack", () => {
    expect(pendingOperations(stack).map(({ operation, type, inputs }) => [operation, type, inputs])).toEqual([
      ["creating", variable, { repository: "mount-monitor", variableName: "A" }],
      ["creating", variable, { repository: "mount-monitor", variableName: "B" }],
      ["creating", "pulumi-nodejs:dynamic/release:GithubRelease", {}],
    ]);
    expect(pendingOperations(exportSchema.parse({ version: 3, deployment: null }))).toEqual([]);
    expect(pendingOperations(exportSchema.parse({ version: 3, deployment: { manifest: {} } }))).toEqual([]);
  });

  test.each([
    // Looks before it writes, builds again, or pushes the same bytes again.
    ["creating", "pulumi-nodejs:dynamic/release:Channel", "clear"],
    ["updating", "pulumi-nodejs:dynamic/release:GithubRelease", "clear"],
    ["creating", "command:local:Command", "clear"],
    ["creating", "docker-build:index:Image", "clear"],
    ["updating", "docker-build:index:Image", "clear"],
    ["creating", "pulumi:providers:github", "clear"],
    // PUTs.
    ["creating", "github:index/actionsSecret:ActionsSecret", "clear"],
    ["creating", "github:index/repositoryEnvironment:RepositoryEnvironment", "clear"],
    // POSTs, and a PUT that refuses what is there.
    ["creating", variable, "look"],
    ["creating", "github:index/repositoryFile:RepositoryFile", "look"],
    ["creating", "github:index/repositoryRuleset:RepositoryRuleset", "look"],
    ["updating", "github:index/repositoryFile:RepositoryFile", "refresh"],
    ["deleting", "github:index/actionsSecret:ActionsSecret", "refresh"],
    ["updating", variable, "refresh"],
  ] as const)("%s %s: %s", (operation, type, settlement) => {
    expect(settlementOf({ operation, type, urn: urn(type, "x"), inputs: {} })).toBe(settlement);
  });

  test("are gone when settled; what exists is in the state with its id, and nothing else is changed", () => {
    const after = settled(stack, new Map([[urn(variable, "b"), "mount-monitor:B"]]));
    expect(after).toEqual({
      version: 3,
      features: ["kept"],
      deployment: {
        manifest: { version: "v3.259.0" },
        resources: [
          resource("pulumi:pulumi:Stack", "mount-monitor-prod"),
          {
            ...resource(variable, "b", { repository: "mount-monitor", variableName: "B" }),
            id: "mount-monitor:B",
            outputs: {},
          },
        ],
      },
    });
  });
});
