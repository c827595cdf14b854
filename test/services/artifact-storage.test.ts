import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BinaryArtifact } from "../../src/model/artifact.ts";
import { type ArtifactStorage, openStorage } from "../../src/services/artifact-storage.ts";
import { temporaryDirectory } from "./temporary.ts";

const DAY = 86_400_000;
const KEY = { amd64: "1".repeat(64), arm64: "2".repeat(64) };
const planned = (architecture: "amd64" | "arm64" = "amd64") => ({
  name: `tool-linux-${architecture}`,
  architecture,
  version: "1.2.3",
  commit: "d".repeat(40),
});
const bytesOf = (text: string) => new TextEncoder().encode(text);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
// A process that has ended, so its id belongs to nobody.
const deadPid = () => spawnSync(process.execPath, ["-e", ""]).pid;

async function testStorage(): Promise<{ storage: ArtifactStorage; directory: string; clock: { now: number } }> {
  const directory = join(await temporaryDirectory(), "storage");
  const clock = { now: Date.parse("2026-01-01T00:00:00.000Z") };
  return { storage: openStorage(directory, () => clock.now), directory, clock };
}

async function store(storage: ArtifactStorage, text: string, architecture: "amd64" | "arm64" = "amd64") {
  const file = await storage.begin(KEY[architecture], planned(architecture));
  await writeFile(file, text);
  return storage.complete(KEY[architecture], file);
}

const states = async (storage: ArtifactStorage) =>
  (await storage.entries()).map(({ name, state }) => `${name} ${state}`);

describe("storing", () => {
  test("keeps the bytes under their checksum, executable, and gives the facts", async () => {
    const { storage, directory } = await testStorage();
    const artifact = await store(storage, "binary");
    expect(artifact).toEqual({
      name: "tool-linux-amd64",
      path: `sha256/${sha256("binary")}`,
      architecture: "amd64",
      version: "1.2.3",
      checksum: sha256("binary"),
      size: 6,
    } satisfies BinaryArtifact);
    const path = join(directory, artifact.path);
    expect(await readFile(path, "utf8")).toBe("binary");
    expect((await lstat(path)).mode & 0o7777).toBe(0o755);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  test("is as executable under any umask", async () => {
    const umask = process.umask(0o077);
    try {
      const { storage, directory } = await testStorage();
      const { path } = await store(storage, "binary");
      expect((await lstat(join(directory, path))).mode & 0o7777).toBe(0o755);
    } finally {
      process.umask(umask);
    }
  });

  test("a request finds what it made before, and only that", async () => {
    const { storage } = await testStorage();
    const artifact = await store(storage, "binary");
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
    expect(await storage.find(KEY.arm64)).toBeUndefined();
  });

  test("two at the same time do not disturb each other", async () => {
    const { storage } = await testStorage();
    const [amd64, arm64] = await Promise.all([store(storage, "one"), store(storage, "two", "arm64")]);
    expect(await storage.find(KEY.amd64)).toEqual(amd64);
    expect(await storage.find(KEY.arm64)).toEqual(arm64);
  });

  test("the same bytes of two requests are kept once", async () => {
    const { storage, directory } = await testStorage();
    await Promise.all([store(storage, "same"), store(storage, "same", "arm64")]);
    expect(await readdir(join(directory, "sha256"))).toEqual([sha256("same")]);
    expect(await storage.entries()).toHaveLength(2);
  });

  test("a build that failed leaves nothing", async () => {
    const { storage, directory } = await testStorage();
    const file = await storage.begin(KEY.amd64, planned());
    await writeFile(file, "half");
    await storage.abandon(KEY.amd64, file);
    expect(await storage.entries()).toEqual([]);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  test("what was never begun is refused", async () => {
    const { storage, directory } = await testStorage();
    await expect(storage.complete(KEY.amd64, join(directory, "file"))).rejects.toThrow(KEY.amd64);
  });
});

describe("a build that died", () => {
  test("is seen as building, found by nobody, and begun again", async () => {
    const { storage, directory } = await testStorage();
    const file = await storage.begin(KEY.amd64, planned());
    await writeFile(file, "half");
    expect(await storage.entries()).toMatchObject([{ state: "building", pid: process.pid }]);
    expect(await storage.find(KEY.amd64)).toBeUndefined();

    const again = await storage.begin(KEY.amd64, planned());
    expect(again).not.toBe(file);
    await writeFile(again, "whole");
    const artifact = await storage.complete(KEY.amd64, again);
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
    expect(await storage.entries()).toMatchObject([{ state: "uploaded" }]);
    expect((await storage.entries())[0]).not.toHaveProperty("pid");
    expect(await readdir(join(directory, "sha256"))).toEqual([sha256("whole")]);
  });

  test("leaves files that the next build deletes, but not those of a living one", async () => {
    const { storage, directory } = await testStorage();
    const living = await storage.begin(KEY.amd64, planned());
    await writeFile(living, "half");
    await writeFile(join(directory, "tmp", `${deadPid()}-abc-tool`), "half");
    await storage.begin(KEY.arm64, planned("arm64"));
    expect((await readdir(join(directory, "tmp"))).map((name) => join(directory, "tmp", name))).toEqual([living]);
  });
});

describe("reading", () => {
  test("gives the bytes", async () => {
    const { storage } = await testStorage();
    const { checksum } = await store(storage, "binary");
    expect(await storage.has(checksum)).toBe(true);
    expect([...(await storage.read(checksum))]).toEqual([...bytesOf("binary")]);
  });

  test("of what is not there is an error, also before anything was stored", async () => {
    const { storage, directory } = await testStorage();
    const checksum = sha256("other");
    expect(await storage.has(checksum)).toBe(false);
    expect(await storage.entries()).toEqual([]);
    const message = `binary with SHA-256 ${checksum} is not in the artifact storage ${directory}`;
    await expect(storage.read(checksum)).rejects.toThrow(message);
    await expect(storage.use(checksum)).rejects.toThrow(message);
  });

  test.each([
    ["changed", async (path: string) => writeFile(path, "Binary"), sha256("Binary"), 6],
    ["cut off", async (path: string) => truncate(path, 3), sha256("bin"), 3],
    ["emptied", async (path: string) => truncate(path), sha256(""), 0],
  ])("of what was %s moves it aside", async (_, damage, actual, size) => {
    const { storage, directory } = await testStorage();
    const { checksum, path } = await store(storage, "binary");
    await damage(join(directory, path));
    const message = `binary in the artifact storage was changed: it must have SHA-256 ${checksum}, and has ${actual} (${size} bytes)`;
    await expect(storage.use(checksum)).rejects.toThrow(message);
    expect(await readdir(join(directory, "sha256"))).toEqual([]);
    const [aside = ""] = await readdir(join(directory, "damaged"));
    expect(sha256(await readFile(join(directory, "damaged", aside), "utf8"))).toBe(actual);
    expect(await storage.find(KEY.amd64)).toBeUndefined();
    await expect(storage.read(checksum)).rejects.toThrow("is not in the artifact storage");
    expect(await states(storage)).toEqual(["tool-linux-amd64 uploaded"]);
  });

  test("what was damaged can be built again", async () => {
    const { storage, directory } = await testStorage();
    const { path } = await store(storage, "binary");
    await truncate(join(directory, path));
    const artifact = await store(storage, "binary");
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
  });

  test("a damaged line of the index is as good as none", async () => {
    const { storage, directory } = await testStorage();
    await store(storage, "binary");
    await writeFile(join(directory, "index", `${KEY.amd64}.json`), "{");
    expect(await storage.find(KEY.amd64)).toBeUndefined();
    expect(await storage.entries()).toEqual([]);
    const artifact = await store(storage, "binary");
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
  });

  test("an index that cannot be read is an error", async () => {
    const { storage, directory } = await testStorage();
    await mkdir(directory);
    await writeFile(join(directory, "index"), "no directory");
    await expect(storage.entries()).rejects.toThrow("ENOTDIR");
  });
});

describe("a life", () => {
  test("from built over in use to consumed, and what is repeated changes nothing", async () => {
    const { storage, directory, clock } = await testStorage();
    const { checksum, path } = await store(storage, "binary");
    expect(await states(storage)).toEqual(["tool-linux-amd64 uploaded"]);
    clock.now += DAY;
    expect(await storage.use(checksum)).toBe(join(directory, path));
    expect(await storage.entries()).toMatchObject([
      { state: "in-use", createdAt: "2026-01-01T00:00:00.000Z", usedAt: "2026-01-02T00:00:00.000Z" },
    ]);
    clock.now += DAY;
    await storage.use(checksum);
    expect(await storage.entries()).toMatchObject([{ state: "in-use", usedAt: "2026-01-03T00:00:00.000Z" }]);
    await storage.markConsumed(checksum);
    await storage.markConsumed(checksum);
    await storage.use(checksum);
    expect(await states(storage)).toEqual(["tool-linux-amd64 consumed"]);
  });

  test("a look at the bytes is no use of them", async () => {
    const { storage, directory, clock } = await testStorage();
    const { checksum, path } = await store(storage, "binary");
    clock.now += DAY;
    expect(await storage.locate(checksum)).toBe(join(directory, path));
    expect(await storage.entries()).toMatchObject([{ state: "uploaded", usedAt: "2026-01-01T00:00:00.000Z" }]);
    await truncate(join(directory, path));
    await expect(storage.locate(checksum)).rejects.toThrow("was changed");
  });

  test("what nobody uses cannot be consumed", async () => {
    const { storage } = await testStorage();
    const { checksum } = await store(storage, "binary");
    await expect(storage.markConsumed(checksum)).rejects.toThrow(
      "artifact tool-linux-amd64 1.2.3 is uploaded and cannot become consumed",
    );
  });

  test("others are left alone", async () => {
    const { storage } = await testStorage();
    const { checksum } = await store(storage, "one");
    await store(storage, "two", "arm64");
    await storage.use(checksum);
    expect((await states(storage)).sort()).toEqual(["tool-linux-amd64 in-use", "tool-linux-arm64 uploaded"]);
  });
});

describe("retention", () => {
  test("deletes the bytes of what nobody used for that long", async () => {
    const { storage, directory, clock } = await testStorage();
    await store(storage, "one");
    clock.now += DAY;
    const kept = await store(storage, "two", "arm64");
    clock.now += 90 * DAY;
    expect(await storage.expire(90)).toMatchObject([
      { name: "tool-linux-amd64", state: "expired", deletedAt: "2026-04-02T00:00:00.000Z" },
    ]);
    expect(await readdir(join(directory, "sha256"))).toEqual([kept.checksum]);
    expect(await storage.find(KEY.amd64)).toBeUndefined();
    expect(await states(storage)).toEqual(["tool-linux-amd64 expired", "tool-linux-arm64 uploaded"]);
    expect(await storage.expire(90)).toEqual([]);
  });

  test("never touches what is in use", async () => {
    const { storage, clock } = await testStorage();
    const { checksum } = await store(storage, "binary");
    await storage.use(checksum);
    clock.now += 10_000 * DAY;
    expect(await storage.expire(0)).toEqual([]);
    expect(await storage.has(checksum)).toBe(true);
  });

  test("takes the bytes of what was consumed, and keeps its line", async () => {
    const { storage, clock } = await testStorage();
    const { checksum } = await store(storage, "binary");
    await storage.use(checksum);
    await storage.markConsumed(checksum);
    clock.now += 91 * DAY;
    expect(await storage.expire(90)).toMatchObject([{ state: "consumed", deletedAt: "2026-04-02T00:00:00.000Z" }]);
    expect(await storage.has(checksum)).toBe(false);
    expect(await storage.find(KEY.amd64)).toBeUndefined();
  });

  test("keeps bytes that another artifact shares", async () => {
    const { storage, clock } = await testStorage();
    const { checksum } = await store(storage, "same");
    clock.now += DAY;
    await store(storage, "same", "arm64");
    clock.now += 90 * DAY;
    expect(await storage.expire(90)).toHaveLength(1);
    expect(await storage.has(checksum)).toBe(true);
    clock.now += DAY;
    expect(await storage.expire(90)).toHaveLength(1);
    expect(await storage.has(checksum)).toBe(false);
  });

  test("an artifact that expired can be built again", async () => {
    const { storage, clock } = await testStorage();
    await store(storage, "binary");
    clock.now += 91 * DAY;
    await storage.expire(90);
    const artifact = await store(storage, "binary");
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
    expect(await states(storage)).toEqual(["tool-linux-amd64 uploaded"]);
  });
});

describe("restoring from what was published", () => {
  const artifact: BinaryArtifact = {
    name: "tool-linux-amd64",
    path: `sha256/${sha256("binary")}`,
    architecture: "amd64",
    version: "1.2.3",
    checksum: sha256("binary"),
    size: 6,
  };

  test("into an empty storage", async () => {
    const { storage, directory } = await testStorage();
    await storage.restore(artifact, "d".repeat(40), bytesOf("binary"));
    expect(await storage.entries()).toMatchObject([
      { ...planned(), state: "uploaded", checksum: artifact.checksum, size: 6 },
    ]);
    const path = await storage.use(artifact.checksum);
    expect(await readFile(path, "utf8")).toBe("binary");
    expect((await lstat(path)).mode & 0o7777).toBe(0o755);
    expect(await readdir(join(directory, "tmp"))).toEqual([]);
  });

  test("for a build whose bytes were lost: its state stays", async () => {
    const { storage, directory } = await testStorage();
    const { checksum, path } = await store(storage, "binary");
    await storage.use(checksum);
    await truncate(join(directory, path));
    expect(await storage.has(checksum)).toBe(false);
    await storage.restore(artifact, "d".repeat(40), bytesOf("binary"));
    expect(await states(storage)).toEqual(["tool-linux-amd64 in-use"]);
    expect(await storage.find(KEY.amd64)).toEqual(artifact);
  });

  test("after the retention", async () => {
    const { storage, clock } = await testStorage();
    await store(storage, "binary");
    clock.now += 91 * DAY;
    await storage.expire(90);
    await storage.restore(artifact, "d".repeat(40), bytesOf("binary"));
    expect(await storage.has(artifact.checksum)).toBe(true);
    expect(await states(storage)).toEqual(["tool-linux-amd64 expired", "tool-linux-amd64 uploaded"]);
  });

  test("other bytes are refused and not stored", async () => {
    const { storage } = await testStorage();
    await expect(storage.restore(artifact, "d".repeat(40), bytesOf("Binary"))).rejects.toThrow(
      `binary tool-linux-amd64 1.2.3 was to be restored: it must have SHA-256 ${artifact.checksum}, and has ${sha256("Binary")} (6 bytes)`,
    );
    expect(await storage.has(artifact.checksum)).toBe(false);
    expect(await storage.entries()).toEqual([]);
  });
});
