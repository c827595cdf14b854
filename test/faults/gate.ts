import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, renameSync, statSync, watch, writeSync } from "node:fs";
import { basename, dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";

/** What the thread of a gate is told. */
export interface Gate {
  /** File of the stack's state. */
  readonly state: string;
  /** File of the settings of an update: written when the recovery is done and the engine is next. */
  readonly settings: string;
  /** Whose turn it is, one number: {@link TURN}. */
  readonly turn: Int32Array;
}

/** The engine waits, may go on, or the gate is taken away. */
export const TURN = { wait: 0, pass: 1, end: 2 } as const;

// The engine reads the attributes beside its state before it replaces the state. Here is a pipe in their place, from
// when an update is about to begin: the engine waits there until what it has written before is told. A thread of its
// own, because so does this.
if (parentPort) {
  const port = parentPort;
  const { state, settings, turn }: Gate = workerData;
  const pipe = `${state}.attrs`;
  execFileSync("mkfifo", [`${pipe}.new`]);
  const begun = watch(dirname(settings), (_event, file) => {
    if (file !== basename(settings)) return;
    begun.close();
    renameSync(`${pipe}.new`, pipe);
    let told = versionOf(state);
    while (Atomics.load(turn, 0) !== TURN.end) {
      const reader = openSync(pipe, "w");
      if (versionOf(state) !== told) {
        told = versionOf(state);
        port.postMessage("written");
        Atomics.wait(turn, 0, TURN.wait);
        Atomics.compareExchange(turn, 0, TURN.pass, TURN.wait);
      }
      answer(pipe, reader);
    }
  });
  port.postMessage("ready");
}

function versionOf(file: string): string {
  const { ino, mtimeNs } = statSync(file, { bigint: true, throwIfNoEntry: false }) ?? {};
  return `${ino} ${mtimeNs}`;
}

// The engine may read several times at once, 512 bytes each: for every one there is a whole text.
const ATTRIBUTES = "{}".padEnd(512).repeat(8);

function answer(pipe: string, reader: number): void {
  // It writes attributes there as well, which nobody reads: the pipe would fill.
  const drain = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    while (readSync(drain, Buffer.alloc(65_536)) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
  }
  writeSync(reader, ATTRIBUTES);
  closeSync(drain);
  closeSync(reader);
}
