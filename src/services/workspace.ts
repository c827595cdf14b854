import { randomUUID } from "node:crypto";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Bytes that a release writes below the project, generously: binaries, their staged copies, two exported indices. */
const NEEDED = 256 * 1024 * 1024;

/**
 * Sees before anything is built that the directories which a release writes can take it.
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
  const probe = join(directory, `.writable-${randomUUID()}`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(probe, Buffer.alloc(4096));
    await rm(probe);
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize < needed
      ? `${directory} is on a disk with ${megabytes(bavail * bsize)} MB free, and a release needs ${megabytes(needed)} MB: free some space`
      : undefined;
  } catch (error) {
    await rm(probe, { force: true }).catch(() => undefined);
    return `${directory} cannot be written (${error instanceof Error ? error.message : error}): give this user the right to write it, or free some space`;
  }
}

function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024);
}
