import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { findPart, printsVersion } from "../../kit/found.ts";
import { parts } from "../../kit/part.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "found-"));
  vi.stubEnv("HOME", directory);
  vi.stubEnv("PULUMI_HOME", "");
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function executable(path: string, text: string): Promise<string> {
  const file = join(directory, path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
  return file;
}

function find(name: string, ...path: string[]): Promise<string | undefined> {
  vi.stubEnv("PATH", path.map((entry) => join(directory, entry)).join(":"));
  const part = parts.find((candidate) => candidate.name === name);
  return part === undefined ? Promise.reject(new Error(name)) : findPart(part);
}

describe("findPart", () => {
  it("takes the first executable on the PATH of exactly the version", async () => {
    await executable("a/buildx", "echo github.com/docker/buildx v0.35.1 1234");
    const right = await executable("b/buildx", '[ "$1" = version ] && echo github.com/docker/buildx v0.35.0 1234');
    await executable("c/buildx", "echo github.com/docker/buildx v0.35.0");
    expect(await find("buildx", "a", "b", "c")).toBe(right);
    expect(await find("buildx", "a")).toBeUndefined();
  });

  it("takes none that fails, that cannot be run, or that an npm package put there", async () => {
    await executable("a/pulumi", "echo v3.259.0; exit 1");
    await executable("node_modules/.bin/pulumi", "echo v3.259.0");
    await chmod(await executable("c/pulumi", "echo v3.259.0"), 0o644);
    expect(await find("pulumi", "a", "node_modules/.bin", "c")).toBeUndefined();
  });

  it("looks where Pulumi installs itself", async () => {
    const path = await executable(".pulumi/bin/pulumi", "echo v3.259.0");
    expect(await find("pulumi")).toBe(path);
  });

  it("finds plugins by the version of their directory", async () => {
    await executable(".pulumi/plugins/resource-github-v6.13.0/pulumi-resource-github", "");
    await executable("a/pulumi-resource-github", "echo 6.13.1");
    expect(await find("pulumi-resource-github", "a")).toBeUndefined();
    const path = await executable(".pulumi/plugins/resource-github-v6.13.1/pulumi-resource-github", "");
    expect(await find("pulumi-resource-github")).toBe(path);
    vi.stubEnv("PULUMI_HOME", join(directory, "elsewhere"));
    expect(await find("pulumi-resource-github")).toBeUndefined();
  });
});

describe("printsVersion", () => {
  it.each([
    ["v3.1.2", true],
    ["registry github.com/distribution/distribution/v3 v3.1.2\n", true],
    ["3.1.2", true],
    ["v3.1.2+unknown", false],
    ["v3.1.20", false],
    ["13.1.2", false],
    ["", false],
  ])("%j: %s", (text, expected) => {
    expect(printsVersion(text, "3.1.2")).toBe(expected);
  });
});
