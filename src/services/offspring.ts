import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { startTime } from "./liveness.ts";

/** Variable that everything an update starts inherits, whoever starts it: engine, plugins, compilers. */
export const OFFSPRING = "MOUNT_MONITOR_UPDATE";
/** How long a process may take to end in good order before it is killed. */
const GRACE_MS = 2_000;
/** How often the processes of an update are written down while it runs. */
const RECORD_MS = 200;

const recordSchema = z.object({
  id: z.uuid(),
  host: z.string(),
  processes: z.array(z.object({ pid: z.int(), started: z.string() })).readonly(),
});

/** An update that an earlier process started in a directory, and that did not end in good order. */
export type EarlierUpdate = z.infer<typeof recordSchema>;

/** The update of this process. */
export interface Offspring {
  /** What an earlier one left; all of its processes have ended by now. */
  readonly earlier: EarlierUpdate | undefined;
  /** Writes down every process that this one has started, again and again until the end. */
  watch(): void;
  /** Ends all that was started since; the record is gone then. */
  end(): Promise<void>;
}

/**
 * Marks all that this process starts from now on with an id of its own, and ends what an earlier one in this directory
 * left: the plugins of a killed engine outlive it, in groups of their own. The id is recorded and unique, so nothing
 * else is ever met. Linux only; elsewhere nothing is found.
 *
 * @param directory absolute path of the directory that holds the record; the caller holds its lock
 */
export async function markOffspring(directory: string): Promise<Offspring> {
  const file = join(directory, "offspring.json");
  const earlier = await readRecord(file);
  if (earlier !== undefined) {
    await endOffspring(earlier.id);
  }
  const id = randomUUID();
  // What the earlier one was stays written down until this one has ended in good order.
  const known = new Map((earlier?.processes ?? []).map((entry) => [`${entry.pid} ${entry.started}`, entry]));
  const write = async () => {
    await writeFile(`${file}.new`, JSON.stringify({ id, host: hostname(), processes: [...known.values()] }));
    await rename(`${file}.new`, file);
  };
  await write();
  process.env[OFFSPRING] = id;
  let timer: NodeJS.Timeout | undefined;
  let recording = Promise.resolve();
  const record = async () => {
    const before = known.size;
    for (const pid of await processesWith(OFFSPRING, id)) {
      const started = await startTime(pid);
      if (started !== undefined) {
        known.set(`${pid} ${started}`, { pid, started });
      }
    }
    await (known.size > before && write());
  };
  return {
    earlier,
    watch() {
      timer = setInterval(() => {
        recording = recording.then(record);
      }, RECORD_MS).unref();
    },
    async end() {
      clearInterval(timer);
      await recording;
      await endOffspring(id);
      await rm(file, { force: true });
    },
  };
}

async function readRecord(file: string): Promise<EarlierUpdate | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    // Never written, or cut short by a crash of the machine, after which no process is left.
    return undefined;
  }
}

async function endOffspring(id: string): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  for (let alive = await processesWith(OFFSPRING, id); alive.length > 0; alive = await processesWith(OFFSPRING, id)) {
    const name = performance.now() > deadline ? "SIGKILL" : "SIGTERM";
    for (const pid of alive) {
      try {
        process.kill(pid, name);
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) {
          throw error;
        }
      }
    }
    // They are not children of this process, so there is no event.
    await wait(20);
  }
}

/**
 * Ids of the processes that were started with a variable of this value in their environment, without this one.
 * Source: proc_pid_environ(5); empty for one that has ended.
 */
export async function processesWith(variable: string, value: string): Promise<number[]> {
  const entry = `\0${variable}=${value}\0`;
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      // Of another user, or gone in the meantime.
      const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
      return pid !== process.pid && `\0${environment}`.includes(entry) ? [pid] : [];
    }),
  );
  return found.flat();
}
