import * as pulumi from "@pulumi/pulumi";
import { type PlainSettings, parseSettings } from "./model/configuration.ts";

/** All settings of an update: checked, read-only, secrets as secret outputs. */
export interface Settings extends Omit<PlainSettings, "githubToken" | "registryPassword" | "secrets"> {
  /** Token for GitHub, when the stack has one; otherwise plugins find `GITHUB_TOKEN` in the environment themselves. */
  readonly githubToken?: pulumi.Output<string>;
  readonly registryPassword?: pulumi.Output<string>;
  /** Actions secrets: name → value. */
  readonly secrets: Readonly<Record<string, pulumi.Output<string>>>;
}

/**
 * Reads the stack configuration and the environment: nothing else in the program does.
 * @throws listing every problem, each with the setting, its value and the command that mends it
 */
export function readSettings(environment: NodeJS.ProcessEnv = process.env): Settings {
  const config = pulumi.runtime.allConfig();
  const parsed = parseSettings({ config, environment, secretKeys: Object.keys(config).filter(isEncrypted) });
  if (!parsed.ok) {
    throw new pulumi.RunError(`the settings of this stack are not valid:\n${parsed.problems.join("\n")}`);
  }
  const { githubToken, registryPassword, secrets, ...plain } = parsed.settings;
  return {
    ...plain,
    ...(githubToken === undefined ? {} : { githubToken: pulumi.secret(githubToken) }),
    ...(registryPassword === undefined ? {} : { registryPassword: pulumi.secret(registryPassword) }),
    secrets: Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, pulumi.secret(value)])),
  };
}

// The SDK knows which values were encrypted, but leaves the question out of its types.
function isEncrypted(key: string): boolean {
  const ask: unknown = Reflect.get(pulumi.runtime, "isConfigSecret");
  return typeof ask === "function" && ask(key) === true;
}
