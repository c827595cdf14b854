import { randomUUID } from "node:crypto";
import { rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { shown } from "../model/quotation.ts";

/** Bytes that a release writes below the project, generously: binaries, their staged copies, two exported indices. */
const NEEDED = 256 * 1024 * 1024;

/**
 * Sees before anything is built that the directories which a release writes can take it. Those that are not there yet
 * are not made: what holds them must be writable.
 *
 * @param needed bytes that must be free
 * @throws naming every directory that cannot be written or is on a disk that is full
 */
export async function expectWritable(directories: readonly string[], needed: number = NEEDED): Promise<void> {
  const problems = await Promise.all(directories.map((directory) => problemOf(directory, needed)));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) {
    throw new Error(found.join("\n"));
  }
}

async function problemOf(directory: string, needed: number): Promise<string | undefined> {
  const place = await nearest(resolve(directory));
  const probe = join(place, `.writable-${randomUUID()}`);
  try {
    await writeFile(probe, Buffer.alloc(4096));
    await rm(probe);
    const { bavail, bsize } = await statfs(place);
    return bavail * bsize < needed
      ? `${shown(directory)} is on a disk with ${megabytes(bavail * bsize)} MB free, and a release needs ${megabytes(needed)} MB: free some space`
      : undefined;
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined);
    const reason = error instanceof Error && "code" in error ? error.code : error;
    return `${shown(directory)} cannot be written (${reason}): it must be a directory that this user may write to, on a disk with space left`;
  }
}

/** The path itself, or the first one above it that exists. */
async function nearest(path: string): Promise<string> {
  const above = dirname(path);
  return above === path || (await stat(path).catch(() => undefined)) ? path : nearest(above);
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
