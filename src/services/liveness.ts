import { readFile } from "node:fs/promises";
import { execa } from "execa";

/** Whether a process with this id runs, whoever it belongs to. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * When a process started, as text that is only good for comparing; undefined when there is no such process. With the id
 * it names one process for good, because ids are given again.
 * Source: proc_pid_stat(5), field 22; elsewhere ps(1).
 */
export async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    const { stdout } = await execa("ps", ["-o", "lstart=", "-p", `${pid}`], { reject: false });
    return stdout?.trim() || undefined;
  }
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The name in parentheses may hold anything, so fields are counted from its end; a zombie has ended.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields === undefined || fields[0] === "Z" ? undefined : fields[19];
}
