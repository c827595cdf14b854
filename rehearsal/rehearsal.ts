import { once } from "node:events";
import { appendFile, mkdir, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CommandError } from "@pulumi/pulumi/automation/index.js";
import { provisionKit } from "../kit/provision.ts";
import { isSecret } from "../src/model/setting.ts";
import { commitOf } from "../src/services/git.ts";
import { holderOf, takeKernelLock } from "../src/services/kernel-lock.ts";
import { markOffspring } from "../src/services/offspring.ts";
import { type LocalGitHub, startGitHub } from "./github/server.ts";
import { forgetIntent, type Intent, recordIntent, withIntent } from "./intent.ts";
import { keptIn } from "./kept.ts";
import type { Options } from "./options.ts";
import { type ProcessGroup, watchGroup } from "./process-group.ts";
import { choosePorts } from "./services/ports.ts";
import { type Services, startServices } from "./services/services.ts";
import { sourceSettings } from "./source.ts";
import { openStack, type RehearsalStack } from "./stack.ts";
import { type Outputs, summary } from "./summary.ts";

/** Token of the local GitHub: made up, and known to nobody else. */
const TOKEN = "rehearsal-token";
/** Repository that is released, on the local GitHub as in public. */
const REPOSITORY = "octo-example/mount-monitor";
/** Version that is released when none is asked for and none is there. */
const FIRST_VERSION = "1.0.0";

/** Everything that a rehearsal runs against; ended by disposing of it. */
export interface Rehearsal extends AsyncDisposable {
  readonly github: LocalGitHub;
  readonly services: Services;
  readonly stack: RehearsalStack;
  /** Settings of this run, by key. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * One release against services on the loopback interface: starts them, runs the stack, shows what was published, and
 * ends them again. Everything is kept in `.local/`, so that the next run goes on where this one ended.
 *
 * @param report progress, one line at a time
 * @param signal ends it at the next boundary
 */
export async function rehearse(asked: Options, report: (line: string) => void, signal: AbortSignal): Promise<void> {
  const local = join(process.cwd(), ".local");
  const options = await withIntent(asked, local, report);
  await using rehearsal = await openRehearsal(options, report, signal);
  const { github, services, settings } = rehearsal;
  if (options.preview) {
    await run(rehearsal, options, report, signal);
  } else {
    const intent = await intentOf(options, settings, github);
    await (intent && recordIntent(local, intent));
    try {
      await run(rehearsal, options, report, signal);
    } finally {
      // What was killed or interrupted is gone on with by the next start; what failed has shown why, and is asked for anew.
      await (signal.aborted || forgetIntent(local));
    }
  }
  if (options.keep) {
    report(
      `The services are up: GitHub ${github.url}, registry https://${services.registry.address}. Ctrl-C ends them.`,
    );
    await aborted(signal).catch(() => undefined);
  }
}

/** Starts the services and opens the stack, in the directory that this process works in. */
export async function openRehearsal(
  options: Options,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<Rehearsal> {
  const project = process.cwd();
  const local = join(project, ".local");
  await using ending = new AsyncDisposableStack();
  await mkdir(local, { recursive: true });
  ending.defer(await holdLock(local));
  const offspring = await markOffspring(local);
  ending.defer(() => offspring.end());
  if (options.reset) {
    await forget(project, local);
  }
  const kit = await Promise.race([provisionKit({ report }), aborted(signal)]);
  const services = await startServices({ local, kit, report });
  ending.defer(() => services.stop());
  signal.throwIfAborted();
  const { github: port } = await choosePorts(local);
  const github = await startGitHub({ port, dataDir: join(local, "github"), token: TOKEN, acceptAnyCommit: true });
  await supervise(github);
  ending.defer(() => github.stop());
  ending.defer(() => keepHistory(github, local));
  const repository = options.settings.repository ?? REPOSITORY;
  const [owner = "", name = ""] = repository.split("/");
  if (!github.hasRepository(repository)) {
    github.createRepository({ owner, name });
  }
  const environment = { ...services.env, GITHUB_TOKEN: TOKEN };
  // The program runs in this process and finds its certificates and credentials where the plugins find them.
  Object.assign(process.env, environment);
  const settings = {
    repository,
    githubUrl: github.url,
    image: `${services.registry.address}/${repository}`,
    builder: services.builder,
    ...(await sourceSettings(options, project, local, report)),
    ...versionSettings(options, github, repository),
    ...options.settings,
  };
  const stack = await openStack({ project, local, kit, environment, settings, report, signal });
  signal.throwIfAborted();
  const kept = ending.move();
  return { github, services, stack, settings, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What this update releases; undefined when it releases nothing that is not published already. */
async function intentOf(
  { source, settings: asked }: Options,
  { repository = "", version, commit = "HEAD", source: module = "app" }: Readonly<Record<string, string>>,
  github: LocalGitHub,
): Promise<Intent | undefined> {
  if (version === undefined || github.inspect.releases(repository, `v${version}`).some(({ draft }) => !draft)) {
    return undefined;
  }
  // Where there is no such commit, the program says so, together with whatever else is wrong.
  const id = await commitOf(module, commit).catch(() => undefined);
  // A secret is written down nowhere: it must be given again.
  const settings = Object.fromEntries(Object.entries(asked).filter(([key]) => !isSecret(key)));
  return id === undefined ? undefined : { version, commit: id, source, settings };
}

/** For the tests of whole releases: a module of theirs sees every answer of the local GitHub, or has it misbehave. */
async function supervise(github: LocalGitHub): Promise<void> {
  const { REHEARSAL_SUPERVISOR: module } = process.env;
  if (module) {
    const { supervise }: { supervise(github: LocalGitHub): void } = await import(pathToFileURL(resolve(module)).href);
    supervise(github);
  }
}

/** @throws when another start is at work in the directory */
async function holdLock(directory: string): Promise<() => Promise<void>> {
  const release = await takeKernelLock(directory);
  if (release === undefined) {
    throw new Error(
      `another npm start is at work in ${directory} (${await holderOf(directory)}): wait for it, or end it with Ctrl-C`,
    );
  }
  return release;
}

async function aborted(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) {
    await once(signal, "abort");
  }
  throw signal.reason;
}

async function run(
  { stack: { stack, configFile, run: begin, outputs }, services, github, settings }: Rehearsal,
  options: Options,
  report: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await using group = watchGroup();
  const show = (text: string) => process.stderr.write(text);
  const shown = {
    configFile,
    signal: unheard(signal, group),
    color: process.stderr.isTTY ? "always" : "never",
    onOutput: show,
    // Where the engine says what fails before there is a resource, and every error of a preview.
    onError: show,
  } as const;
  if (options.preview) {
    await stack.preview({ ...shown, diff: true }).catch(alreadyShown);
    return;
  }
  await begin((stack) => stack.up({ ...shown, suppressOutputs: true })).catch(alreadyShown);
  const plain = await outputs();
  if (options.json) {
    process.stdout.write(`${JSON.stringify(plain, null, 2)}\n`);
  } else if (plain.version) {
    const kept = keptIn(github.inspect.repository(settings.repository ?? REPOSITORY));
    process.stdout.write(summary(plain as unknown as Outputs, services.registry.ca, kept));
  } else {
    report(String(plain.reason));
  }
}

/** An interruption that the engine has not heard of yet: told twice, it does not wait for what is under way. */
function unheard(signal: AbortSignal, group: ProcessGroup): AbortSignal {
  const passedOn = new AbortController();
  signal.addEventListener("abort", async () => {
    if (!(await group.signalled())) {
      passedOn.abort();
    }
  });
  return passedOn.signal;
}

// The engine's error repeats everything that was shown while it ran.
function alreadyShown(error: unknown): never {
  throw error instanceof CommandError ? new Error("the update failed; the reason is shown above") : error;
}

/** What was asked for; else nothing when the stack has released, so that it stays as it is; else the first version. */
function versionSettings(
  { version, commit }: Options,
  github: LocalGitHub,
  repository: string,
): Record<string, string> {
  const asked =
    version ?? (github.inspect.releases(repository).some(({ draft }) => !draft) ? undefined : FIRST_VERSION);
  return { ...(asked === undefined ? {} : { version: asked }), ...(commit === undefined ? {} : { commit }) };
}

/** The requests of this run, for whoever wants to know what was asked of GitHub: one JSON object a line. */
async function keepHistory(github: LocalGitHub, local: string): Promise<void> {
  await appendFile(
    join(local, "github-requests.jsonl"),
    github.history.map((record) => `${JSON.stringify(record)}\n`).join(""),
  );
}

async function forget(project: string, local: string): Promise<void> {
  const kept = (await readdir(local)).map((name) => join(local, name));
  await Promise.all(
    [...kept, ...[".artifacts", ".build", "docker-context"].map((name) => join(project, name))].map((path) =>
      rm(path, { recursive: true, force: true }),
    ),
  );
}
