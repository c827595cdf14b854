import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { provisionKit } from "../../kit/provision.ts";
import { versions } from "../../kit/versions.ts";
import { type Clone, makeClone, type Request, writes } from "./clone.ts";
import type { Order } from "./order.ts";
import { openWorld, REPOSITORY } from "./world.ts";

// The stack's state and what its services store: all that a runner finds elsewhere.
const TAKEN = ["state", "registry", "github", "ports.json", "certificate"];
const TAG = "v1.0.1";
// The runner's own programs: without the project's, so also with the machine's own Node, which may be an old one.
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);

// What Pulumi Deployments sets when a tag was pushed.
// https://www.pulumi.com/docs/deployments/concepts/settings/environment-variables/
const ENVIRONMENT = {
  PULUMI_CI_SYSTEM: "Pulumi Deployments",
  PULUMI_CI_BUILD_ID: "0b9a1d6e-5f3c-4d0f-8f57-2a43b1f0c001",
  PULUMI_CI_BUILD_NUMBER: "12",
  PULUMI_CI_BUILD_URL: "https://app.pulumi.com/octo-example/mount-monitor/prod/deployments/12",
  PULUMI_CI_ORGANIZATION: "organization",
  PULUMI_CI_PROJECT: "mount-monitor",
  PULUMI_CI_STACK: "local",
  PULUMI_CI_OPERATION: "update",
  PULUMI_CI_BRANCH_NAME: `refs/tags/${TAG}`,
  PULUMI_CI_TAG_NAME: TAG,
  GITHUB_TOKEN: "rehearsal-token",
} as const;

// A tag on an old branch, whose tree holds an older program and older settings, while main went on.
describe("a tag, run as Pulumi Deployments runs it", { timeout: 600_000 }, () => {
  let clone: Clone;
  let origin: string;
  let runner: string;
  let commit: string;
  let before: unknown;
  let shown: string;
  let requests: readonly Request[];
  const variables: Record<string, string> = {};

  beforeAll(async () => {
    clone = await makeClone("deployments");
    await clone.start(["--set", 'variables={"COLOR":"blue"}']);
    {
      await using world = await openWorld(clone.path);
      before = await world.published("1.0.0");
    }
    await clone.git("switch", "-q", "-c", "release-1.0");
    await clone.commit("index.ts", () => 'throw new Error("the program of the tag runs");\n', "chore: another program");
    commit = await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// backport\n`, "fix: a backport");
    await clone.git("tag", TAG);
    await clone.git("switch", "-q", "main");
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// later\n`, "feat: not to be released");
    await clone.commit("Pulumi.local.yaml", (text) => `${text}  mount-monitor:variables: {COLOR: red}\n`, "chore: red");

    const place = await mkdtemp(join(tmpdir(), "deployments-"));
    [origin, runner] = [join(place, "origin.git"), join(place, "checkout")];
    await clone.git("clone", "-q", "--bare", clone.path, origin);
    await clone.git("clone", "-q", "--depth=1", `--branch=${TAG}`, `file://${origin}`, runner);
    for (const name of TAKEN) {
      await cp(join(clone.path, ".local", name), join(runner, ".local", name), { recursive: true });
    }
    // In place of `npm ci`, which a test of a fresh checkout does.
    await symlink(join(clone.path, "node_modules"), join(runner, "node_modules"));
  });
  afterAll(async () => {
    await clone.remove();
    await rm(join(runner, ".."), { recursive: true, force: true });
  });

  const git = async (...args: string[]) => (await execa("git", args, { cwd: runner })).stdout;

  test("the pre-run commands put today's program and all tags there, whatever the tag holds", async () => {
    expect(await readFile(join(runner, "index.ts"), "utf8")).toContain("the program of the tag runs");
    const { settings } = parse(await readFile("Pulumi.prod.deploy.yaml", "utf8"));
    const file = join(runner, ".local/PULUMI_ENV");
    // Pulumi Cloud's place is taken by the rehearsal's file backend, and the download of npm's pulumi by the kit's.
    const home = join(runner, ".local/home");
    const { bin } = await provisionKit({ report: () => {}, only: ["pulumi"] });
    await mkdir(join(home, "versions", versions.pulumi), { recursive: true });
    await symlink(bin, join(home, "versions", versions.pulumi, "bin"));
    const backend = {
      HOME: home,
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: `file://${join(runner, ".local/state")}`,
      PULUMI_CONFIG_PASSPHRASE: "rehearsal",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
    await writeFile(file, "");
    for (const command of settings.operationContext.preRunCommands) {
      if (command === "npm ci") continue;
      await execa("sh", ["-c", command.replace("/PULUMI_ENV", file)], {
        cwd: runner,
        env: { ...ENVIRONMENT, ...backend, PATH },
        extendEnv: false,
      });
    }
    for (const line of (await readFile(file, "utf8")).trimEnd().split("\n")) {
      variables[line.slice(0, line.indexOf("="))] = line.slice(line.indexOf("=") + 1);
    }
    expect(Object.keys(variables)).toEqual(["PATH", "PULUMI_OPTION_EXCLUDE"]);
    expect(await git("rev-parse", "HEAD")).toBe(await clone.git("rev-parse", "main"));
    expect(await git("rev-parse", `${TAG}^{commit}`)).toBe(commit);
    expect(await git("rev-parse", "--is-shallow-repository")).toBe("false");
  });

  test("the update releases the tag's sources with today's program", async () => {
    const { all } = await execa("node", ["test/e2e/operate.ts", "up"], {
      cwd: runner,
      env: { HOME: process.env.HOME, ...ENVIRONMENT, ...variables },
      extendEnv: false,
      // The token of the run may push, and not administer.
      input: JSON.stringify({ job: "token-of-the-run" } satisfies Order),
      all: true,
    });
    shown = all;
    requests = (await readFile(join(runner, ".local/github-requests.jsonl"), "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    await using world = await openWorld(runner);
    expect(world.release(TAG).draft).toBe(false);
    expect(world.tamper.tags(REPOSITORY)[TAG]).toBe(commit);
    const notes = world.notes(TAG);
    expect(notes).toContain("a backport");
    expect(notes).not.toContain("not to be released");
  });

  test("and changes nothing else: neither what is published nor the repository's settings", async () => {
    await using world = await openWorld(runner);
    expect(await world.published("1.0.0")).toEqual(before);
    expect(world.tamper.variables(REPOSITORY)).toEqual({ COLOR: "blue" });
    expect(shown).not.toMatch(/deleted/);
    const places = new Set(
      writes(requests).map(({ path }) => path.replace(/^\/repos\/[^/]+\/[^/]+/, "").replace(/\d+/g, "N")),
    );
    expect([...places].sort()).toEqual(["/releases", "/releases/N", "/releases/N/assets"]);
  });

  test("the next update by somebody who may sets what main says, and nothing of the release", async () => {
    const { all } = await execa("node", ["test/e2e/operate.ts", "up"], {
      cwd: runner,
      env: { HOME: process.env.HOME, PATH: variables.PATH },
      extendEnv: false,
      input: "",
      all: true,
    });
    expect(all).toMatch(/Resources:\n\s+~ 1 updated\n\s+\d+ unchanged\n/);
    await using world = await openWorld(runner);
    expect(world.tamper.variables(REPOSITORY)).toEqual({ COLOR: "red" });
  });
});
