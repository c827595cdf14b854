import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { expectStaged, stageContext } from "../../src/services/docker-context.ts";
import { emptyDirectory } from "../resources/services.ts";

const BINARIES = [
  { name: "demo-linux-amd64", path: "stored/amd64" },
  { name: "demo-linux-arm64", path: "stored/arm64" },
];

beforeEach(async () => {
  await emptyDirectory();
  await mkdir("stored");
  await writeFile("stored/amd64", "amd64 binary", { mode: 0o600 });
  await writeFile("stored/arm64", "arm64 binary", { mode: 0o600 });
});

async function staged(): Promise<Record<string, string>> {
  const names = (await readdir("docker-context")).sort();
  const files = names.map(async (name) => [name, `${await mode(`docker-context/${name}`)} ${await textOf(name)}`]);
  return Object.fromEntries(await Promise.all(files));
}

function textOf(name: string): Promise<string> {
  return readFile(`docker-context/${name}`, "utf8");
}

async function mode(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

const EXPECTED = {
  "Dockerfile.release": "644 FROM scratch\n",
  "demo-linux-amd64": "755 amd64 binary",
  "demo-linux-arm64": "755 arm64 binary",
};

describe("the Docker Build Context", () => {
  test.each([0o022, 0o077, 0o000])("has the binaries and the Dockerfile, whatever the umask is: %o", async (umask) => {
    const before = process.umask(umask);
    onTestFinished(() => void process.umask(before));
    await stageContext(BINARIES, "FROM scratch\n");
    expect(await staged()).toEqual(EXPECTED);
    expect(await mode("docker-context")).toBe("755");
    expect((await readdir(".")).sort()).toEqual(["docker-context", "stored"]);
  });

  test("has nothing of an earlier release", async () => {
    await mkdir("docker-context/deep", { recursive: true });
    await writeFile("docker-context/demo-linux-s390x", "old");
    await stageContext(BINARIES, "FROM scratch\n");
    expect(await staged()).toEqual(EXPECTED);
  });

  // BuildKit's context transfer compares size and time: equal ones would leave the old binary in the image.
  test("does not give a new binary of the same size the time of the old one", async () => {
    await stageContext(BINARIES, "FROM scratch\n");
    await utimes("docker-context/demo-linux-amd64", 1, 1);
    const old = await stat("docker-context/demo-linux-amd64");
    await writeFile("stored/amd64", "AMD64 binary");
    await utimes("stored/amd64", 1, 1);
    await stageContext(BINARIES, "FROM scratch\n");
    const fresh = await stat("docker-context/demo-linux-amd64");
    expect(fresh.size).toBe(old.size);
    expect(fresh.mtimeMs).not.toBe(old.mtimeMs);
    expect(Date.now() - fresh.mtimeMs).toBeLessThan(60_000);
  });

  test("stays as it was, and nothing else is left, when a binary is missing", async () => {
    await stageContext(BINARIES, "FROM scratch\n");
    const missing = { name: "demo-linux-s390x", path: "stored/s390x" };
    await expect(stageContext([...BINARIES, missing], "FROM other\n")).rejects.toThrow("stored/s390x");
    expect(await staged()).toEqual(EXPECTED);
    expect((await readdir(".")).sort()).toEqual(["docker-context", "stored"]);
  });
});

describe("the last look before a push", () => {
  const RELEASE = {
    artifacts: ["amd64", "arm64"].map((arch) => ({ name: `demo-linux-${arch}`, checksum: sha256(`${arch} binary`) })),
    dockerfile: "FROM scratch\n",
  };

  beforeEach(() => stageContext(BINARIES, "FROM scratch\n"));

  test("accepts what was staged", async () => {
    await expectStaged(RELEASE);
  });

  test("names every file that was changed, cut short or removed", async () => {
    await writeFile("docker-context/demo-linux-amd64", "amd64 binar");
    await rm("docker-context/demo-linux-arm64");
    await writeFile("docker-context/Dockerfile.release", "FROM busybox\n");
    await expect(expectStaged(RELEASE)).rejects.toThrow(
      `docker-context/demo-linux-amd64 holds sha256:${sha256("amd64 binar")}, and sha256:${sha256("amd64 binary")} was put there\n` +
        "docker-context/demo-linux-arm64 cannot be read: ENOENT: no such file or directory, open 'docker-context/demo-linux-arm64'\n" +
        `docker-context/Dockerfile.release holds sha256:${sha256("FROM busybox\n")}, and sha256:${sha256("FROM scratch\n")} was put there\n` +
        "the files were changed during the update. Nothing was pushed; run again.",
    );
  });
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
