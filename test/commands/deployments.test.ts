import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { provisionKit } from "../../kit/provision.ts";
import { temporaryDirectory } from "../services/temporary.ts";
import { ACCESS_TOKEN, type PulumiCloud, SETTINGS, startPulumiCloud } from "./pulumi-cloud.ts";

const COMMAND = join(import.meta.dirname, "../../src/commands/deployments.ts");
const FILE = "Pulumi.prod.deploy.yaml";
const SECRET = "s3cr3t-k3y-of-the-test";

let bin: string;
beforeAll(async () => {
  bin = (await provisionKit({ report: () => {}, only: ["pulumi"] })).bin;
}, 20 * 60_000);

/** The command with the real CLI, logged in to the stand-in, in a project with the committed settings. */
async function project(token = ACCESS_TOKEN) {
  const [cloud, directory] = await Promise.all([startPulumiCloud(), temporaryDirectory()]);
  const wanted = await readFile(FILE, "utf8");
  await Promise.all([
    writeFile(join(directory, "Pulumi.yaml"), "name: mount-monitor\nruntime: nodejs\n"),
    writeFile(join(directory, "Pulumi.prod.yaml"), "config:\n  mount-monitor:repository: octo-org/tool\n"),
    writeFile(join(directory, FILE), wanted),
  ]);
  const deployments = (args: readonly string[] = [], input = "") =>
    execa(process.execPath, [COMMAND, "--stack", "octo-org/prod", ...args], {
      cwd: directory,
      input,
      reject: false,
      env: {
        PATH: `${bin}:${process.env.PATH}`,
        PULUMI_HOME: join(directory, "home"),
        PULUMI_BACKEND_URL: cloud.url,
        PULUMI_ACCESS_TOKEN: token,
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
  const { settings } = parse(wanted);
  return {
    cloud,
    directory,
    deployments,
    settings: { ...settings, vcs: { ...settings.vcs, repository: "octo-org/tool" } },
  };
}

const writes = ({ sent }: PulumiCloud) => sent.filter(({ method, path }) => method !== "GET" && path === SETTINGS);

test("the file is sent once, with the stack's repository, and the second run sends nothing", async () => {
  const { cloud, deployments, settings } = await project();
  const first = await deployments();
  expect(first).toMatchObject({ exitCode: 0, stderr: "" });
  expect(first.stdout).toContain('settings.vcs.tagFilters: not set → ["v*"]');
  expect(first.stdout).toMatch(/^octo-org\/mount-monitor\/prod: sent$/m);
  expect(writes(cloud)).toEqual([{ method: "POST", path: SETTINGS, body: settings }]);
  expect(await deployments()).toMatchObject({
    exitCode: 0,
    stdout: "octo-org/mount-monitor/prod: Pulumi Cloud has these settings already",
  });
  expect(writes(cloud)).toHaveLength(1);
});

test("what was changed in the Console is named, and put right only without --check", async () => {
  const { cloud, deployments, settings } = await project();
  cloud.settings = {
    ...settings,
    version: 7,
    vcs: { ...settings.vcs, tagFilters: ["*"], deployCommits: true },
    operationContext: {
      ...settings.operationContext,
      environmentVariables: { BUILDKIT_KEY: { ciphertext: "c2VhbGVk" } },
    },
  };
  const check = await deployments(["--check"]);
  expect(check.exitCode).toBe(1);
  expect(check.stdout.split("\n")).toEqual([
    'settings.vcs.tagFilters: ["*"] → ["v*"]',
    "settings.vcs.deployCommits: true → false",
    'settings.operationContext.environmentVariables.BUILDKIT_HOST: not set → "tcp://buildkit.example.com:1234"',
    "octo-org/mount-monitor/prod: Pulumi Cloud has other settings than Pulumi.prod.deploy.yaml. Run: npm run deployments",
  ]);
  expect(writes(cloud)).toEqual([]);
  expect((await deployments()).exitCode).toBe(0);
  // A secret that was set before stays.
  expect(cloud.settings).toMatchObject({
    version: 7,
    vcs: settings.vcs,
    operationContext: { environmentVariables: { BUILDKIT_KEY: { ciphertext: "c2VhbGVk" } } },
  });
});

test("a secret goes from standard input to the service, and is shown nowhere", async () => {
  const { cloud, directory, deployments } = await project();
  const { exitCode, stdout, stderr } = await deployments(["--secret", "BUILDKIT_KEY"], SECRET);
  expect({ exitCode, stdout, stderr }).toEqual({
    exitCode: 0,
    stdout: "octo-org/mount-monitor/prod: the secret variable BUILDKIT_KEY is set",
    stderr: "",
  });
  expect(writes(cloud)).toEqual([
    {
      method: "POST",
      path: SETTINGS,
      body: { operationContext: { environmentVariables: { BUILDKIT_KEY: { secret: SECRET } } } },
    },
  ]);
  expect((await execa("grep", ["-rlF", SECRET, directory], { reject: false })).stdout).toBe("");
});

test.each([
  [
    ["--secret", "BUILDKIT_KEY"],
    "",
    "--secret BUILDKIT_KEY: nothing came from standard input. Run: npm run deployments -- --secret BUILDKIT_KEY < FILE",
  ],
  [
    ["--secret", "buildkit key"],
    SECRET,
    '--secret "buildkit key": a variable has capital letters, digits and _, and starts with no digit',
  ],
])("%j is refused", async (args, input, message) => {
  const { cloud, deployments } = await project();
  expect(await deployments(args, input)).toMatchObject({ exitCode: 1, stdout: "", stderr: message });
  expect(writes(cloud)).toEqual([]);
});

test("a file that is not valid is refused with all its problems, before the service is asked", async () => {
  const { cloud, directory, deployments } = await project();
  const text = await readFile(join(directory, FILE), "utf8");
  await writeFile(
    join(directory, FILE),
    text
      .replace("deployTags: true", "deployTags: false")
      .replace("skipIntermediateDeployments: false", "skipIntermediateDeployments: true"),
  );
  const { exitCode, stderr } = await deployments();
  expect(exitCode).toBe(1);
  expect(stderr).toBe(
    "Pulumi.prod.deploy.yaml is not valid:\n" +
      "settings.vcs.deployTags: a pushed tag is what releases\n" +
      "settings.operationContext.options.skipIntermediateDeployments: of two tags pushed in a row the first would be lost",
  );
  expect(cloud.sent.filter(({ path }) => path === SETTINGS)).toEqual([]);
});

test("a token that Pulumi Cloud does not take is said", async () => {
  const { cloud, deployments } = await project("pul-wrong");
  const { exitCode, stderr } = await deployments();
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^pulumi stack failed:\n.*\nerror: Unauthorized/);
  expect(stderr).not.toContain("pul-wrong");
  expect(writes(cloud)).toEqual([]);
});

// What this version of the CLI can do by itself, and why the command goes through `pulumi api`.
test("the CLI's own `deployment settings` shows what was sent, and knows neither files nor tags", async () => {
  const { cloud, directory, deployments } = await project();
  await deployments();
  const settings = (...args: string[]) =>
    execa(join(bin, "pulumi"), ["deployment", "settings", ...args], {
      cwd: directory,
      reject: false,
      env: {
        PULUMI_HOME: join(directory, "home"),
        PULUMI_BACKEND_URL: cloud.url,
        PULUMI_ACCESS_TOKEN: ACCESS_TOKEN,
        PULUMI_SKIP_UPDATE_CHECK: "true",
      },
    });
  const shown = (await settings("get", "--stack", "octo-org/prod")).stdout;
  expect(shown).toMatch(/Executor image: +pulumi\/pulumi:3\.259\.0/);
  expect(shown).toContain("test -z");
  expect((await settings("push")).stderr).toContain('unknown command "push"');
  expect((await settings("edit", "--deploy-tags")).stderr).toContain("unknown flag: --deploy-tags");
});

test("a program from another branch than the setting says is refused, and nothing is sent", async () => {
  const { cloud, directory, deployments } = await project();
  const file = join(directory, "Pulumi.prod.yaml");
  await writeFile(file, `${await readFile(file, "utf8")}  mount-monitor:branch: trunk\n`);
  const { exitCode, stderr } = await deployments();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('sourceContext.git.branch is "main", and mount-monitor:branch is "trunk"');
  expect(stderr).toContain("pulumi config set mount-monitor:branch main");
  expect(writes(cloud)).toEqual([]);
});
