import { chmod, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { DeclaredRelease } from "../src/model/assets.ts";
import { githubOf } from "../src/resources/clients.ts";
import { recordedRelease, stageSealed } from "../src/sealed.ts";
import { openStorage } from "../src/services/artifact-storage.ts";
import type { GitHub, Release } from "../src/services/github.ts";
import { binaryOf, publishForeign, publishOurs } from "./published.ts";
import {
  emptyDirectory,
  sha256Hex,
  startTestGitHub,
  startTestRegistry,
  type TestGitHub,
} from "./resources/services.ts";

const [AMD64, ARM64] = ["mount-monitor-linux-amd64", "mount-monitor-linux-arm64"] as const;

let server: TestGitHub;
let github: GitHub;
let facts: DeclaredRelease;

beforeEach(async () => {
  await emptyDirectory();
  server = await startTestGitHub();
  github = githubOf(server.repository);
  facts = await publishOurs(server, await startTestRegistry(), "1.0.0");
});

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
    expect(await recordedRelease(await release(), github)).toEqual(facts);
    expect(server.writes()).toEqual([]);
  });

  test("keeps texts that another version of this program wrote", async () => {
    const checksums = `${facts.files["checksums.txt"]}`.split("\n").slice(0, 2).reverse().join("\n").concat("\n");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "artifacts.json", Buffer.from("[]\n"));
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "checksums.txt", Buffer.from(checksums));
    expect((await recordedRelease(await release(), github)).files).toEqual({
      ...facts.files,
      "artifacts.json": "[]\n",
      "checksums.txt": checksums,
    });
  });

  test("has again what was deleted", async () => {
    for (const name of ["artifacts.json", "checksums.txt", AMD64]) {
      server.inspect.deleteAsset(server.repository, "v1.0.0", name);
    }
    expect(await recordedRelease(await release(), github)).toEqual(facts);
  });

  test("that has lost its record says so", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", "metadata.json");
    await expect(recordedRelease(await release(), github)).rejects.toThrow(
      `v1.0.0 is published at ${server.url}/${server.repository}/releases/tag/v1.0.0, and its asset metadata.json, ` +
        "which records what it is, is missing",
    );
  });

  test("by another tool is refused: what it has is named", async () => {
    await publishForeign(server, "1.1.0");
    const digest = sha256Hex("archive of 1.1.0");
    await expect(recordedRelease(await release(), github)).rejects.toThrow(
      `and not by this program: it has demo.tar.gz (sha256:${digest}) and no metadata.json. A version is written once: release the next version.`,
    );
  });

  test("whose binary was replaced is refused", async () => {
    const bytes = Buffer.from("AMD64 binary of 1.0.0");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", AMD64, bytes);
    await expect(recordedRelease(await release(), github)).rejects.toThrow(
      `asset ${AMD64} has ${bytes.length} bytes, sha256:${sha256Hex(bytes)}; metadata.json records ${bytes.length} bytes, ` +
        `sha256:${sha256Hex(binaryOf("1.0.0", "amd64"))}\nA version is written once: put back what was changed`,
    );
  });

  test.each([
    ["another checksum", `${"0".repeat(64)}`],
    ["no line", undefined],
  ])("whose checksums.txt has %s is refused", async (_, checksum) => {
    const lines = `${facts.files["checksums.txt"]}`.split("\n").filter((line) => line.endsWith(ARM64));
    const changed = [...(checksum ? [`${checksum}  ${AMD64}`] : []), ...lines].map((line) => `${line}\n`).join("");
    server.inspect.setAssetBytes(server.repository, "v1.0.0", "checksums.txt", Buffer.from(changed));
    await expect(recordedRelease(await release(), github)).rejects.toThrow(
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
    await expect(wrong && recordedRelease(wrong, github)).rejects.toThrow("metadata.json");
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
    expect(await stageSealed(facts, await release(), github)).toBe(facts);
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(2);
    expect(server.writes()).toEqual([]);
    expect((await openStorage().entries()).map(({ name, state, commit }) => `${name} ${state} ${commit}`)).toEqual(
      [AMD64, ARM64].map((name) => `${name} consumed ${facts.commit}`),
    );
  });

  test("is staged again without a download", async () => {
    await stageSealed(facts, await release(), github);
    server.history.length = 0;
    await stageSealed(facts, await release(), github);
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(0);
  });

  test("is restored from the release when the stored binary was changed", async () => {
    await stageSealed(facts, await release(), github);
    const stored = `.artifacts/${facts.artifacts[0]?.path}`;
    await chmod(stored, 0o755);
    await writeFile(stored, "changed");
    await stageSealed(facts, await release(), github);
    expect(await context()).toEqual(staged);
    expect(downloads()).toBe(1);
  });

  test("needs a binary that is stored or published", async () => {
    server.inspect.deleteAsset(server.repository, "v1.0.0", ARM64);
    await expect(stageSealed(facts, await release(), github)).rejects.toThrow(
      `binary ${ARM64} (SHA-256 ${sha256Hex(binaryOf("1.0.0", "arm64"))}) is neither in the artifact storage nor an asset of v1.0.0`,
    );
  });

  test("never has other bytes than the recorded ones", async () => {
    server.inspect.setAssetBytes(server.repository, "v1.0.0", ARM64, Buffer.from("other"));
    await expect(stageSealed(facts, await release(), github)).rejects.toThrow(`has ${sha256Hex("other")} (5 bytes)`);
    await expect(readdir("docker-context")).rejects.toThrow("ENOENT");
  });
});
