import { access, readdir, readFile } from "node:fs/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { BinaryArtifact } from "../../src/model/artifact.ts";
import { textAssets } from "../../src/model/assets.ts";
import { parseMetadata } from "../../src/model/metadata.ts";
import { releaseNotes } from "../../src/model/notes.ts";
import { type Candidate, completeFacts } from "../../src/plan/candidate.ts";
import { registryOf } from "../../src/resources/clients.ts";
import { openStorage } from "../../src/services/artifact-storage.ts";
import { exportIndex } from "../../src/services/builder.ts";
import { engine } from "../components/engine.ts";
import { FACTS } from "../model/facts.ts";
import { binaryOf } from "../published.ts";
import { emptyDirectory, registryWrites, sha256Hex, startTestRegistry } from "../resources/services.ts";
import { putIndex, type RegistryServer } from "../services/registry-server.ts";

vi.mock("../../src/services/builder.ts");

const { artifacts: _, image: __, notes: ___, ...known } = FACTS;
const candidate: Candidate = {
  ...known,
  repository: "octo/demo",
  architectures: ["amd64", "arm64"],
  publicImage: "ghcr.io/octo/demo",
  changes: [{ hash: "c".repeat(40), subject: "feat: second", body: "" }],
};
const artifacts = FACTS.artifacts.map((artifact): BinaryArtifact => {
  const bytes = binaryOf("1.1.0", artifact.architecture);
  const checksum = sha256Hex(bytes);
  return { ...artifact, checksum, path: `sha256/${checksum}`, size: bytes.length };
});
const { digest, digests } = FACTS.image;
const build = vi.mocked(exportIndex);

let registry: RegistryServer & { image: string };

beforeEach(async () => {
  await emptyDirectory();
  registry = await startTestRegistry();
  build.mockReset().mockResolvedValue({ digest, digests });
  await engine();
});

async function stored(): Promise<void> {
  for (const artifact of artifacts) {
    await openStorage().restore(artifact, FACTS.commit, binaryOf("1.1.0", artifact.architecture));
  }
}

async function complete(of: readonly BinaryArtifact[] = artifacts, retention = 90) {
  const settings = { builder: "release", image: registry.image, artifactRetentionDays: retention };
  const facts = await completeFacts(candidate, of, settings, await registryOf(registry.image));
  expect(registryWrites(registry)).toEqual([]);
  return facts;
}

async function states(): Promise<string[]> {
  return (await openStorage().entries()).map(({ state }) => state);
}

describe("a candidate that is completed", () => {
  test("has its digests, its notes and its assets, which speak of the public image", async () => {
    await stored();
    const facts = await complete();
    const image = {
      reference: "ghcr.io/octo/demo",
      tag: "v1.1.0",
      digest,
      platforms: ["linux/amd64", "linux/arm64"],
      digests,
    };
    const expected = { ...known, artifacts, image, notes: releaseNotes({ ...candidate, image }) };
    expect(facts).toEqual({ ...expected, files: textAssets(expected) });
    expect(parseMetadata(facts.files["metadata.json"] ?? "")).toEqual(expected);
    expect(JSON.stringify(facts)).not.toContain(registry.host);
  });

  test("is built from the staged context, and the layout is removed", async () => {
    await stored();
    build.mockImplementation(async () => {
      expect(await readdir("docker-context")).toHaveLength(3);
      return { digest, digests };
    });
    await complete();
    expect(build.mock.calls).toEqual([
      [
        {
          builder: "release",
          context: "docker-context",
          dockerfile: "docker-context/Dockerfile.release",
          platforms: ["linux/amd64", "linux/arm64"],
          labels: FACTS.labels,
          sourceDateEpoch: Date.parse("2026-03-01T10:00:00Z") / 1000,
        },
        ".build/index",
      ],
    ]);
    expect(await readFile("docker-context/Dockerfile.release", "utf8")).toBe(FACTS.dockerfile);
    expect(await readFile("docker-context/mount-monitor-linux-arm64")).toEqual(binaryOf("1.1.0", "arm64"));
    await expect(access(".build/index")).rejects.toThrow("ENOENT");
  });

  test("has its binaries in use; a preview only looks at them", async () => {
    await stored();
    await engine(undefined, { preview: true });
    await complete();
    expect(await states()).toEqual(["uploaded", "uploaded"]);
    await engine();
    await complete();
    expect(await states()).toEqual(["in-use", "in-use"]);
  });

  test("is refused in a preview when its tag holds another image; in an update it is the guard that looks", async () => {
    await stored();
    await engine(undefined, { preview: true });
    const { digest: found } = putIndex(registry, "v1.1.0", {});
    await expect(complete()).rejects.toThrow(
      `${registry.image}:v1.1.0 is already in the registry with another content: it holds ${found}, this release would be ${digest}`,
    );
    build.mockResolvedValue({ digest: found, digests });
    expect((await complete()).image.digest).toBe(found);

    await engine();
    const asked = registry.seen.length;
    await complete();
    expect(registry.seen.length).toBe(asked);
  });

  test("is refused in a preview when nobody knows what its tag holds", async () => {
    await stored();
    await engine(undefined, { preview: true });
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(complete()).rejects.toThrow("was refused with 403");
  });

  test("is refused without the image of a platform, by its name", async () => {
    await stored();
    build.mockResolvedValue({ digest, digests: { "linux/amd64": digest } });
    await expect(complete()).rejects.toThrow("the image of v1.1.0 was built without linux/arm64: ");
  });

  test.each<[string, (all: BinaryArtifact[]) => BinaryArtifact[], string]>([
    [
      "one architecture",
      ([amd64]) => (amd64 ? [amd64] : []),
      "the binary for arm64 (mount-monitor-linux-arm64) is missing",
    ],
    [
      "another version",
      (all) => all.map((artifact) => ({ ...artifact, version: "1.0.0" })),
      'mount-monitor-linux-amd64 (amd64): version "1.0.0" must be "1.1.0"',
    ],
  ])("is refused with binaries of %s; nothing is staged or built", async (_, change, expected) => {
    await stored();
    await expect(complete(change([...artifacts]))).rejects.toThrow(
      `the binaries of v1.1.0 are not complete:\n${expected}`,
    );
    expect(build).not.toHaveBeenCalled();
    await expect(access("docker-context")).rejects.toThrow("ENOENT");
  });

  test("is refused without the bytes of a binary", async () => {
    await expect(complete()).rejects.toThrow(
      `binary with SHA-256 ${artifacts[0]?.checksum} is not in the artifact storage`,
    );
    expect(build).not.toHaveBeenCalled();
  });
});
