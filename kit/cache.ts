import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { Part, Platform } from "./part.ts";
import { type PartName, versions } from "./versions.ts";

/** Where a part came from. */
export type Origin = "found" | "downloaded" | "built";

/** A part that can be used. */
export interface KitPart {
  /** Name of the executable. */
  readonly name: PartName;
  readonly version: string;
  readonly origin: Origin;
  /** Absolute path of the executable. */
  readonly path: string;
}

/** The Go module that the parts are built from. */
export const moduleDirectory = join(import.meta.dirname, "engine");

const recordSchema = z.object({
  version: z.string(),
  origin: z.enum(["found", "downloaded", "built"]),
  path: z.string(),
  size: z.number(),
  modified: z.number(),
});

/**
 * The user's cache directory.
 * Source: https://specifications.freedesktop.org/basedir-spec/latest/
 */
function userCache(): string {
  if (process.env.XDG_CACHE_HOME) {
    return process.env.XDG_CACHE_HOME;
  }
  return join(homedir(), process.platform === "darwin" ? "Library/Caches" : ".cache");
}

/** Directory of the kit whose versions, sources and platform are this project's; all clones of it share it. */
export async function kitDirectory(platform: Platform): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([versions, platform]));
  for (const file of (await sources()).sort()) {
    hash.update(`\0${file}\0`).update(await readFile(join(moduleDirectory, file)));
  }
  return join(userCache(), "mount-monitor-release", "kit", hash.digest("hex").slice(0, 16));
}

async function sources(): Promise<string[]> {
  const files = await readdir(moduleDirectory, { recursive: true });
  return files.filter((file) => /(?:\.go|go\.(?:mod|sum))$/.test(file) && !file.endsWith("_test.go"));
}

/** The parts that are there and unchanged since they were recorded; nothing is started or hashed for that. */
export async function recordedParts(home: string, wanted: readonly Part[]): Promise<KitPart[]> {
  const found = await Promise.all(wanted.map((part) => recorded(home, part)));
  return found.filter((part) => part !== undefined);
}

async function recorded(home: string, { name, version }: Part): Promise<KitPart | undefined> {
  try {
    const record = recordSchema.parse(JSON.parse(await readFile(recordPath(home, name), "utf8")));
    const { size, mtimeMs } = await stat(record.path);
    const linked = await stat(join(home, "bin", name));
    const unchanged = size === record.size && mtimeMs === record.modified && linked.size === size;
    return unchanged && record.version === version
      ? { name, version, origin: record.origin, path: record.path }
      : undefined;
  } catch {
    // Not there, not readable, or its file is gone: it is provided again.
    return undefined;
  }
}

/**
 * Takes a part into the kit: an executable that was made for it is moved there, one that was found stays where it is
 * and is linked. Each step replaces the old file at once, so that a reader sees the one or the other.
 *
 * @param file absolute path, on the kit's own file system unless it was found
 */
export async function takePart(home: string, { name, version }: Part, origin: Origin, file: string): Promise<KitPart> {
  const target = join(home, "bin", name);
  await mkdir(join(home, "bin"), { recursive: true });
  if (origin === "found") {
    const link = `${target}.${process.pid}`;
    await rm(link, { force: true });
    await symlink(file, link);
    await rename(link, target);
  } else {
    await rename(file, target);
  }
  const path = origin === "found" ? file : target;
  const { size, mtimeMs } = await stat(path);
  const record = recordPath(home, name);
  await mkdir(join(home, "parts"), { recursive: true });
  await writeFile(`${record}.${process.pid}`, JSON.stringify({ version, origin, path, size, modified: mtimeMs }));
  await rename(`${record}.${process.pid}`, record);
  return { name, version, origin, path };
}

function recordPath(home: string, name: PartName): string {
  return join(home, "parts", `${name}.json`);
}

/** A fresh directory in the kit for work under way; those of processes that have died are removed. */
export async function workDirectory(home: string): Promise<string> {
  await mkdir(home, { recursive: true });
  const abandoned = (await readdir(home)).filter((name) => name.startsWith("work-") && !lives(Number(name.slice(5))));
  await Promise.all(abandoned.map((name) => rm(join(home, name), { recursive: true, force: true })));
  const directory = join(home, `work-${process.pid}`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  return directory;
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
