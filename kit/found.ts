import { homedir } from "node:os";
import { join, sep } from "node:path";
import { execa } from "execa";
import type { Part } from "./part.ts";
import { executablesOnPath, isExecutable } from "./search-path.ts";

/**
 * Path of an executable of exactly this part's version that the machine already has.
 *
 * Plugins are looked for where Pulumi installs them, under their version; a plugin on the PATH does not tell its
 * version and is not taken. Neither is what npm packages put on the PATH: those are scripts of one clone that
 * download on first use, and the kit outlives the clone.
 */
export async function findPart({ name, version, ask }: Part): Promise<string | undefined> {
  const pulumiHome = process.env.PULUMI_HOME || join(homedir(), ".pulumi");
  if (ask === undefined) {
    const path = join(pulumiHome, "plugins", `${name.replace("pulumi-", "")}-v${version}`, name);
    return isExecutable(path) ? path : undefined;
  }
  const candidates = executablesOnPath(name).filter((path) => !path.includes(`${sep}node_modules${sep}`));
  for (const path of [...candidates, join(pulumiHome, "bin", name)].filter(isExecutable)) {
    const { stdout, failed } = await execa(path, [...ask], { reject: false, timeout: 5_000, stdin: "ignore" });
    if (!failed && printsVersion(stdout, version)) {
      return path;
    }
  }
  return undefined;
}

/** Whether a version, with or without a `v`, stands in a text as a word of its own. */
export function printsVersion(text: string, version: string): boolean {
  return text.split(/\s+/).some((word) => word === version || word === `v${version}`);
}
