import { join } from "node:path";
import { execa } from "execa";

/** A script of `src/commands/` that has ended. */
export interface ScriptResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script of `src/commands/` as the engine does: by node, in the project's directory, told by its environment. */
export async function script(
  name: "build" | "test" | "artifacts",
  project: string,
  environment: Readonly<Record<string, string>>,
  umask = "022",
): Promise<ScriptResult> {
  const path = join(import.meta.dirname, "../../src/commands", `${name}.ts`);
  const args = ["-c", 'umask "$1"; shift; exec "$@"', "sh", umask, process.execPath, path];
  const { exitCode, stdout, stderr } = await execa("sh", args, { cwd: project, env: environment, reject: false });
  return { exitCode, stdout, stderr };
}
