import { messageOf } from "../model/quotation.ts";

/**
 * Runs what a process is for. Its exit code is what that gives, 0 for nothing; what it refuses with is the process's last
 * line on standard error, with the exit code 1 and no stack trace of ours.
 */
export async function asProcess(command: () => Promise<number> | Promise<void>): Promise<void> {
  outliveReaders();
  try {
    process.exitCode = (await command()) ?? 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

/**
 * Whoever stops reading what a process shows (`… | head`) does not stop what it does: an update is not left half done for
 * that. Without this the SDK, which reports every uncaught error on standard error, would report that one without end.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") {
        throw error;
      }
    });
  }
}
