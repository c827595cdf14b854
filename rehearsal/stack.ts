import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { delimiter, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { ConcurrentUpdateError, LocalWorkspace, PulumiCommand, Stack } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { parse as parseVersion } from "semver";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { Kit } from "../kit/provision.ts";
import { inlineProgram, outliveEngine } from "../src/inline-program.ts";
import { isSecret } from "../src/model/setting.ts";
import { recover } from "../src/recovery.ts";
import { openEngine } from "../src/services/engine.ts";
import { lookAtSettings } from "../src/services/github/configured.ts";
import { startTime } from "../src/services/liveness.ts";
import { unrefused } from "../src/services/unrefused.ts";

/** Name of the rehearsal's stack and of its committed settings, `Pulumi.local.yaml`. */
const STACK = "local";
const PROJECT = "mount-monitor";

/** Where the stack runs. All paths are absolute. */
export interface StackPlace {
  /** Directory of the project, with Pulumi.yaml. */
  readonly project: string;
  /** Directory that the rehearsal keeps its data in. */
  readonly local: string;
  /** Whether only holders of that directory's lock update the stack; not where a test has its backend shared. Default: true. */
  readonly alone?: boolean;
  readonly kit: Kit;
  /** Environment of the plugins: Docker's configuration, certificates, credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** Settings of this run, by key; they win over the committed ones. */
  readonly settings: Readonly<Record<string, string>>;
  readonly report: (line: string) => void;
  /** Ends the wait for an update that is under way elsewhere. */
  readonly signal?: AbortSignal;
  /** How long that is waited for, milliseconds. Default 15 minutes. */
  readonly waitMs?: number;
}

/** The rehearsal's stack and the file that its operations read the settings from. */
export interface RehearsalStack {
  readonly stack: Stack;
  readonly configFile: string;
  /**
   * Runs an operation that changes the stack. One that another update's lock refuses, before its first write, is run again
   * when that update has ended: two that begin at the same moment refuse each other.
   */
  run<T>(operation: (stack: Stack) => Promise<T>): Promise<T>;
  /** The stack outputs of the update that has just succeeded. */
  outputs(): Promise<Readonly<Record<string, unknown>>>;
}

/** Opens the stack, with the same program that `pulumi up` runs, a file backend, and no pending operation. */
export async function openStack({
  project,
  local,
  alone = true,
  kit,
  environment,
  settings,
  ...rest
}: StackPlace): Promise<RehearsalStack> {
  const state = join(local, "state");
  await mkdir(state, { recursive: true });
  const root = await layOutEngine(project, local, kit);
  const pulumiCommand = commandOf(root, kit);
  const envVars = {
    ...environment,
    PATH: [kit.bin, process.env.PATH].join(delimiter),
    PULUMI_BACKEND_URL: `file://${state}`,
    // The rehearsal's secrets are made up; a real stack has a passphrase or a key of its own.
    PULUMI_CONFIG_PASSPHRASE: "rehearsal",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    // Only the plugins of the layout above; others of their name on the PATH may be other versions.
    PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
  };
  const settled = () =>
    settle(
      { project, alone, settings, ...rest },
      { state, command: pulumiCommand.command, env: { ...envVars, PULUMI_HOME: root } },
    );
  await settled();
  outliveEngine();
  let declared: Readonly<Record<string, unknown>> = {};
  const workspace = await LocalWorkspace.create({
    workDir: project,
    pulumiHome: root,
    pulumiCommand,
    envVars,
    program: async () => {
      declared = await inlineProgram();
      return declared;
    },
  });
  const stack = await selected(workspace, state);
  const configFile = join(local, `Pulumi.${STACK}.yaml`);
  const plain = Object.entries(settings).filter(([key]) => !isSecret(key));
  await writeSettings(project, configFile, Object.fromEntries(plain));
  await encryptSettings(
    stack,
    configFile,
    Object.fromEntries(Object.entries(settings).filter(([key]) => isSecret(key))),
  );
  return {
    stack,
    configFile,
    run: (operation) =>
      unrefused({
        ...rest,
        stack: STACK,
        begin: () => operation(stack),
        isRefused: (error) => error instanceof ConcurrentUpdateError,
        settle: settled,
      }),
    outputs: () => new Promise((resolve) => pulumi.output(declared).apply(resolve)),
  };
}

// Every start of the CLI takes a fifth of a second: what this process knows by itself, it is not asked for.

/** The CLI of the kit, whose version need not be asked for. */
function commandOf(root: string, { parts }: Kit): PulumiCommand {
  const version = parseVersion(parts.find(({ name }) => name === "pulumi")?.version);
  return Object.assign(Object.create(PulumiCommand.prototype), { command: join(root, "bin/pulumi"), version });
}

/** The stack, made when it is not there; every operation names it, so that one that is there need not be selected. */
async function selected(workspace: LocalWorkspace, state: string): Promise<Stack> {
  if (existsSync(join(state, ".pulumi/stacks", PROJECT, `${STACK}.json`))) {
    workspace.selectStack = async () => {};
  }
  return withoutReport(await Stack.createOrSelect(STACK, workspace));
}

/** A stack whose updates do not ask the CLI for outputs and history when they have ended: their results have neither. */
export function withoutReport(stack: Stack): Stack {
  return Object.assign(stack, { outputs: async () => ({}), info: async () => undefined });
}

/** Encrypted by the CLI, which reads the value from standard input: arguments of a process are for all to see. */
async function encryptSettings(
  { workspace }: Stack,
  configFile: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const values = Object.entries(settings).flatMap(([key, value]) =>
    key === "secrets"
      ? Object.entries(z.record(z.string(), z.string()).parse(JSON.parse(value))).map(([name, text]) => [
          `${key}.${name}`,
          text,
        ])
      : [[key, value]],
  );
  for (const [key, value = ""] of values) {
    await execa(
      workspace.pulumiCommand.command,
      ["config", "set", "--stack", STACK, "--config-file", configFile, "--secret", "--path", `${PROJECT}:${key}`],
      { cwd: workspace.workDir, env: { ...workspace.envVars, PULUMI_HOME: workspace.pulumiHome ?? "" }, input: value },
    );
  }
}

/**
 * Lays out an engine as an installation has it: the CLI with the dynamic providers' start script beside it, and the
 * plugins under their versions. The engine then takes them for its own and does not warn about what is on the PATH.
 */
export async function layOutEngine(project: string, local: string, kit: Kit): Promise<string> {
  const root = join(local, "pulumi");
  const bin = join(root, "bin");
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  // A link to the same file, not a symbolic one: the engine looks beside the path that it was started from.
  await link(join(kit.bin, "pulumi"), join(bin, "pulumi")).catch(() =>
    copyFile(join(kit.bin, "pulumi"), join(bin, "pulumi")),
  );
  await symlink(
    join(project, "node_modules/@pulumi/pulumi/pulumi-resource-pulumi-nodejs"),
    join(bin, "pulumi-resource-pulumi-nodejs"),
  );
  for (const { name, version, path } of kit.parts.filter(({ name }) => name.startsWith("pulumi-resource-"))) {
    const directory = join(root, "plugins", `${name.replace("pulumi-", "")}-v${version}`);
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    await symlink(path, join(directory, name));
  }
  return root;
}

/**
 * What an earlier start that was killed left is settled. The backend lies in the directory that the caller holds the lock
 * of, and everything that was started in it has been ended: a lock that was made on this machine is a dead one's, and so is one that was cut short where nobody else is.
 */
async function settle(
  { project, alone, settings, report, signal, waitMs = 15 * 60_000 }: Omit<StackPlace, "local" | "kit" | "environment">,
  { state, command, env }: { state: string; command: string; env: Readonly<Record<string, string>> },
): Promise<void> {
  await recover({
    engine: openEngine({ command, cwd: project, stack: STACK, env }),
    backend: { root: state, project: PROJECT, stack: STACK },
    isDead: async ({ holder }) =>
      holder === undefined ? alone === true : holder.host === hostname() && (await startTime(holder.pid)) === undefined,
    settings: lookAtSettings(async (key) => settings[key]),
    waiting: { limitMs: waitMs, everyMs: 500, signal },
    report,
  });
}

async function writeSettings(
  project: string,
  configFile: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const committed = parse(await readFile(join(project, `Pulumi.${STACK}.yaml`), "utf8"));
  const values = Object.entries(settings).map(([key, value]) => [`${PROJECT}:${key}`, structured(value)]);
  await writeFile(
    configFile,
    stringify({ ...committed, config: { ...committed.config, ...Object.fromEntries(values) } }),
  );
}

// Lists and maps are given as JSON; everything else is text.
function structured(value: string): unknown {
  return /^[[{]/.test(value) ? JSON.parse(value) : value;
}
