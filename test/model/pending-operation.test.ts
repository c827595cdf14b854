import { describe, expect, test } from "vitest";
import {
  exportSchema,
  failedWrites,
  pendingOperations,
  recordedSettings,
  settled,
  settlementOf,
} from "../../src/model/pending-operation.ts";

const variable = "github:index/actionsVariable:ActionsVariable";
const file = "github:index/repositoryFile:RepositoryFile";
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
    ["updating", "pulumi-nodejs:dynamic/release:Channel", "mark"],
    ["deleting", "pulumi-nodejs:dynamic/release:Channel", "clear"],
    ["updating", "pulumi-nodejs:dynamic/release:Withdrawals", "mark"],
    ["creating", "pulumi-nodejs:dynamic/release:Withdrawals", "clear"],
    ["creating", "command:local:Command", "clear"],
    ["creating", "docker-build:index:Image", "clear"],
    ["updating", "docker-build:index:Image", "clear"],
    ["creating", "pulumi:providers:github", "clear"],
    // PUTs.
    ["creating", "github:index/actionsSecret:ActionsSecret", "clear"],
    ["creating", "github:index/repositoryEnvironment:RepositoryEnvironment", "clear"],
    // POSTs, and a PUT that refuses what is there.
    ["creating", variable, "look"],
    ["creating", file, "look"],
    ["creating", "github:index/repositoryRuleset:RepositoryRuleset", "look"],
    // What somebody else wrote is not taken over: a refresh would.
    ["updating", file, "look"],
    ["failed", file, "look"],
    ["deleting", file, "refresh"],
    ["deleting", "github:index/actionsSecret:ActionsSecret", "refresh"],
    ["updating", variable, "refresh"],
  ] as const)("%s %s: %s", (operation, type, settlement) => {
    expect(settlementOf({ operation, type, urn: urn(type, "x"), inputs: {} })).toBe(settlement);
  });

  test("are failed writes of files, too, with the text that was to be written", () => {
    const failed = { ...resource(file, "f", { file: "f", content: "old" }), outputs: { content: "new", sha: "1" } };
    const resources = [
      { ...failed, initErrors: ["409"] },
      { ...failed, urn: urn(file, "g"), initErrors: [] },
      { ...failed, urn: urn(file, "h") },
      { ...resource(variable, "a"), initErrors: ["409"] },
    ];
    expect(failedWrites(exportSchema.parse({ version: 3, deployment: { resources } }))).toEqual([
      { operation: "failed", urn: urn(file, "f"), type: file, inputs: { file: "f", content: "new", sha: "1" } },
    ]);
    expect(failedWrites(exportSchema.parse({ version: 3, deployment: null }))).toEqual([]);
  });

  test("may have deleted settings that the stack has recorded, whose deletion cannot be repeated", () => {
    const secret = "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret";
    const resources = [
      resource("pulumi:pulumi:Stack", "mount-monitor-prod"),
      resource("github:index/repositoryEnvironment:RepositoryEnvironment", "e"),
      resource("github:index/workflowRepositoryPermissions:WorkflowRepositoryPermissions", "p"),
      resource("pulumi-nodejs:dynamic/release:GithubRelease", "release-github"),
      resource(variable, "a", { variableName: "A" }),
      { urn: urn(secret, "s"), type: secret },
    ];
    expect(recordedSettings(exportSchema.parse({ version: 3, deployment: { resources } }))).toEqual([
      { urn: urn(variable, "a"), type: variable, inputs: { variableName: "A" } },
      { urn: urn(secret, "s"), type: secret, inputs: {} },
    ]);
    expect(recordedSettings(exportSchema.parse({ version: 3, deployment: null }))).toEqual([]);
  });

  test("of what the state has are no new resources when it is settled", () => {
    const changed = resource(file, "f", { content: "new" });
    const deployment = {
      resources: [resource(file, "f")],
      pending_operations: [{ type: "updating", resource: changed }],
    };
    const found = new Map([[urn(file, "f"), "mount-monitor:f:"]]);
    expect(settled(exportSchema.parse({ version: 3, deployment }), found).deployment).toEqual({
      resources: [resource(file, "f")],
    });
  });

  test("of channels and marks leave drift, and where a channel may be", () => {
    const [channel, withdrawals] = ["Channel", "Withdrawals"].map((type) => `pulumi-nodejs:dynamic/release:${type}`);
    const state = (type = "", name = "") => ({
      ...resource(type, name, { digest: "a" }),
      outputs: { digest: "a", drift: [] },
    });
    const resources = [state(channel, "latest"), state(channel, "1"), state(withdrawals, "marks")];
    const pending_operations = [
      { type: "updating", resource: resource(channel ?? "", "latest", { digest: "b" }) },
      { type: "updating", resource: resource(withdrawals ?? "", "marks", { withdrawn: ["1.0.0"] }) },
    ];
    const deployment = { resources, pending_operations };
    const drift = ["an update of it died, and what that had written by then is not recorded"];
    expect(settled(exportSchema.parse({ version: 3, deployment }), new Map()).deployment).toEqual({
      resources: [
        { ...resources[0], outputs: { digest: "a", drift, attempted: "b" } },
        resources[1],
        { ...resources[2], outputs: { digest: "a", drift } },
      ],
    });
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
