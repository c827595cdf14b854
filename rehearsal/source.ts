import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isCheckout, snapshotDirectory } from "../src/services/git.ts";
import type { Options } from "./options.ts";

/**
 * Settings that follow from the directory that is released. Outside a git checkout the directory is released as it is,
 * from a commit that is made of it; a real stack refuses that.
 */
export async function sourceSettings(
  { source }: Options,
  project: string,
  local: string,
  report: (line: string) => void,
): Promise<Record<string, string>> {
  const directory = resolve(project, source ?? "app");
  if (!(await isCheckout(directory))) {
    report(
      `${directory} is not in a git checkout: it is released as it is, from a commit made of it for this rehearsal only`,
    );
    const { repository, commit } = await snapshotDirectory(directory, join(local, "snapshot.git"));
    return { source: repository, commit, ...(source ? await moduleSettings(directory) : {}) };
  }
  return source ? { source: directory, ...(await moduleSettings(directory)) } : {};
}

// Another module has its own name; where its main package lies is a setting, with Go's two usual places as the default.
async function moduleSettings(directory: string): Promise<Record<string, string>> {
  const module = /^module\s+(\S+)/m.exec(await readFile(join(directory, "go.mod"), "utf8"))?.[1] ?? "";
  const name =
    module
      .replace(/\/v\d+$/, "")
      .split("/")
      .at(-1) ?? "";
  if (name === "" || name === "mount-monitor") {
    return {};
  }
  return { binaryName: name, package: existsSync(join(directory, "cmd", name)) ? `./cmd/${name}` : "./" };
}
