import { randomUUID } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

/** Variable that everything a rehearsal starts inherits, whoever starts it: engine, plugins, compilers. */
const VARIABLE = "MOUNT_MONITOR_REHEARSAL";
/** How long a process may take to end in good order before it is killed. */
const GRACE_MS = 2_000;

/**
 * Marks all that this process starts from now on with an id of its own, and ends what an earlier rehearsal in this
 * directory left: the plugins of a killed engine outlive it, in groups of their own. The id is recorded and unique, so
 * nothing else is ever met. Linux only; elsewhere nothing is found.
 *
 * @param local absolute path of the directory that holds the record; the caller holds its lock
 * @returns what ends all that was started since
 */
export async function markOffspring(local: string): Promise<() => Promise<void>> {
  const file = join(local, "offspring-id");
  const earlier = await readFile(file, "utf8").catch(() => undefined);
  if (earlier !== undefined) {
    await endOffspring(earlier);
  }
  const id = randomUUID();
  await writeFile(`${file}.new`, id);
  await rename(`${file}.new`, file);
  process.env[VARIABLE] = id;
  return () => endOffspring(id);
}

async function endOffspring(id: string): Promise<void> {
  const deadline = performance.now() + GRACE_MS;
  for (let alive = await offspring(id); alive.length > 0; alive = await offspring(id)) {
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

/** Source: proc_pid_environ(5): what a process was started with; empty for one that has ended. */
async function offspring(id: string): Promise<number[]> {
  const entry = `\0${VARIABLE}=${id}\0`;
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
