import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { buildArtifact } from "../../src/commands/build.ts";
import type { DeclaredRelease } from "../../src/model/assets.ts";
import { recordedRelease, rememberedRelease, type SealedSources, stageSealed } from "../../src/plan/sealed.ts";
import { githubOf, registryOf } from "../../src/resources/clients.ts";
import { openStorage } from "../../src/services/artifact-storage.ts";
import type { GitHub, Release } from "../../src/services/github.ts";
import { binaryOf, publishForeign, publishOurs, publishWithImage } from "../published.ts";
import {
  emptyDirectory,
  sha256Hex,
  startTestGitHub,
  startTestRegistry,
  type TestGitHub,
} from "../resources/services.ts";
import { layerOf, putImage, type RegistryServer, types } from "../services/registry-server.ts";

const [AMD64, ARM64] = ["mount-monitor-linux-amd64", "mount-monitor-linux-arm64"] as const;

let server: TestGitHub;
let github: GitHub;
let facts: DeclaredRelease;
let registry: RegistryServer & { image: string };

vi.mock("../../src/commands/build.ts");

const recall = async () => undefined;

function never(): never {
  throw new Error("the release has no such binary");
}

beforeEach(async () => {
  await emptyDirectory();
  server = await startTestGitHub();
  github = githubOf(server.repository);
  registry = await startTestRegistry();
  facts = await publishWithImage(server, registry, "1.0.0");
  registry.seen.length = 0;
  vi.mocked(buildArtifact).mockReset();
});

async function sources(): Promise<SealedSources> {
  const { assets } = await release();
  return { github, registry: await registryOf(registry.image), assets, findSources: async () => {} };
}

async function byTag(tag: string): Promise<Release> {
  return (await github.releases()).find(({ tagName }) => tagName === tag) ?? never();
}

async function release(): Promise<Release> {
  const [found] = await github.releases();
  if (!found) {
    throw new Error("there is no release");
  }
  server.history.length = 0;
  return found;
}

/** Paths of what is downloaded from GitHub's storage. */
function downloads(): number {
  return server.history.filter(({ surface }) => surface === "storage").length;
}

describe("a recorded release", () => {
  test("is what was published, with the very texts of its assets", async () => {
    expect(await recordedRelease(await release(), github, recall)).toEqual(facts);
    expect(server.writes()).toEqual([]);
  });

  test("keeps texts that another version of this program wrote", async () => {
    const checksums = `${facts.files["checksums.txt"]}`.split("\n").slice(0, 2).reverse().join("\n").concat("\n");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "artifacts.json", Buffer.from("[]\n"));
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "checksums.txt", Buffer.from(checksums));
    expect((await recordedRelease(await release(), github, recall)).files).toEqual({
      ...facts.files,
      "artifacts.json": "[]\n",
      "checksums.txt": checksums,
    });
  });

  test("has again what was deleted", async () => {
    for (const name of ["artifacts.json", "checksums.txt", AMD64]) {
      server.inspect.deleteAsset(server.repository, "v1.0.0", name);
    }
    expect(await recordedRelease(await release(), github, recall)).toEqual(facts);
  });

  test("that has lost its record has it from the stack's state", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", "metadata.json");
    const asked = vi.fn(async () => facts.files["metadata.json"]);
    expect(await recordedRelease(await release(), github, asked)).toEqual(facts);
    expect(asked.mock.calls).toEqual([["v1.0.0"]]);
  });

  test("that has lost its record, while the state says something else of its binaries, is refused", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", "metadata.json");
    const other = await publishOurs(server, registry, "1.1.0");
    await expect(
      recordedRelease(await byTag("v1.0.0"), github, async () => other.files["metadata.json"]),
    ).rejects.toThrow("metadata.json describes v1.1.0");
  });

  test("that has lost its record, and the state as well, says what can be done", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", "metadata.json");
    await expect(recordedRelease(await release(), github, recall)).rejects.toThrow(
      `v1.0.0 is published at ${server.url}/${server.repository}/releases/tag/v1.0.0, and its asset metadata.json, ` +
        "which records what it is, is missing; this stack's state does not have it either. " +
        "Attach it again (gh release upload v1.0.0 metadata.json)",
    );
  });

  test("with another mark as a prerelease is refused", async () => {
    Object.assign(server.inspect.releases(server.repository, "v1.0.0")[0] ?? {}, { prerelease: true });
    await expect(recordedRelease(await release(), github, recall)).rejects.toThrow(
      "it is marked as a prerelease; metadata.json records that it is not",
    );
  });

  test("by another tool is refused: what it has is named", async () => {
    await publishForeign(server, "1.1.0");
    const digest = sha256Hex("archive of 1.1.0");
    await expect(recordedRelease(await release(), github, recall)).rejects.toThrow(
      `and not by this program: it has demo.tar.gz (sha256:${digest}) and no metadata.json. A version is written once: release the next version.`,
    );
  });

  test("whose binary was replaced is refused", async () => {
    const bytes = Buffer.from("AMD64 binary of 1.0.0");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", AMD64, bytes);
    await expect(recordedRelease(await release(), github, recall)).rejects.toThrow(
      `asset ${AMD64} has ${bytes.length} bytes, sha256:${sha256Hex(bytes)}; metadata.json records ${bytes.length} bytes, ` +
        `sha256:${sha256Hex(binaryOf("1.0.0", "amd64"))}\nTwo ways out: withdraw it`,
    );
  });

  test.each([
    ["another checksum", `${"0".repeat(64)}`],
    ["no line", undefined],
  ])("whose checksums.txt has %s is refused", async (_, checksum) => {
    const lines = `${facts.files["checksums.txt"]}`.split("\n").filter((line) => line.endsWith(ARM64));
    const changed = [...(checksum ? [`${checksum}  ${AMD64}`] : []), ...lines].map((line) => `${line}\n`).join("");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "checksums.txt", Buffer.from(changed));
    await expect(recordedRelease(await release(), github, recall)).rejects.toThrow(
      `checksums.txt has ${checksum ?? "no line"} for ${AMD64}; metadata.json records ${sha256Hex(binaryOf("1.0.0", "amd64"))}`,
    );
  });

  test.each([
    [
      "of another version",
      () => publishOurs(server, registryless(), "1.1.0").then(({ files }) => files["metadata.json"]),
    ],
    ["that is no record", async () => "{}"],
    ["that is cut off", async () => facts.files["metadata.json"]?.slice(0, -20)],
  ])("with a metadata.json %s is refused", async (_, text) => {
    const changed = Buffer.from((await text()) ?? "");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "metadata.json", changed);
    const wrong = (await github.releases()).find(({ tagName }) => tagName === "v1.0.0");
    await expect(wrong && recordedRelease(wrong, github, recall)).rejects.toThrow("metadata.json");
  });
});

describe("a release that GitHub has no more", () => {
  test("is what the state recorded", async () => {
    expect(await rememberedRelease("v1.0.0", async () => facts.files["metadata.json"])).toEqual(facts);
  });

  test("is none without a record", async () => {
    expect(await rememberedRelease("v1.0.0", recall)).toBeUndefined();
  });
});

function registryless() {
  return { host: "", ca: "", seen: [], manifests: new Map(), blobs: new Map(), fault: undefined, stop: async () => {} };
}

async function context(): Promise<Record<string, string>> {
  const names = await readdir("docker-context");
  const files = names
    .sort()
    .map(async (name) => [
      name,
      `${((await stat(`docker-context/${name}`)).mode & 0o777).toString(8)} ${await readFile(`docker-context/${name}`, "utf8")}`,
    ]);
  return Object.fromEntries(await Promise.all(files));
}

describe("a sealed context", () => {
  const staged = {
    "Dockerfile.release": '644 FROM scratch\nENTRYPOINT ["/mount-monitor"]\n',
    [AMD64]: "755 amd64 binary of 1.0.0",
    [ARM64]: "755 arm64 binary of 1.0.0",
  };

  test("is staged from the published release on a machine that has nothing", async () => {
    expect(await stageSealed(facts, await sources())).toBe(facts);
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(2);
    expect(server.writes()).toEqual([]);
    expect((await openStorage().entries()).map(({ name, state, commit }) => `${name} ${state} ${commit}`)).toEqual(
      [AMD64, ARM64].map((name) => `${name} consumed ${facts.commit}`),
    );
  });

  test("is staged again without a download", async () => {
    await stageSealed(facts, await sources());
    server.history.length = 0;
    await stageSealed(facts, await sources());
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(0);
  });

  test("is restored from the release when the stored binary was changed", async () => {
    await stageSealed(facts, await sources());
    const stored = `.artifacts/${facts.artifacts[0]?.path}`;
    await chmod(stored, 0o755);
    await writeFile(stored, "changed");
    await stageSealed(facts, await sources());
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(1);
  });

  test("is staged from the image's layers when the release lost its binaries too", async () => {
    for (const name of [AMD64, ARM64]) {
      server.inspect.deleteAsset(server.repository, "v1.0.0", name);
    }
    await stageSealed(facts, await sources());
    expect(await context()).toEqual(staged);
    expect(buildArtifact).not.toHaveBeenCalled();
    expect(registry.seen.map(({ method }) => method)).toEqual(["GET", "GET", "GET", "GET"]);
    expect((await openStorage().entries()).map(({ name, state }) => `${name} ${state}`)).toEqual(
      [AMD64, ARM64].map((name) => `${name} consumed`),
    );
  });

  test("never takes other bytes from a layer", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", ARM64);
    const layer = await layerOf(types.gzip, { name: "mount-monitor", content: "other" });
    const wrong = putImage(registry, [layer]).digest;
    const image = { ...facts.image, digests: { ...facts.image.digests, "linux/arm64": wrong } };
    await expect(stageSealed({ ...facts, image }, await sources())).rejects.toThrow(
      `it must have SHA-256 ${sha256Hex(binaryOf("1.0.0", "arm64"))}, and has ${sha256Hex("other")} (5 bytes)`,
    );
    expect(buildArtifact).not.toHaveBeenCalled();
  });

  test("takes a registry that refuses to answer for no missing layer", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", ARM64);
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(stageSealed(facts, await sources())).rejects.toThrow("was refused with 403");
    expect(buildArtifact).not.toHaveBeenCalled();
  });

  describe("whose binary is nowhere any more", () => {
    const findSources = vi.fn(async () => {});
    const lost = async () => ({ ...(await sources()), findSources });

    beforeEach(() => {
      findSources.mockClear();
      server.inspect.deleteAsset(server.repository, "v1.0.0", ARM64);
      registry.manifests.delete(`${facts.image.digests["linux/arm64"]}`);
    });

    test("is built again from its commit, with the recorded Go", async () => {
      vi.mocked(buildArtifact).mockImplementation(async (request) => {
        expect(findSources).toHaveBeenCalledOnce();
        expect(request).toEqual({
          ...facts.source,
          version: "1.0.0",
          commit: facts.commit,
          architecture: "arm64",
          go: facts.go,
        });
        const [artifact] = facts.artifacts.filter(({ architecture }) => architecture === "arm64");
        await openStorage().restore(artifact ?? never(), facts.commit, binaryOf("1.0.0", "arm64"));
        return artifact ?? never();
      });
      await stageSealed(facts, await lost());
      expect(await context()).toEqual(staged);
      expect(buildArtifact).toHaveBeenCalledOnce();
    });

    test("is refused when the build has other bytes: both checksums are named", async () => {
      const [artifact] = facts.artifacts;
      vi.mocked(buildArtifact).mockResolvedValue({ ...(artifact ?? never()), checksum: "0".repeat(64) });
      const message = await stageSealed(facts, await lost()).catch((error: Error) => error.message);
      expect(message).toContain(
        `(SHA-256 ${sha256Hex(binaryOf("1.0.0", "arm64"))}) is neither in the artifact storage`,
      );
      expect(message).toContain(`With ${facts.go} it has SHA-256 ${"0".repeat(64)}`);
      await expect(readdir("docker-context")).rejects.toThrow("ENOENT");
    });

    test("is refused where it cannot be built: the reason is named", async () => {
      vi.mocked(buildArtifact).mockRejectedValue(
        new Error("this release is built with go1.26.8, and here is go1.27.0"),
      );
      await expect(stageSealed(facts, await lost())).rejects.toThrow(
        `it must be built again from ${facts.commit}: this release is built with go1.26.8, and here is go1.27.0`,
      );
    });
  });

  test("never has other bytes than the recorded ones", async () => {
    server.inspect.setAssetBytes(server.repository, "v1.0.0", ARM64, Buffer.from("other"));
    await expect(stageSealed(facts, await sources())).rejects.toThrow(`has ${sha256Hex("other")} (5 bytes)`);
    await expect(readdir("docker-context")).rejects.toThrow("ENOENT");
  });
});
