import { messageOf } from "../model/quotation.ts";

/**
 * Runs what a process is for. Its exit code is what that gives, 0 for nothing; what it refuses with is the process's last
 * line on standard error, with the exit code 1 and no stack trace of ours.
 */
export async function asProcess(command: () => Promise<number> | Promise<void>): Promise<void> {
  try {
    process.exitCode = (await command()) ?? 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}
