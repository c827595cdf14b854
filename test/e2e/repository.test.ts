import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, makeClone } from "./clone.ts";
import { openWorld } from "./world.ts";

const SECRET = "s3cr3t-v4lue-of-the-test";
const TOKEN = "rehearsal-token";
const settings = ["--set", 'variables={"COLOR":"blue"}', "--set", `secrets={"DEPLOY_KEY":"${SECRET}"}`];

// The real GitHub provider against the local GitHub.
describe("variables and secrets of the repository", { timeout: 600_000 }, () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("repository");
  });
  afterAll(() => clone.remove());

  test("arrive with the first release, the secret readable with the repository's key only", async () => {
    await clone.start(settings);
    await using world = await openWorld(clone.path);
    expect(world.tamper.variables("octo-example/mount-monitor")).toEqual({ COLOR: "blue" });
    expect(world.tamper.secrets("octo-example/mount-monitor")).toEqual({ DEPLOY_KEY: SECRET });
  });

  test("are 0 changes the second time", async () => {
    expect((await clone.start(settings)).shown).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test.each([SECRET, TOKEN, Buffer.from(SECRET).toString("base64").replace(/=+$/, "")])(
    "%s is nowhere in clear text: state, backups, logs, requests",
    async (value) => {
      const { stdout, exitCode } = await execa("grep", ["-rlF", "--", value, ".local"], {
        cwd: clone.path,
        reject: false,
      });
      expect(stdout).toBe("");
      expect(exitCode).toBe(1);
    },
  );

  test("are gone when they are no longer set, and the release stays", async () => {
    const { outputs, shown } = await clone.start();
    expect(shown).toMatch(/3 deleted/);
    expect(outputs.version).toBe("1.0.0");
    await using world = await openWorld(clone.path);
    expect(world.tamper.variables("octo-example/mount-monitor")).toEqual({});
    expect(world.tamper.secrets("octo-example/mount-monitor")).toEqual({});
    expect(world.release("v1.0.0").draft).toBe(false);
  });
});
