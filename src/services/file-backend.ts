import { copyFile, readdir, readFile, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { type EngineLock, parseLock } from "../model/engine-lock.ts";
import { exportSchema } from "../model/pending-operation.ts";

/** Where a stack lies in a backend that is a directory. */
export interface StackFiles {
  /** Absolute path of the backend. */
  readonly root: string;
  readonly project: string;
  readonly stack: string;
}

/** The directory of a backend, `file:///srv/state`; undefined for any other backend. */
export function directoryOf(backendUrl: string): string | undefined {
  const path = /^file:\/\/([^?]*)/.exec(backendUrl)?.[1];
  return path === undefined ? undefined : resolve(path.replace(/^~(?=$|\/)/, homedir()) || "/");
}

/** The engine's locks on a stack. */
export async function locksOf(files: StackFiles): Promise<EngineLock[]> {
  const directory = locksIn(files);
  const names = await readdir(directory).catch(() => []);
  return Promise.all(
    names
      .filter((name) => !name.endsWith(".attrs"))
      .map(async (name) => {
        const path = join(directory, name);
        return parseLock(path, await readFile(path, "utf8").catch(() => ""));
      }),
  );
}

/**
 * Removes one lock, where `pulumi cancel` removes all: also one that was made a moment ago.
 * Source: pulumi pkg/backend/diy/lock.go, `Unlock`.
 *
 * @param where path of the lock, or the address that the engine names when it is refused
 */
export async function removeLock(files: StackFiles, where: string): Promise<void> {
  const path = join(locksIn(files), basename(where.replace(/[?].*$/, "")));
  await Promise.all([path, `${path}.attrs`].map((file) => rm(file, { force: true })));
}

function locksIn({ root, project, stack }: StackFiles): string {
  return join(root, ".pulumi/locks/organization", project, stack);
}

/**
 * Mends files that a kill cut short. Beside each file the backend keeps its attributes, and refuses the file when they
 * are not whole; it needs none. In the place of a state that is not whole comes the copy that the engine made before it.
 * Only for a stack that no update writes.
 *
 * @returns what was mended, a sentence each
 */
export async function mendFiles({ root, project, stack }: StackFiles): Promise<string[]> {
  const mended: string[] = [];
  const home = join(root, ".pulumi");
  for (const name of await readdir(home, { recursive: true }).catch(() => [])) {
    if (name.endsWith(".attrs") && !(await isWhole(join(home, name)))) {
      await rm(join(home, name), { force: true });
      mended.push(`removed ${join(home, name)}, which was cut short`);
    }
  }
  const file = join(home, "stacks", project, `${stack}.json`);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text !== undefined && !isJson(text)) {
    const copy = `${file}.bak`;
    const restored = await isWhole(copy);
    await (restored ? copyFile(copy, file) : rm(file));
    mended.push(
      `the state ${file} was cut short: ${restored ? "the copy before it takes its place" : "there is no copy, the stack begins anew"}`,
    );
  }
  return mended;
}

// 4 is 3 with a list of features that a reader must know: resource hooks, for example.
const stateSchema = z.object({
  version: z.literal([3, 4]),
  features: z.array(z.string()).optional(),
  checkpoint: z.object({ latest: z.unknown() }),
});

/**
 * What `pulumi stack export` prints, without a start of the CLI: the checkpoint's deployment, secrets encrypted as they
 * are. Source: pulumi pkg/backend/diy/backend.go, `ExportDeployment`.
 *
 * @returns undefined for a state that this program cannot plainly read: the CLI knows more forms
 */
export async function exportedState({ root, project, stack }: StackFiles): Promise<string | undefined> {
  const text = await readFile(join(root, ".pulumi/stacks", project, `${stack}.json`), "utf8").catch(() => "");
  const { data: state } = stateSchema.safeParse(isJson(text) ? JSON.parse(text) : undefined);
  const { version, features, checkpoint } = state ?? {};
  const { data } = exportSchema.safeParse({ version, features, deployment: checkpoint?.latest });
  return data && JSON.stringify(data);
}

/**
 * Whether the last operation of the engine on a stack, as its history tells, failed: an update, a refresh, an import. One
 * that was killed is not told of. Source: pulumi pkg/backend/diy/state.go, `addToHistory`.
 *
 * @returns undefined for a history that this program cannot plainly read: the CLI knows more forms
 */
export async function hasFailed({ root, project, stack }: StackFiles): Promise<boolean | undefined> {
  const directory = join(root, ".pulumi/history", project, stack);
  const names = await readdir(directory).catch(() => []);
  // Named by nanoseconds since 1970.
  const last = names
    .filter((name) => /\.history\.json(\.|$)/.test(name) && !name.endsWith(".attrs"))
    .sort()
    .at(-1);
  if (last === undefined) {
    return names.length > 0 ? undefined : false;
  }
  const text = await readFile(join(directory, last), "utf8").catch(() => "");
  const { data } = historySchema.safeParse(isJson(text) ? JSON.parse(text) : undefined);
  return data && data.result === "failed";
}

const historySchema = z.object({ result: z.string() });

/** Whether no file is the stack's: a state may be compressed, and lay one level higher before there were projects. */
export async function isAbsent({ root, project, stack }: StackFiles): Promise<boolean> {
  const home = join(root, ".pulumi/stacks");
  const names = await Promise.all([home, join(home, project)].map((place) => readdir(place).catch(() => [])));
  return !names.flat().some((name) => name === `${stack}.json` || name === `${stack}.json.gz`);
}

async function isWhole(file: string): Promise<boolean> {
  return isJson(await readFile(file, "utf8").catch(() => ""));
}

/** Whether a text is whole JSON: a file that a kill cut short is not. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
