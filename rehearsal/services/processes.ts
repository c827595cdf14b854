import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { endingWithParent } from "../../kit/parent-death.ts";
import { startTime } from "../../src/services/liveness.ts";

/** How long a process may take to end in good order before it is killed. */
const GRACE_MS = 5_000;

const recordSchema = z.object({ pid: z.int().min(2), started: z.string(), command: z.string() });
type ProcessRecord = z.infer<typeof recordSchema>;

/** How a process is started. */
export interface ProcessPlan {
  /** For messages. */
  readonly name: string;
  /** Absolute path of the executable. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** File that takes standard error, and standard output unless `output` takes it; appended to. */
  readonly log: string;
  readonly output?: string;
}

/** A process that was started. */
export interface StartedProcess {
  readonly pid: number;
  /**
   * Waits until `ready` says so.
   *
   * @throws when the process ends before, with the end of its log
   */
  until(ready: () => Promise<boolean>): Promise<void>;
}

/**
 * The processes of one rehearsal. Each is recorded with its start time in `processes.json`, so that a later run can end
 * what a killed one left. They get no Ctrl-C from the terminal: they are ended in order by `stopAll`, at the latest,
 * without order, when this process exits; and by the system when it is killed, where the system can do that.
 */
export class Processes {
  readonly #file: string;
  readonly #running = new Map<ChildProcess, ProcessRecord>();

  /** @param local absolute path of the directory that holds the record */
  constructor(local: string) {
    this.#file = recordFile(local);
    process.once("exit", this.#killAll);
  }

  /** Starts a process and records it. */
  async start({ name, command, args, env, log, output }: ProcessPlan): Promise<StartedProcess> {
    mkdirSync(dirname(log), { recursive: true });
    const errors = openSync(log, "a");
    const out = output === undefined ? errors : openSync(output, "a");
    const [program, ...programArgs] = endingWithParent([command, ...args]);
    const child = spawn(program, programArgs, {
      env: { ...process.env, ...env },
      stdio: ["ignore", out, errors],
      detached: true,
    });
    for (const descriptor of new Set([errors, out])) {
      closeSync(descriptor);
    }
    await once(child, "spawn");
    const { pid = 0 } = child;
    const started = await startTime(pid);
    if (started !== undefined) {
      this.#running.set(child, { pid, started, command });
      this.#write();
    }
    child.once("exit", () => this.#forget(child));
    return {
      pid,
      until: async (ready) => {
        while (!(await ready())) {
          if (child.exitCode !== null || child.signalCode !== null) {
            throw new Error(
              `${name} ended with ${child.exitCode ?? child.signalCode} as it started; ${log} ends with:\n${await tail(log)}`,
            );
          }
          // Neither a socket nor a port tells when somebody begins to listen.
          await wait(20);
        }
      },
    };
  }

  /** Ends all processes, the last one first, and waits until they are gone. */
  async stopAll(): Promise<void> {
    for (const child of [...this.#running.keys()].reverse()) {
      await end(child);
    }
    process.off("exit", this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const { pid } of this.#running.values()) {
      signal(pid, "SIGKILL");
    }
  };

  #forget(child: ChildProcess): void {
    this.#running.delete(child);
    this.#write();
  }

  #write(): void {
    writeRecords(this.#file, [...this.#running.values()]);
  }
}

/**
 * Ends what an earlier rehearsal in this directory left running, because it was killed: processes whose id and start
 * time are both the recorded ones, never by name. Returns what was ended.
 */
export async function endLeftovers(local: string): Promise<string[]> {
  const file = recordFile(local);
  const ended: string[] = [];
  for (const record of readRecords(file)) {
    if (!(await isAlive(record))) {
      continue;
    }
    signal(record.pid, "SIGTERM");
    const deadline = performance.now() + GRACE_MS;
    while (await isAlive(record)) {
      if (performance.now() > deadline) {
        signal(record.pid, "SIGKILL");
      }
      // The process is not a child of this one, so there is no event.
      await wait(20);
    }
    ended.push(`${record.command} (process ${record.pid})`);
  }
  writeRecords(file, []);
  return ended;
}

async function isAlive({ pid, started }: ProcessRecord): Promise<boolean> {
  return (await startTime(pid)) === started;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await gone;
  clearTimeout(timer);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) {
      throw error;
    }
  }
}

function recordFile(local: string): string {
  return join(local, "processes.json");
}

function readRecords(file: string): readonly ProcessRecord[] {
  try {
    return z.array(recordSchema).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    // Never written, or cut short by a crash of the machine, after which no process is left.
    return [];
  }
}

// Without waiting, so that no process is ever unrecorded while something else happens.
function writeRecords(file: string, records: readonly ProcessRecord[]): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(records)}\n`);
  renameSync(`${file}.new`, file);
}

async function tail(file: string): Promise<string> {
  return (await readFile(file, "utf8")).trimEnd().split("\n").slice(-10).join("\n");
}
