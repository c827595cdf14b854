import { mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Clone, makeClone, type Request, writes } from "./clone.ts";
import { openServices, openWorld } from "./world.ts";

// Everything that must stop a release before anybody can see something of it.
describe("nothing is written", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("refusal");
  });
  afterAll(() => clone.remove());

  /** What a start wrote to GitHub and the registry; the start itself may fail. */
  async function written(act: () => Promise<void>): Promise<readonly Request[]> {
    const counts = [(await clone.githubRequests()).length, (await clone.registryRequests()).length] as const;
    await act();
    return [
      ...writes((await clone.githubRequests()).slice(counts[0])),
      ...writes((await clone.registryRequests()).slice(counts[1])),
    ];
  }

  test.each(["nightly", "v1.2", "v1.2.0+build"])("for the tag %s, which makes no release", async (tag) => {
    const writing = await written(async () => {
      const { outputs } = await clone.start([], { PULUMI_CI_TAG_NAME: tag });
      expect(outputs).toEqual({ release: null, reason: expect.stringContaining(`"${tag}"`) });
    });
    expect(writing).toEqual([]);
  });

  test("with settings that are wrong, and all of them are named at once", async () => {
    const wrong = {
      artifactRetentionDays: "-1",
      architectures: '["amd64"]',
      binaryName: "Mount Monitor",
      colour: "red",
      commit: "HEAD~",
      // Of another type: a text, a list and a map in the place of a list, a text and a text.
      withdrawn: "many",
      builder: '["a","b"]',
      githubUrl: '{"a":"b"}',
    };
    const settings = Object.entries(wrong).flatMap(([key, value]) => ["--set", `${key}=${value}`]);
    const writing = await written(async () => {
      const { stderr } = await failure(clone.start(["--version", "1.0", ...settings]));
      const [, diagnostics = ""] = stderr.split("Diagnostics:");
      expect(diagnostics.match(/error: .*/g)).toEqual(["error: the settings of this stack are not valid:"]);
      for (const [key, value] of Object.entries({ ...wrong, version: "1.0" })) {
        expect(stderr).toContain(`mount-monitor:${key} `);
        if (key !== "colour") expect(stderr).toContain(JSON.stringify(value));
      }
    });
    expect(writing).toEqual([]);
  });

  test("without Go and without the builder, and both are named before anything is built", async () => {
    const before = await clone.git("status", "--short", "--ignored");
    const writing = await written(async () => {
      const { stderr } = await failure(clone.start(["--set", "builder=nowhere"], { PATH: await pathWithout("go") }));
      expect(stderr).toContain("go is not on the PATH, and this run has to build: install Go");
      expect(stderr).toContain('builder "nowhere" failed (buildx inspect):');
      expect(stderr).not.toContain("binaries-tests");
    });
    expect(writing).toEqual([]);
    expect(await clone.git("status", "--short", "--ignored")).toBe(before);
  });

  test("while the module's own tests are red, and their output is shown", async () => {
    const path = "app/internal/mount/red_test.go";
    await writeFile(join(clone.path, path), "");
    const text = 'package mount\n\nimport "testing"\n\nfunc TestRed(t *testing.T) { t.Fatal("the canary is red") }\n';
    await clone.commit(path, () => text, "test: a red one");
    const writing = await written(async () => {
      const { exitCode, stderr } = await failure(clone.start());
      expect(exitCode).toBe(1);
      expect(stderr).toContain("--- FAIL: TestRed");
      expect(stderr).toContain("the canary is red");
      expect(stderr).toMatch(/tests of commit [0-9a-f]{40} are red: nothing is built/);
      expect(stderr).not.toContain("binaries-amd64 creating");
    });
    expect(writing).toEqual([]);
    await clone.git("reset", "-q", "--hard", "HEAD~1");
  });

  test("over a version tag that somebody pushed by hand with other content", async () => {
    const other = await pushByHand("v1.0.0");
    const refusal = new RegExp(
      `mount-monitor:v1\\.0\\.0 is already in the registry with another content: it holds ${other}, this release would be sha256:[0-9a-f]{64}`,
    );
    const writing = await written(async () => {
      expect((await failure(clone.start())).stderr).toMatch(refusal);
      const preview = await clone.spawn(["--preview"]).catch((error: unknown) => error);
      expect(preview).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(refusal) });
    });
    expect(writing).toEqual([]);
    await using world = await openWorld(clone.path);
    expect(await world.digestOf("v1.0.0")).toBe(other);
    expect(world.releases()).toEqual([]);
  });

  /** Builds and pushes an image that is not ours, and gives its digest. */
  async function pushByHand(tag: string): Promise<string> {
    const context = await mkdtemp(join(tmpdir(), "by-hand-"));
    await writeFile(join(context, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /mount-monitor\n");
    await using registry = await openServices(clone.path);
    await registry.buildx(
      ...["build", "--builder", registry.services.builder, "--platform=linux/amd64,linux/arm64"],
      ...["--provenance=false", `--output=type=image,name=${registry.image}:${tag},push=true`, context],
    );
    await rm(context, { recursive: true });
    return (await registry.inspect(tag)).digest;
  }
});

/** The PATH, with a copy in the place of every directory that has a program which shall be missing. */
async function pathWithout(program: string): Promise<string> {
  const directories = (process.env.PATH ?? "").split(":").map(async (directory) => {
    const names = await readdir(directory).catch((): string[] => []);
    if (!names.includes(program)) {
      return directory;
    }
    const copy = await mkdtemp(join(tmpdir(), "path-"));
    onTestFinished(() => rm(copy, { recursive: true }));
    await Promise.all(
      names.filter((name) => name !== program).map((name) => symlink(join(directory, name), join(copy, name))),
    );
    return copy;
  });
  return (await Promise.all(directories)).join(":");
}

/** What a start that has to fail ended with. */
async function failure(starting: Promise<unknown>): Promise<{ exitCode: number; stderr: string }> {
  return starting.then(
    () => expect.fail("it did not fail"),
    ({ exitCode, stderr }) => ({ exitCode, stderr }),
  );
}
