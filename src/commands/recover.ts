import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { execa } from "execa";
import { parse } from "yaml";
import { z } from "zod";
import { cliAnswer } from "../model/cli-answer.ts";
import { type EngineLock, isRefusal } from "../model/engine-lock.ts";
import { quoted } from "../model/quotation.ts";
import { recover } from "../recovery.ts";
import { type Engine, openEngine } from "../services/engine.ts";
import { directoryOf } from "../services/file-backend.ts";
import { lookAtSettings } from "../services/github/configured.ts";
import { holderOf, takeKernelLock } from "../services/kernel-lock.ts";
import { startTime } from "../services/liveness.ts";
import { type EarlierUpdate, markOffspring } from "../services/offspring.ts";
import { unrefused } from "../services/unrefused.ts";
import { Held, whenFree } from "../services/waiting.ts";
import { asProcess } from "./command.ts";

/** Minutes that an update is waited for which is under way elsewhere. */
const MINUTES = 15;

const usage = `npm run recover [-- [--stack NAME] [--wait MINUTES] [COMMAND …]]
  Settles what a killed update left: locks, files that were cut short, pending operations. Changes nothing otherwise.
  An update that is under way elsewhere is waited for, ${MINUTES} minutes unless --wait says otherwise.
  With a COMMAND (npm run recover -- pulumi up) it then runs that, and writes down its processes: if it is killed too,
  the next recovery on this machine knows that it is dead, and needs no question to remove its lock. A command that is
  refused because another update began first is run again, up to three times.`;

/** Options of this command, and the command that is run afterwards. */
export interface CommandLine {
  readonly stack: string | undefined;
  /** Minutes. */
  readonly wait: number;
  readonly command: readonly string[];
}

/** @throws when an option is not known, or the minutes are no number */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const first = args.findIndex((word, index) => !word.startsWith("-") && !OWN.has(args[index - 1] ?? ""));
  const own = first === -1 ? args : args.slice(0, first);
  const options = { stack: { type: "string" }, wait: { type: "string", default: String(MINUTES) } } as const;
  const { stack, wait } = parseArgs({ args: [...own], options, strict: true }).values;
  if (!/^\d{1,3}$/.test(wait)) {
    throw new Error(`--wait is ${quoted(wait)}; it must be a number of minutes: npm run recover -- --wait 5`);
  }
  return { stack, wait: Number(wait), command: first === -1 ? [] : args.slice(first) };
}

const OWN = new Set(["--stack", "--wait"]);

/**
 * Whether the holder of a lock is a process of an update that was started here by us and has ended: it was written
 * down, with its start time, and nothing of what was written down lives. Nor does another process with the holder's id:
 * the lock may be that one's.
 */
export async function isRecordedDead({ holder }: EngineLock, earlier: EarlierUpdate | undefined): Promise<boolean> {
  if (!holder || !earlier || holder.host !== hostname() || earlier.host !== hostname()) {
    return false;
  }
  const alive = await Promise.all(
    earlier.processes.map(async ({ pid, started }) => (await startTime(pid)) === started),
  );
  const isWrittenDown = earlier.processes.some(({ pid }) => pid === holder.pid);
  return isWrittenDown && !alive.includes(true) && (await startTime(holder.pid)) === undefined;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseCommandLine(args);
  const stack = options.stack ?? process.env.PULUMI_STACK ?? (await selectedStack());
  const engine = openEngine({ command: "pulumi", cwd: process.cwd(), stack });
  const project = z.object({ name: z.string() }).parse(parse(await readFile("Pulumi.yaml", "utf8"))).name;
  const { url } = cliAnswer("whoami", await pulumi("whoami", "--json"), z.object({ url: z.string() }));
  const name = `${url} ${project} ${stack}`;
  const report = (line: string) => process.stderr.write(`${line}\n`);
  const waiting = { limitMs: options.wait * 60_000, everyMs: 2_000 };
  const release = await whenFree(() => takeTurn(stack, name), { ...waiting, report });
  const directory = join(
    process.env.XDG_STATE_HOME || join(homedir(), ".local/state"),
    "mount-monitor-release",
    encodeURIComponent(name).replaceAll("%", "_").slice(-200),
  );
  await mkdir(directory, { recursive: true });
  const offspring = await markOffspring(directory);
  const { earlier } = offspring;
  const root = directoryOf(url);
  const settle = () =>
    recover({
      engine,
      backend: root === undefined ? kindOf(url) : { root, project, stack: stack.split("/").at(-1) ?? stack },
      isDead: (lock) => isRecordedDead(lock, earlier),
      settings: lookAtSettings((key) => configured(engine, project, key)),
      waiting,
      report,
    });
  await settle();
  offspring.watch();
  const code = await unrefused({
    stack,
    begin: () => run(options.command),
    isRefused: (error) => error instanceof Refused,
    settle,
    report,
  }).catch((error) => {
    if (error instanceof Refused) {
      return error.code;
    }
    throw error;
  });
  await offspring.end();
  await release();
  return code;
}

/** @throws Held while another update is under way on this machine */
async function takeTurn(stack: string, name: string): Promise<() => Promise<void>> {
  const release = await takeKernelLock(name);
  if (release === undefined) {
    const what = `stack ${stack} is held on this machine (${await holderOf(name)})`;
    throw new Held(what, `${what}: wait for it`);
  }
  return release;
}

function kindOf(backendUrl: string): "bucket" | "cloud" {
  return /^https?:/.test(backendUrl) ? "cloud" : "bucket";
}

/** The command was not begun, because another update has the stack. */
class Refused extends Error {
  override readonly name = "Refused";
  /** Its exit code. */
  readonly code: number;

  constructor(code: number) {
    super("another update has the stack");
    this.code = code;
  }
}

/** @returns the exit code @throws Refused */
async function run([command, ...args]: readonly string[]): Promise<number> {
  if (command === undefined) {
    return 0;
  }
  // Errors pass through here, to be read on the way; whether it is a terminal the CLI asks of the other two.
  const child = spawn(command, args, { stdio: ["inherit", "inherit", "pipe"] });
  child.stderr.pipe(process.stderr, { end: false });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    said = (said + piece).slice(-REFUSAL);
  });
  // The terminal sends Ctrl-C to both; whoever ends this process alone means the update too.
  const [heard, passOn] = [() => {}, () => child.kill("SIGTERM")];
  process.on("SIGINT", heard).on("SIGTERM", passOn);
  const [exit] = await once(child, "close");
  process.off("SIGINT", heard).off("SIGTERM", passOn);
  const code = typeof exit === "number" ? exit : 1;
  if (code !== 0 && isRefusal(said)) {
    throw new Refused(code);
  }
  return code;
}

/** Characters of what a command said last, in which a refusal is looked for. */
const REFUSAL = 10_000;

async function selectedStack(): Promise<string> {
  return (await pulumi("stack", "--show-name")).trim();
}

async function pulumi(...args: string[]): Promise<string> {
  const result = await execa("pulumi", [...args, "--non-interactive"], { reject: false });
  if (result.failed) {
    throw new Error(`pulumi ${args.join(" ")} failed: ${result.stderr || result.shortMessage}\n\n${usage}`);
  }
  return result.stdout;
}

async function configured(engine: Engine, project: string, key: string): Promise<string | undefined> {
  return (await engine.run(["config", "get", `${project}:${key}`]).catch(() => "")).trim() || undefined;
}

if (import.meta.main) {
  await asProcess(() => main(process.argv.slice(2)));
}
