import { execa } from "execa";

/** The engine's CLI, for one stack. */
export interface Engine {
  /** Name of the stack, as `--stack` takes it. */
  readonly stack: string;
  /**
   * Runs a command of the CLI on the stack, without questions; gives its standard output.
   * @throws EngineError
   */
  run(args: readonly string[], input?: string): Promise<string>;
}

/** How the CLI is run. */
export interface EnginePlan {
  /** Path or name of the executable. */
  readonly command: string;
  /** Directory of the project. */
  readonly cwd: string;
  readonly stack: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command of the CLI that failed. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** What it said, standard output and error. */
  readonly said: string;

  constructor(command: string, said: string) {
    super(`pulumi ${command} failed:\n${said}`);
    this.said = said;
  }
}

/** The CLI, for one stack. */
export function openEngine({ command, cwd, stack, env = {} }: EnginePlan): Engine {
  return {
    stack,
    async run(args, input = "") {
      const result = await execa(command, [...args, "--stack", stack, "--non-interactive", "--color", "never"], {
        cwd,
        env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" },
        input,
        reject: false,
        stripFinalNewline: false,
      });
      if (result.failed) {
        const said = [result.stdout, result.stderr].join("").trim();
        throw new EngineError(args.slice(0, 2).join(" "), said || String(result.shortMessage));
      }
      return result.stdout;
    },
  };
}
