import { beforeEach, describe, expect, test, vi } from "vitest";
import { buildArtifact } from "../../src/commands/build.ts";
import { Binaries, storedBinary } from "../../src/components/binaries.ts";
import type { BinaryArtifact } from "../../src/model/artifact.ts";
import type { Candidate } from "../../src/plan/candidate.ts";
import { openStorage } from "../../src/services/artifact-storage.ts";
import { FACTS } from "../model/facts.ts";
import { emptyDirectory, sha256Hex } from "../resources/services.ts";
import { engine, settled } from "./engine.ts";

vi.mock(import("../../src/commands/build.ts"), () => ({ buildArtifact: vi.fn() }));

const { artifacts: _, image: __, notes: ___, ...known } = FACTS;
const candidate: Candidate = {
  ...known,
  repository: "octo/demo",
  architectures: ["amd64", "arm64"],
  publicImage: "ghcr.io/octo/demo",
  changes: [],
};
const bytesOf = (architecture: string) => Buffer.from(`${architecture} binary`);
const artifacts = FACTS.artifacts.map((artifact): BinaryArtifact => {
  const bytes = bytesOf(artifact.architecture);
  const checksum = sha256Hex(bytes);
  return { ...artifact, checksum, path: `sha256/${checksum}`, size: bytes.length };
});
const artifactFor = (architecture: string) => {
  const found = artifacts.find((artifact) => artifact.architecture === architecture);
  if (!found) {
    throw new Error(`no artifact for ${architecture}`);
  }
  return found;
};
/** What the scripts print, for the commands that run them. */
const printed = (type: string, name: string) => {
  const artifact = artifacts.find(({ architecture }) => name === `binaries-${architecture}`);
  return type === "command:local:Command" ? { stdout: artifact ? `${JSON.stringify(artifact)}\n` : "" } : {};
};

const build = vi.mocked(buildArtifact);

beforeEach(async () => {
  await emptyDirectory();
  build.mockReset().mockImplementation(async ({ architecture }) => artifactFor(architecture));
});

async function stored(): Promise<void> {
  for (const artifact of artifacts) {
    await openStorage().restore(artifact, FACTS.commit, bytesOf(artifact.architecture));
  }
}

const SOURCE = { RELEASE_COMMIT: FACTS.commit, RELEASE_PREFIX: "app" };

describe("a candidate", () => {
  test("is tested, then built for each architecture", async () => {
    await stored();
    const { resources } = await engine(printed);
    const binaries = new Binaries("binaries", { kind: "candidate", candidate });
    expect(await settled(binaries.artifacts)).toEqual(artifacts);
    expect(build).not.toHaveBeenCalled();
    const buildOf = (architecture: string) => ({
      type: "command:local:Command",
      name: `binaries-${architecture}`,
      parent: "binaries",
      dependsOn: ["binaries-tests"],
      ignoreChanges: [],
      retainOnDelete: false,
      inputs: {
        create: "node src/commands/build.ts",
        environment: {
          ...SOURCE,
          RELEASE_GO: "go1.26.8",
          RELEASE_VERSION: "1.1.0",
          RELEASE_ARCHITECTURE: architecture,
          RELEASE_PACKAGE: "./cmd/mount-monitor",
          RELEASE_BINARY_NAME: "mount-monitor",
          RELEASE_VERSION_VARIABLE: "main.Version",
          RELEASE_VERIFY_ARGS: '["--version"]',
        },
        logging: "stderr",
      },
    });
    expect(await resources()).toEqual({
      binaries: {
        type: "mount-monitor:release:Binaries",
        name: "binaries",
        parent: "",
        dependsOn: [],
        ignoreChanges: [],
        retainOnDelete: false,
        inputs: {},
      },
      "binaries-tests": {
        type: "command:local:Command",
        name: "binaries-tests",
        parent: "binaries",
        dependsOn: [],
        ignoreChanges: [],
        retainOnDelete: false,
        inputs: { create: "node src/commands/test.ts", environment: SOURCE, logging: "stderr" },
      },
      "binaries-amd64": buildOf("amd64"),
      "binaries-arm64": buildOf("arm64"),
    });
  });

  test("is built by the program itself in a preview", async () => {
    const { resources } = await engine(() => ({}), { preview: true });
    const binaries = new Binaries("binaries", { kind: "candidate", candidate });
    expect(await settled(binaries.artifacts)).toEqual(artifacts);
    expect(build.mock.calls.map(([request]) => request)).toEqual(
      ["amd64", "arm64"].map((architecture) => ({
        version: "1.1.0",
        commit: FACTS.commit,
        ...FACTS.source,
        architecture,
        go: "go1.26.8",
      })),
    );
    expect(Object.keys(await resources())).toHaveLength(4);
  });

  test("whose binary stayed on another machine is built again there only where it is missing", async () => {
    const arm64 = artifactFor("arm64");
    await openStorage().restore(arm64, FACTS.commit, bytesOf("arm64"));
    await engine(printed);
    const binaries = new Binaries("binaries", { kind: "candidate", candidate });
    expect(await settled(binaries.artifacts)).toEqual(artifacts);
    expect(build.mock.calls.map(([{ architecture }]) => architecture)).toEqual(["amd64"]);
  });

  test("that is built again with other bytes is refused", async () => {
    build.mockResolvedValue({ ...artifactFor("amd64"), checksum: "0".repeat(64) });
    const request = { version: "1.1.0", commit: FACTS.commit, ...FACTS.source, architecture: "amd64" } as const;
    await expect(storedBinary(artifactFor("amd64"), request)).rejects.toThrow(
      `mount-monitor-linux-amd64 was recorded with SHA-256 ${artifactFor("amd64").checksum}, ` +
        `and built again from ${FACTS.commit} it has ${"0".repeat(64)}`,
    );
  });
});

describe("a sealed release", () => {
  test("is recorded: no build script, and whatever was recorded before stays", async () => {
    const { resources } = await engine(() => ({}));
    const binaries = new Binaries("binaries", { kind: "sealed", facts: FACTS });
    expect(await settled(binaries.artifacts)).toEqual(FACTS.artifacts);
    const all = await resources();
    const record = (suffix: string, text: string) => ({
      type: "command:local:Command",
      name: `binaries-${suffix}`,
      parent: "binaries",
      dependsOn: [],
      ignoreChanges: ["create", "environment", "logging"],
      retainOnDelete: false,
      inputs: { create: "printf '%s\\n' \"$RECORD\"", environment: { RECORD: text } },
    });
    const { binaries: component, ...commands } = all;
    expect(component?.type).toBe("mount-monitor:release:Binaries");
    expect(commands).toEqual({
      "binaries-tests": record("tests", "passed before v1.1.0 was published"),
      "binaries-amd64": record("amd64", JSON.stringify(FACTS.artifacts[0])),
      "binaries-arm64": record("arm64", JSON.stringify(FACTS.artifacts[1])),
    });
    expect(JSON.stringify(all)).not.toContain("src/commands");
    expect(build).not.toHaveBeenCalled();
  });

  test("has the names of a candidate, so that one follows the other by an update", async () => {
    await stored();
    const sealed = await engine(() => ({}));
    new Binaries("binaries", { kind: "sealed", facts: FACTS });
    const names = Object.keys(await sealed.resources());
    const built = await engine(printed);
    await settled(new Binaries("binaries", { kind: "candidate", candidate }).artifacts);
    expect(Object.keys(await built.resources()).sort()).toEqual(names.sort());
  });
});
