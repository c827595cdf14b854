import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { json } from "node:stream/consumers";
import { execa } from "execa";
import { openRehearsal, type Rehearsal } from "../../rehearsal/rehearsal.ts";
import { type Contexts, evaluate, isMet } from "./expression.ts";

/** A job of a workflow, and what GitHub knows when it runs it. */
export interface JobRun {
  // biome-ignore lint/suspicious/noExplicitAny: a job as its file has it
  readonly job: any;
  /** Shell of the scripts. */
  readonly shell: string;
  readonly contexts: Contexts;
  /** Bare repository that is checked out, and what of it when the step does not say. */
  readonly origin: string;
  readonly revision: string;
  /** Version tags that are pushed: name → commit. */
  readonly tags: Readonly<Record<string, string>>;
  /** Settings that the stack has besides the committed ones. */
  readonly settings: Readonly<Record<string, string>>;
  /** Directory of what outlives a job: the services' data, the stack's state, the installed packages. */
  readonly kept: string;
  /** What the job's token may do. */
  readonly permission: "push" | "pull";
  /** The event's payload. */
  readonly event: unknown;
  /** Default variables of a runner. */
  readonly environment: Readonly<Record<string, string>>;
}

/** How a job ended. */
export interface JobResult {
  readonly conclusion: "success" | "failure" | "skipped";
  readonly summary: string;
  /** All that its steps showed. */
  readonly log: string;
  /** Names of the steps that ran, in order. */
  readonly ran: readonly string[];
  /** Environment of each script and of each update, by the step's name. */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export const JOB_TOKEN = "job-token-of-this-run";

/** Program of a runner, at what `actions/setup-node` and the others would have set up. */
const PATH = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((entry) => !entry.includes("node_modules"))
  .join(delimiter);
const NODE = dirname(process.execPath);

/**
 * Runs a job as a runner does: scripts in order, with the environment that GitHub gives them and nothing else. Only the
 * actions are replaced, by what they set up: a checkout, programs on the PATH, log-ins; and `pulumi up`.
 */
async function runJob(run: JobRun): Promise<JobResult> {
  const { job, contexts } = run;
  const place = await mkdtemp(join(tmpdir(), "runner-"));
  const [checkout, temporary, summary] = [join(place, "work"), join(place, "temp"), join(place, "summary.md")];
  const result = { conclusion: "success" as JobResult["conclusion"], log: "", ran: [] as string[], summary: "" };
  const environments: Record<string, Record<string, string>> = {};
  if (!isMet(job.if, contexts, false)) {
    return { ...result, conclusion: "skipped", environments };
  }
  await mkdir(temporary);
  await writeFile(summary, "");
  await writeFile(join(temporary, "event.json"), JSON.stringify(run.event));
  await using opened = new AsyncDisposableStack();
  let rehearsal: Rehearsal | undefined;
  // What the actions before a step have set up for it.
  const setUp: Record<string, string> = { PATH };
  const steps: Record<string, { outcome: string }> = {};

  const act = async (uses: string, given: Record<string, unknown>, environment: Record<string, string>) => {
    const name = uses.slice(0, uses.indexOf("@"));
    if (name === "actions/checkout") {
      await execa("git", ["clone", "-q", run.origin, checkout]);
      await execa("git", ["checkout", "-q", String(given.ref ?? run.revision)], { cwd: checkout });
      await symlink(run.kept, join(checkout, ".local"));
      process.chdir(checkout);
      const options = { ...OPTIONS, settings: { ...OPTIONS.settings, ...run.settings } };
      rehearsal = opened.use(await openRehearsal(options, () => {}, new AbortController().signal));
      rehearsal.github.addToken(JOB_TOKEN, "github-actions[bot]", run.permission);
      for (const [tag, commit] of Object.entries(run.tags)) {
        rehearsal.github.inspect.setTag(run.environment.GITHUB_REPOSITORY ?? "", tag, commit);
      }
      // What `npm start` keeps beside the project, a stack of one's own has in its committed settings.
      await cp(rehearsal.stack.configFile, join(checkout, "Pulumi.local.yaml"));
    } else if (name === "actions/setup-node") {
      setUp.PATH = [NODE, setUp.PATH].join(delimiter);
    } else if (name === "docker/setup-buildx-action") {
      const { kit, services } = needed(rehearsal);
      Object.assign(setUp, services.env);
      setUp.PATH = [kit, setUp.PATH].join(delimiter);
    } else if (name === "docker/login-action") {
      Object.assign(setUp, needed(rehearsal).services.env);
    } else if (name === "pulumi/actions" && given.command === undefined) {
      const { workspace } = needed(rehearsal).stack.stack;
      setUp.PATH = [dirname(workspace.pulumiCommand.command), setUp.PATH].join(delimiter);
      setUp.PULUMI_HOME = workspace.pulumiHome ?? "";
      setUp.PULUMI_IGNORE_AMBIENT_PLUGINS = "true";
    } else if (name === "pulumi/auth-actions") {
      // With the state comes the key that its secrets are encrypted with.
      setUp.PULUMI_CONFIG_PASSPHRASE = "rehearsal";
    } else if (name === "pulumi/actions" && given.command === "up") {
      const { stack } = needed(rehearsal).stack;
      Object.assign(stack.workspace.envVars, environment);
      Object.assign(process.env, environment);
      await stack.up({ exclude: String(given.exclude).split("\n"), color: "never", onOutput: add, onError: add });
    } else if (!["actions/setup-go", "actions/cache/restore", "actions/cache/save"].includes(name)) {
      throw new Error(`nobody knows here what ${name} sets up`);
    }
  };
  const needed = (open: Rehearsal | undefined) => {
    if (!open) throw new Error("nothing was checked out yet");
    return { ...open, kit: join(open.stack.stack.workspace.envVars.PATH?.split(delimiter)[0] ?? "") };
  };
  const add = (text: string) => {
    result.log += text;
  };

  const script = async (text: string, environment: Record<string, string>) => {
    const modules = join(run.kept, "packages/node_modules");
    if (text.startsWith("npm ci ")) {
      const installed = await rename(modules, join(checkout, "node_modules")).then(
        () => true,
        () => false,
      );
      if (installed) return;
    }
    const file = join(temporary, "script.sh");
    await writeFile(file, text);
    const options = { cwd: checkout, env: environment, extendEnv: false, all: true, reject: false } as const;
    const { exitCode, all } = await execa(run.shell, ["--noprofile", "--norc", "-eo", "pipefail", file], options);
    add(`${all}\n`);
    if (exitCode !== 0) throw new Error(`the script ended with ${exitCode}`);
  };

  for (const step of job.steps) {
    const known = { ...contexts, steps };
    if (!isMet(step.if, known, result.conclusion === "failure")) continue;
    const said = Object.entries({ ...job.env, ...step.env }).map(([name, value]) => [
      name,
      evaluate(String(value), known),
    ]);
    const environment: Record<string, string> = {
      HOME: homedir(),
      ...run.environment,
      GITHUB_EVENT_PATH: join(temporary, "event.json"),
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_WORKSPACE: checkout,
      RUNNER_TEMP: temporary,
      ...(rehearsal ? { GITHUB_API_URL: rehearsal.github.apiUrl, GITHUB_SERVER_URL: rehearsal.github.url } : {}),
      ...setUp,
      ...Object.fromEntries(said),
    };
    result.ran.push(step.name);
    let outcome = "success";
    try {
      if (step.run !== undefined || step.with?.command !== undefined) environments[step.name] = environment;
      await (step.run === undefined ? act(step.uses, step.with ?? {}, environment) : script(step.run, environment));
    } catch (error) {
      add(`${error instanceof Error ? error.message : error}\n`);
      outcome = "failure";
      result.conclusion = "failure";
    }
    if (step.id !== undefined) steps[step.id] = { outcome };
  }
  await mkdir(join(run.kept, "packages"), { recursive: true });
  await rename(join(checkout, "node_modules"), join(run.kept, "packages/node_modules")).catch(() => undefined);
  result.summary = await readFile(summary, "utf8");
  process.chdir(tmpdir());
  await opened.disposeAsync();
  await rm(place, { recursive: true, force: true });
  return { ...result, environments };
}

// A stack that asks for no version: the tag says it, or nothing does.
const OPTIONS = {
  source: undefined,
  version: undefined,
  commit: undefined,
  settings: { version: "" },
  keep: false,
  json: false,
  preview: false,
  reset: false,
} as const;

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await runJob((await json(process.stdin)) as JobRun)));
}
