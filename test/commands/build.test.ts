import { createHash } from "node:crypto";
import { cp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type BinaryArtifact, parseArtifact } from "../../src/model/artifact.ts";
import { type BuildRequest, buildEnvironment, testEnvironment } from "../../src/model/build-request.ts";
import { openStorage } from "../../src/services/artifact-storage.ts";
import { writeSource } from "../../src/services/source.ts";
import { moduleIn, tinyModule } from "../services/module.ts";
import { type TestRepository, testRepository, writeFiles } from "../services/repository.ts";
import { temporaryDirectory } from "../services/temporary.ts";
import { script } from "./script.ts";

const native = process.arch === "arm64" ? "arm64" : "amd64";
const foreign = native === "amd64" ? "arm64" : "amd64";

interface Stage {
  readonly project: string;
  readonly repository: TestRepository;
  readonly request: BuildRequest;
}

async function stage(path?: string): Promise<Stage> {
  const repository = await testRepository(path);
  const commit = await repository.commit("first", moduleIn("app"));
  const project = join(path ?? (await temporaryDirectory()), "project");
  await writeSource(repository.directory, project);
  const request: BuildRequest = {
    version: "1.2.3",
    commit,
    architecture: native,
    binaryName: "tiny",
    prefix: "app",
    package: "./cmd/tiny",
    versionVariable: "main.Version",
    verifyArgs: ["--version"],
  };
  return { project, repository, request };
}

async function built(
  { project, request }: Stage,
  changes: Partial<BuildRequest> = {},
  umask?: string,
  environment = {},
) {
  const result = await script(
    "build",
    project,
    { ...buildEnvironment({ ...request, ...changes }), ...environment },
    umask,
  );
  expect(result).toMatchObject({ exitCode: 0 });
  return parseArtifact(result.stdout);
}

const refused = async ({ project, request }: Stage, changes: Partial<BuildRequest>, environment = {}) => {
  const result = await script("build", project, { ...buildEnvironment({ ...request, ...changes }), ...environment });
  expect(result).toMatchObject({ exitCode: 1, stdout: "" });
  return result.stderr;
};

const bytesOf = (project: string, { path }: BinaryArtifact) => readFile(join(project, ".artifacts", path));

describe("a build", () => {
  test("prints one line, the facts of what it stored", async () => {
    const staged = await stage();
    const { project, request } = staged;
    const { exitCode, stdout, stderr } = await script("build", project, buildEnvironment(request));
    expect({ exitCode, lines: stdout.split("\n").length }).toEqual({ exitCode: 0, lines: 1 });
    const artifact = parseArtifact(stdout);
    const bytes = await bytesOf(project, artifact);
    const checksum = createHash("sha256").update(bytes).digest("hex");
    expect(artifact).toEqual({
      name: `tiny-linux-${native}`,
      path: `sha256/${checksum}`,
      architecture: native,
      version: "1.2.3",
      checksum,
      size: bytes.length,
    });
    expect(stderr).toMatch(
      new RegExp(`^tiny-linux-${native} 1\\.2\\.3: ${bytes.length} bytes, built with go1\\.\\S+, run\n?$`),
    );
    expect(await openStorage(join(project, ".artifacts")).entries()).toMatchObject([
      { state: "uploaded", commit: request.commit },
    ]);
    expect(await readdir(join(project, ".build/exports"))).toEqual([]);
  });

  test("of both architectures at the same time", async () => {
    const staged = await stage();
    const [ours, other] = await Promise.all([built(staged), built(staged, { architecture: foreign })]);
    expect([ours.name, other.name]).toEqual([`tiny-linux-${native}`, `tiny-linux-${foreign}`]);
    expect(other.checksum).not.toBe(ours.checksum);
  });

  test("is not repeated: the second time needs no Go", async () => {
    const staged = await stage();
    const go = (await import("../../src/services/go.ts")).goVersion;
    const version = await go(staged.repository.directory, staged.request.commit, "app");
    const commit = await staged.repository.commit(
      "pinned",
      moduleIn("app", { "go.mod": `module example.com/tiny\n\ngo 1.26\n\ntoolchain ${version}\n` }),
    );
    const first = await built(staged, { commit });
    const path = await temporaryDirectory();
    await writeFiles(path, { git: { link: "/usr/bin/git" }, sh: { link: "/bin/sh" } });
    expect(await built(staged, { commit }, "022", { PATH: path })).toEqual(first);
    expect(await refused(staged, { commit, version: "1.2.4" }, { PATH: path })).toContain("go is not on the PATH");
  });

  test("is repeated, with the same bytes, when they were damaged", async () => {
    const staged = await stage();
    const first = await built(staged);
    await truncate(join(staged.project, ".artifacts", first.path), 100);
    expect(await built(staged)).toEqual(first);
    expect((await bytesOf(staged.project, first)).length).toBe(first.size);
  });

  test("of another version differs", async () => {
    const staged = await stage();
    const [first, second] = await Promise.all([built(staged), built(staged, { version: "1.2.4" })]);
    expect(second.checksum).not.toBe(first.checksum);
    expect(second.size).toBe(first.size);
  });
});

test("the same commit gives the same bytes in any directory, umask, HOME, cache and environment, from a dirty tree", async () => {
  const [here, there] = [await stage(), await stage(join(await temporaryDirectory(), "quite/another/place"))];
  expect(there.request.commit).toBe(here.request.commit);
  await there.repository.write({
    "app/cmd/tiny/main.go": "package main\n\nfunc main() { dirty() }\n",
    "app/cmd/tiny/untracked.go": "package broken",
    "go.work": "go 1.26\n\nuse ./elsewhere\n",
    ".git/info/attributes": "*.go export-ignore\n",
  });
  const home = await temporaryDirectory();
  const hostile = {
    ...{ HOME: home, GOCACHE: join(home, "cache"), TMPDIR: home, LANG: "de_DE.UTF-8", TZ: "Asia/Tokyo" },
    ...{
      GOFLAGS: "-tags=other -ldflags=-s",
      GOAMD64: "v3",
      GOARM64: "v9.0",
      CGO_ENABLED: "1",
      GOEXPERIMENT: "nodwarf5",
    },
    ...{ GOROOT_FINAL: "/elsewhere", GOFIPS140: "latest", GODEBUG: "x=1" },
  };
  const request = { package: "./cmd/tiny" };
  const [first, second] = [await built(here, request), await built(there, request, "077", hostile)];
  expect(second).toEqual(first);
  expect(await bytesOf(there.project, second)).toEqual(await bytesOf(here.project, first));
});

describe("a build is refused", () => {
  test("for a binary that prints another version", async () => {
    const staged = await stage();
    const main = tinyModule["cmd/tiny/main.go"].replace("Version + ", '"tiny " + Version + ');
    const commit = await staged.repository.commit("wrong", moduleIn("app", { "cmd/tiny/main.go": main }));
    expect(await refused(staged, { commit })).toContain(
      `binary tiny-linux-${native} --version must print exactly "1.2.3", and printed "tiny 1.2.3\\n"`,
    );
    const storage = openStorage(join(staged.project, ".artifacts"));
    expect(await storage.entries()).toEqual([]);
    expect(await readdir(join(staged.project, ".artifacts/tmp"))).toEqual([]);
    expect(await readdir(join(staged.project, ".build/exports"))).toEqual([]);
  });

  test("when the variable of the version is not there, also for a binary that cannot be run", async () => {
    const staged = await stage();
    expect(await refused(staged, { versionVariable: "main.Release", architecture: foreign })).toContain(
      `binary tiny-linux-${foreign} is not what it must be:\nit has no string variable main.Release, or never uses it`,
    );
  });

  test("for a package that is not there, a commit without the module and one that is unknown", async () => {
    const staged = await stage();
    expect(await refused(staged, { package: "./cmd/other" })).toContain(
      `go build failed (./cmd/other for linux/${native})`,
    );
    expect(await refused(staged, { prefix: "other" })).toContain("has no other/go.mod");
    expect(await refused(staged, { commit: "0".repeat(40) })).toContain("0".repeat(40));
  });

  test("with another Go than the release's, whether it is stored already or not", async () => {
    const staged = await stage();
    await built(staged);
    expect(await refused(staged, { go: "go1.20.1" })).toContain(
      "this release is built with go1.20.1, and here is go1.",
    );
  });

  test("outside of an update", async () => {
    const project = await temporaryDirectory();
    const { exitCode, stderr } = await script("build", project, {});
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("RELEASE_VERSION is missing"),
    });
    const { request } = await stage();
    const result = await script("build", project, buildEnvironment(request));
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(".build/source.json is missing") });
  });
});

test("a repository that moved is found again: where it lies is no part of the request", async () => {
  const staged = await stage();
  const first = await built(staged);
  const moved = join(await temporaryDirectory(), "moved");
  await cp(staged.repository.directory, moved, { recursive: true });
  await rm(staged.repository.directory, { recursive: true });
  await writeSource(moved, staged.project);
  expect(await built(staged)).toEqual(first);
});

test("what the tests and the listing print", async () => {
  const { project, repository, request } = await stage();
  const environment = buildEnvironment(request);
  expect(await script("test", project, environment)).toMatchObject({
    exitCode: 0,
    stdout: "tests of 1 packages passed",
  });
  expect(await script("artifacts", project, {})).toMatchObject({
    exitCode: 0,
    stdout: "the artifact storage is empty",
  });
  const broken = tinyModule["cmd/tiny/main_test.go"].replace('!= "dev"', '== "dev"');
  const commit = await repository.commit("red", moduleIn("app", { "cmd/tiny/main_test.go": broken }));
  const red = await script("test", project, { ...environment, RELEASE_COMMIT: commit });
  expect(red).toMatchObject({ exitCode: 1, stdout: "" });
  expect(red.stderr).toContain("Version is dev");
  expect(red.stderr).toContain(`tests of commit ${commit} are red: nothing is built`);
  expect(await readdir(join(project, ".build/exports"))).toEqual([]);
});

test("tests that find their data beside their source do find it", async () => {
  const { project, repository, request } = await stage();
  const looking = [
    "package main",
    "",
    'import (\n\t"os"\n\t"path/filepath"\n\t"runtime"\n\t"testing"\n)',
    "",
    "func TestData(t *testing.T) {",
    "\t_, file, _, _ := runtime.Caller(0)",
    '\tif _, err := os.Stat(filepath.Join(filepath.Dir(file), "data")); err != nil {',
    "\t\tt.Fatal(err)",
    "\t}",
    "}",
    "",
  ].join("\n");
  const commit = await repository.commit(
    "data",
    moduleIn("app", { "cmd/tiny/data_test.go": looking, "cmd/tiny/data": "x" }),
  );
  const result = await script("test", project, { ...buildEnvironment(request), RELEASE_COMMIT: commit });
  expect(result).toMatchObject({ exitCode: 0, stdout: "tests of 1 packages passed" });
});

// What the workflows rely on: the default branch's runs fill the cache under another version.
const RELINKED =
  "a version of a commit that was tested and built before under another one is linked, and nothing is compiled";
test(RELINKED, { timeout: 180_000 }, async () => {
  const one = await stage();
  const cache = { GOCACHE: await temporaryDirectory() };
  const tested = () => script("test", one.project, { ...testEnvironment(one.request), ...cache });
  const compiled = async () =>
    (await readdir(cache.GOCACHE, { recursive: true })).filter((name) => name.endsWith("-d")).sort();
  expect(await tested()).toMatchObject({ exitCode: 0 });
  await built(one, { version: "0.0.0-preview" }, undefined, cache);
  const before = await compiled();
  expect(before.length).toBeGreaterThan(20);

  expect(await tested()).toMatchObject({ exitCode: 0 });
  await built(one, { version: "1.2.4" }, undefined, cache);
  expect(await compiled()).toEqual(before);
});
