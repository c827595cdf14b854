import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { NAMESPACE } from "../model/setting.ts";
import { type StackSettings, stackFile } from "../model/stack-file.ts";
import { EngineError, openEngine } from "../services/engine.ts";

/** A stack, as it is and as it shall be. */
export interface StackPlan {
  /** Name, `prod`. */
  readonly stack: string;
  readonly backend: string;
  /** Passphrase of a self-managed backend's secrets; undefined where the environment has it, or there is none. */
  readonly passphrase: string | undefined;
}

/** The CLI on one stack, told by its environment alone which backend and passphrase there is. */
export interface InitStack {
  readonly file: string;
  /** Text of the file; undefined when there is none. */
  existing(): Promise<string | undefined>;
  /** The stored token in clear text; undefined when there is no stack or no token yet. */
  storedToken(): Promise<string | undefined>;
  /** Makes the stack where it is not there, and brings the file up to date; gives what was done, nothing when nothing. */
  write(settings: StackSettings, token: string): Promise<readonly string[]>;
}

/** The environment in which the CLI finds backend and passphrase. */
export function environmentOf({ backend, passphrase }: StackPlan): Record<string, string> {
  return {
    PULUMI_BACKEND_URL: backend,
    PULUMI_SKIP_UPDATE_CHECK: "true",
    ...(passphrase === undefined ? {} : { PULUMI_CONFIG_PASSPHRASE: passphrase }),
  };
}

export function openStack(plan: StackPlan): InitStack {
  const { stack } = plan;
  const file = `Pulumi.${stack}.yaml`;
  const env = environmentOf(plan);
  const engine = openEngine({ command: "pulumi", cwd: process.cwd(), stack, env });
  const key = `${NAMESPACE}:githubToken`;

  return {
    file,
    existing,
    storedToken,
    async write(settings, token) {
      const done: string[] = [];
      if (!(await exists())) {
        await engine.run(["stack", "init"]);
        done.push(`stack ${stack} was made in ${plan.backend}`);
      }
      const before = await existing();
      const text = stackFile(before, settings);
      const encrypt = (await storedToken()) !== token;
      if (text === before && !encrypt) {
        return done;
      }
      // All or nothing: the file is replaced when the token is encrypted in its successor.
      const next = `.${file.replace(/\.yaml$/, ".next.yaml")}`;
      try {
        await writeFile(next, text);
        if (encrypt) {
          await engine.run(["config", "set", "--secret", key, "--config-file", next], token);
        }
        await rename(next, file);
      } finally {
        await rm(next, { force: true });
      }
      done.push(`${file} was written${encrypt ? ", the token in it encrypted" : ""}`);
      return done;
    },
  };

  async function existing(): Promise<string | undefined> {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async function exists(): Promise<boolean> {
    try {
      await engine.run(["stack", "--show-name"]);
      return true;
    } catch (error) {
      if (error instanceof EngineError && error.said.includes("no stack named")) return false;
      throw error;
    }
  }

  async function storedToken(): Promise<string | undefined> {
    try {
      return (await engine.run(["config", "get", key])).replace(/\n$/, "");
    } catch (error) {
      if (error instanceof EngineError && /no stack named|configuration key .* not found/.test(error.said)) {
        return undefined;
      }
      throw error;
    }
  }
}
