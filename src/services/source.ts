import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { exportTree, fileAt } from "./git.ts";
import { isRunning } from "./liveness.ts";

// Where the repository is found is a fact of the machine. As an input of a resource it would be a change on every
// other machine, so it lies in a file that the program writes before the engine starts a build.
export const POINTER = ".build/source.json";
const EXPORTS = ".build/exports";

/** Says which repository the builds of this project take their sources from: an absolute path. */
export async function writeSource(repository: string, project = "."): Promise<void> {
  const path = join(project, POINTER);
  const temporary = `${path}.${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, `${JSON.stringify({ repository })}\n`);
  await rename(temporary, path);
}

/** The repository that the builds of this project take their sources from. @throws when the program named none */
export async function readSource(project = "."): Promise<string> {
  const path = join(project, POINTER);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT"
      ? new Error(`${path} is missing; the program writes it: run pulumi up or pulumi preview, not this script`)
      : error;
  });
  const pointer = pointerSchema.safeParse(parsed(text));
  if (!pointer.success) {
    throw new Error(`${path} names no repository: delete it and run pulumi up again`);
  }
  return pointer.data.repository;
}

const pointerSchema = z.object({ repository: z.string().refine(isAbsolute) });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Gives a function a clean export of a Go module at a commit, and removes it afterwards. Every use has its own:
 * tests may write into their directory, and nothing of that may reach a build.
 *
 * @param use gets the directory of the module
 */
export async function withExport<T>(
  { repository, commit, prefix }: { repository: string; commit: string; prefix: string },
  use: (directory: string) => Promise<T>,
  project = ".",
): Promise<T> {
  const exports = join(process.cwd(), project, EXPORTS);
  await mkdir(exports, { recursive: true });
  await removeAbandoned(exports);
  const directory = await mkdtemp(join(exports, `${process.pid}-`));
  try {
    const module = join(directory, prefix);
    // A module that replaces a dependency by a directory beside it needs that directory, too.
    const whole = prefix !== "" && reachesOut((await fileAt(repository, commit, `${prefix}/go.mod`)) ?? "");
    await exportTree(repository, commit, whole ? "" : prefix, whole ? directory : module);
    return await use(module);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function reachesOut(goMod: string): boolean {
  return /=>\s*"?\.\.\//.test(goMod);
}

// Left behind by processes that were killed.
async function removeAbandoned(exports: string): Promise<void> {
  const abandoned = (await readdir(exports)).filter((name) => !isRunning(Number.parseInt(name, 10)));
  await Promise.all(abandoned.map((name) => rm(join(exports, name), { recursive: true, force: true })));
}
