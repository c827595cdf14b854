import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { waitForKernelLock } from "../src/services/kernel-lock.ts";
import { buildParts } from "./build.ts";
import { type KitPart, kitDirectory, type Origin, recordedParts, takePart, workDirectory } from "./cache.ts";
import { downloadPart, sitesAnswer } from "./download.ts";
import { duration } from "./duration.ts";
import { findPart } from "./found.ts";
import { currentPlatform, type Part, type Platform, partsFor } from "./part.ts";

export type { KitPart } from "./cache.ts";

/** What the program needs to run, ready to be used. */
export interface Kit {
  /** One directory that holds every part under its name. */
  readonly bin: string;
  readonly parts: readonly KitPart[];
}

/** How the kit is provided. */
export interface KitOptions {
  /** Receives the progress, one line at a time; nothing when all is there. */
  readonly report: (line: string) => void;
  /** Names of the parts that are needed; all by default. */
  readonly only?: readonly string[];
}

/**
 * Provides the kit. Each part is, in this order: taken as it is when the machine has exactly this version; downloaded
 * from its official site; built from Go modules. Whether the sites can be reached is found out once for all parts.
 * What was provided stays in the user's cache, under a key of everything that it is made from.
 *
 * The download could not be tried where this was written: only the module proxy could be reached there.
 *
 * @throws when a name in `only` is unknown, the platform is not supported, or a part can be had in none of these ways
 */
export async function provisionKit({ report, only }: KitOptions): Promise<Kit> {
  const platform = currentPlatform();
  const wanted = select(partsFor(platform), only);
  const home = await kitDirectory(platform);
  let present = await recordedParts(home, wanted);
  if (present.length < wanted.length) {
    const giveFree = await waitForKernelLock(home, () => report("kit: another process is providing it; waiting"));
    try {
      present = await recordedParts(home, wanted);
      await provide(without(wanted, present), platform, home, report);
    } finally {
      await giveFree();
    }
    present = await recordedParts(home, wanted);
  }
  return { bin: join(home, "bin"), parts: present };
}

/** What the kit holds now; nothing is provided. */
export async function inspectKit(): Promise<{ readonly home: string; readonly rows: readonly (KitPart | Part)[] }> {
  const platform = currentPlatform();
  const home = await kitDirectory(platform);
  const wanted = partsFor(platform);
  const present = await recordedParts(home, wanted);
  return { home, rows: wanted.map((part) => present.find(({ name }) => name === part.name) ?? part) };
}

async function provide(missing: readonly Part[], platform: Platform, home: string, report: (line: string) => void) {
  if (missing.length === 0) {
    return;
  }
  const started = performance.now();
  const taken: KitPart[] = [];
  const take = async (part: Part, origin: Origin, file: string) => {
    const { name, version, path } = await takePart(home, part, origin, file);
    taken.push({ name, version, origin, path });
    const where = origin === "found" ? ` at ${path}` : "";
    report(`kit: ${name} ${version} ${origin}${where} (${duration(performance.now() - started)})`);
  };
  await writeRuncNotice(home);
  await Promise.all(
    missing.map(async (part) => {
      const path = await findPart(part);
      await (path === undefined ? undefined : take(part, "found", path));
    }),
  );
  const absent = without(missing, taken);
  if (absent.length === 0) {
    return;
  }
  const work = await workDirectory(home);
  try {
    if (await sitesAnswer(absent, platform)) {
      report(`kit: downloading ${names(absent)}`);
      await Promise.all(
        absent.map(async (part) => {
          try {
            await take(part, "downloaded", await downloadPart(part, platform, work));
          } catch (error) {
            report(
              `kit: ${part.name} ${part.version} was not downloaded: ${error instanceof Error ? error.message : error}`,
            );
          }
        }),
      );
    } else {
      report("kit: the download sites cannot be reached");
    }
    const unavailable = without(missing, taken);
    if (unavailable.length > 0) {
      report(`kit: building ${names(unavailable)} from Go modules, once for this machine. ${EXPECTATION}`);
      await buildParts(unavailable, platform, work, (part, path) => take(part, "built", path));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** How long a build takes: measured, with Go's module and build caches empty and with both full. */
const EXPECTATION = "That takes five to fifteen minutes on two cores, and ten seconds when Go's caches are full.";

function select(parts: readonly Part[], only: readonly string[] | undefined): readonly Part[] {
  const unknown = (only ?? []).filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    throw new Error(`the kit has no part ${unknown.map((name) => `"${name}"`).join(", ")}; it has ${names(parts)}`);
  }
  return parts.filter(({ name }) => only?.includes(name) ?? true);
}

function without(parts: readonly Part[], present: readonly KitPart[]): readonly Part[] {
  return parts.filter(({ name }) => !present.some((other) => other.name === name));
}

function names(parts: readonly Part[]): string {
  return parts.map(({ name }) => name).join(", ");
}

/**
 * BuildKit wants to find a `runc` when it starts, also when no build ever runs a program in a container, which an image
 * `FROM scratch` without a `RUN` does not. This one says so if it is called after all.
 */
async function writeRuncNotice(home: string): Promise<void> {
  const text = `#!/bin/sh
echo 'This build runs a program in a container (RUN in the Dockerfile) and there is no runc on the PATH: install runc.' >&2
exit 70
`;
  await mkdir(join(home, "bin"), { recursive: true });
  const path = join(home, "bin", "runc");
  await writeFile(`${path}.${process.pid}`, text, { mode: 0o755 });
  await rename(`${path}.${process.pid}`, path);
}
