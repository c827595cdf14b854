import { spawn } from "node:child_process";
import { once } from "node:events";

/** The process group of this process: what a terminal sends Ctrl-C to. */
export interface ProcessGroup extends AsyncDisposable {
  /** Whether a signal that this process has just received was sent to the whole group, and so to its children, too. */
  signalled(): Promise<boolean>;
}

/**
 * Starts a witness: a process that only answers what it is asked, and that ends by whatever signal the group gets. Asked
 * after a signal, it answers when the signal was not for the group: no system tells a receiver whom else it went to.
 */
export function watchGroup(): ProcessGroup {
  const witness = spawn("cat", { stdio: ["pipe", "pipe", "ignore"] });
  // It reads no more once it has ended.
  witness.stdin.on("error", () => {});
  const ended = once(witness, "exit").then(() => true);
  return {
    signalled() {
      const answered = once(witness.stdout, "data").then(() => false);
      witness.stdin.write("?");
      return Promise.race([answered, ended]);
    },
    async [Symbol.asyncDispose]() {
      witness.stdin.end();
      await ended;
    },
  };
}
