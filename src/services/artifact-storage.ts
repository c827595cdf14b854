import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { artifactPath, type BinaryArtifact } from "../model/artifact.ts";
import { type ArtifactEntry, moved, parseEntry, retired, timeOf } from "../model/artifact-life.ts";
import { sha256 } from "../model/checksums.ts";
import { isRunning } from "./liveness.ts";

/** What an artifact is before it has bytes. */
export type PlannedArtifact = Pick<BinaryArtifact, "name" | "architecture" | "version"> & {
  /** Full id of the commit that it is built from. */
  readonly commit: string;
};

/** Bytes that were found as they should be, or one sentence that says why not. */
export type Found = { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly reason: string };

/** Where the artifact storage lies when nothing else is said, relative to the project. */
export const STORAGE = ".artifacts";

/**
 * Opens the artifact storage of a directory. Nothing is read or made until it is used.
 *
 * @param now milliseconds since the epoch; the clock of the tests replaces it
 */
export function openStorage(directory: string = STORAGE, now: () => number = Date.now): ArtifactStorage {
  return new ArtifactStorage(directory, now);
}

/**
 * Binary Artifacts by the SHA-256 of their bytes. Stored bytes are never changed; every read compares them with their
 * name, and what differs is moved aside. The index has a file for each artifact, so that builds which run at the same
 * time never write the same one. Every write is complete or not there.
 */
export class ArtifactStorage {
  readonly #directory: string;
  readonly #now: () => number;

  constructor(directory: string, now: () => number) {
    this.#directory = resolve(directory);
    this.#now = now;
  }

  /** The artifact that the same request made before; undefined when it must be built (again). */
  async find(key: string): Promise<BinaryArtifact | undefined> {
    const entry = await this.#entry(key);
    if (entry?.checksum === undefined || entry.size === undefined || entry.deletedAt !== undefined) {
      return undefined;
    }
    return (await this.has(entry.checksum)) ? artifactOf(entry, entry.checksum, entry.size) : undefined;
  }

  /**
   * Records that this process builds an artifact. What a process that died left behind is begun again; two that build
   * the same make the same bytes.
   *
   * @returns where the build may write the executable: a file of its own, on the storage's file system
   */
  async begin(key: string, planned: PlannedArtifact): Promise<string> {
    await this.#removeAbandoned();
    const now = timeOf(this.#now());
    const { name, architecture, version, commit } = planned;
    const fresh = { key, name, architecture, version, commit, createdAt: now, usedAt: now } as const;
    await this.#write({ ...fresh, state: "building", pid: process.pid });
    return this.#temporary(name);
  }

  /**
   * Stores what a build wrote, under the SHA-256 of its bytes.
   *
   * @param file path that {@link begin} gave; it is moved
   * @throws when nothing was begun with this key
   */
  async complete(key: string, file: string): Promise<BinaryArtifact> {
    const entry = await this.#entry(key);
    if (!entry) {
      throw new Error(`artifact storage ${this.#directory} has no build with key ${key} in progress: build it again`);
    }
    const bytes = await readFile(file);
    return this.#stored(entry, bytes, file);
  }

  /** Forgets a build that failed, and what it wrote. */
  async abandon(key: string, file: string): Promise<void> {
    await rm(file, { force: true });
    if ((await this.#entry(key))?.state === "building") {
      await rm(this.#entryPath(key), { force: true });
    }
  }

  /**
   * Stores the bytes of an artifact that was published, for a storage that has lost them or never had them.
   *
   * @throws naming both checksums when they are not its bytes
   */
  async restore(artifact: BinaryArtifact, commit: string, bytes: Uint8Array): Promise<void> {
    const checksum = sha256(bytes);
    if (checksum !== artifact.checksum || bytes.length !== artifact.size) {
      throw new Error(
        `binary ${artifact.name} ${artifact.version} was to be restored: ${difference(artifact.checksum, checksum, bytes.length)}`,
      );
    }
    const known = (await this.entries()).filter((entry) => entry.checksum === checksum && isKept(entry));
    if (known.length > 0) {
      await this.#put(checksum, bytes);
      return;
    }
    // Nobody knows by which request it was built: its checksum is its key.
    const file = await this.begin(checksum, { ...artifact, commit });
    await this.#writeBytes(file, bytes);
    await this.complete(checksum, file);
  }

  /** Whether the storage has these bytes, complete and unchanged. */
  async has(checksum: string): Promise<boolean> {
    return (await this.lookUp(checksum)).ok;
  }

  /** The bytes, compared with their checksum. @throws saying why they are missing */
  async read(checksum: string): Promise<Uint8Array> {
    const found = await this.lookUp(checksum);
    if (!found.ok) {
      throw new Error(found.reason);
    }
    return found.bytes;
  }

  /** The path of the bytes, compared with their checksum, for a preview: their life goes on as it was. @throws like read */
  async locate(checksum: string): Promise<string> {
    await this.read(checksum);
    return this.#bytesPath(checksum);
  }

  /**
   * Marks an artifact as in use and gives the path of its compared bytes; an artifact that is consumed stays so.
   *
   * @throws saying why they are missing
   */
  async use(checksum: string): Promise<string> {
    const path = await this.locate(checksum);
    await this.markInUse(checksum);
    return path;
  }

  /** Compares stored bytes with their checksum. What differs is moved aside, so that it is never read again. */
  async lookUp(checksum: string): Promise<Found> {
    const path = this.#bytesPath(checksum);
    const bytes = await readFile(path).catch(ignoreMissing);
    if (bytes === undefined) {
      return { ok: false, reason: `binary with SHA-256 ${checksum} is not in the artifact storage ${this.#directory}` };
    }
    const actual = sha256(bytes);
    if (actual === checksum) {
      return { ok: true, bytes };
    }
    const aside = join(this.#directory, "damaged", `${checksum}.${randomUUID()}`);
    await mkdir(dirname(aside), { recursive: true });
    await rename(path, aside).catch(ignoreMissing);
    return {
      ok: false,
      reason: `binary in the artifact storage was changed: ${difference(checksum, actual, bytes.length)}; it was moved to ${aside}`,
    };
  }

  /** Says that a release reads the artifact: from now on it never expires. Again, or after it was consumed: no change. */
  markInUse(checksum: string): Promise<void> {
    return this.#each(checksum, (entry) =>
      entry.state === "uploaded" ? moved(entry, "in-use", this.#now()) : { ...entry, usedAt: timeOf(this.#now()) },
    );
  }

  /** Says that the release that reads the artifact is published. Again: no change. @throws when none reads it */
  markConsumed(checksum: string): Promise<void> {
    return this.#each(checksum, (entry) =>
      entry.state === "consumed" ? entry : moved(entry, "consumed", this.#now()),
    );
  }

  /**
   * Deletes the bytes of artifacts that nobody used for some days; never of one in use.
   *
   * @returns the entries as they are now
   */
  async expire(retentionDays: number): Promise<ArtifactEntry[]> {
    const entries = await this.entries();
    const changed = entries.flatMap((entry) => retired(entry, retentionDays, this.#now()) ?? []);
    const keys = new Set(changed.map(({ key }) => key));
    const kept = new Set(
      entries.filter((entry) => !keys.has(entry.key) && isKept(entry)).map(({ checksum }) => checksum),
    );
    for (const entry of changed) {
      await this.#write(entry);
      if (entry.checksum !== undefined && !kept.has(entry.checksum)) {
        await rm(this.#bytesPath(entry.checksum), { force: true });
      }
    }
    return changed;
  }

  /** All that the index knows, oldest first. */
  async entries(): Promise<ArtifactEntry[]> {
    const names = await readdir(join(this.#directory, "index")).catch(ignoreMissing);
    const keys = (names ?? [])
      .filter((name) => /^[0-9a-f]{64}\.json$/.test(name))
      .map((name) => name.slice(0, -".json".length));
    const entries = await Promise.all(keys.map((key) => this.#entry(key)));
    return entries
      .filter((entry) => entry !== undefined)
      .sort((left, right) => left.createdAt.localeCompare(right.createdAt) || left.name.localeCompare(right.name));
  }

  async #stored(entry: ArtifactEntry, bytes: Uint8Array, file: string): Promise<BinaryArtifact> {
    const checksum = sha256(bytes);
    await this.#moveIn(file, checksum);
    const { pid: _pid, ...begun } = entry;
    const state = entry.state === "building" ? moved(begun, "uploaded", this.#now()) : begun;
    await this.#write({ ...state, checksum, size: bytes.length });
    return artifactOf(entry, checksum, bytes.length);
  }

  async #put(checksum: string, bytes: Uint8Array): Promise<void> {
    const file = await this.#temporary(checksum);
    await this.#writeBytes(file, bytes);
    await this.#moveIn(file, checksum);
  }

  async #moveIn(file: string, checksum: string): Promise<void> {
    const target = this.#bytesPath(checksum);
    await mkdir(dirname(target), { recursive: true });
    const handle = await open(file, "r");
    try {
      await handle.chmod(0o755);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, target);
  }

  async #writeBytes(path: string, bytes: Uint8Array | string): Promise<void> {
    const handle = await open(path, "wx");
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #each(checksum: string, change: (entry: ArtifactEntry) => ArtifactEntry): Promise<void> {
    const entries = (await this.entries()).filter((entry) => entry.checksum === checksum && isKept(entry));
    await Promise.all(entries.map((entry) => this.#write(change(entry))));
  }

  async #entry(key: string): Promise<ArtifactEntry | undefined> {
    const text = await readFile(this.#entryPath(key), "utf8").catch(ignoreMissing);
    return text === undefined ? undefined : parseEntry(text);
  }

  async #write(entry: ArtifactEntry): Promise<void> {
    const path = this.#entryPath(entry.key);
    await mkdir(dirname(path), { recursive: true });
    const temporary = await this.#temporary(entry.key);
    await this.#writeBytes(temporary, `${JSON.stringify(entry, undefined, 2)}\n`);
    await rename(temporary, path);
  }

  // Left behind by processes that were killed; a name starts with the id of its process.
  async #removeAbandoned(): Promise<void> {
    const directory = join(this.#directory, "tmp");
    const names = (await readdir(directory).catch(ignoreMissing)) ?? [];
    const abandoned = names.filter((name) => !isRunning(Number.parseInt(name, 10)));
    await Promise.all(abandoned.map((name) => rm(join(directory, name), { force: true })));
  }

  async #temporary(name: string): Promise<string> {
    const path = join(this.#directory, "tmp", `${process.pid}-${randomUUID()}-${name}`);
    await mkdir(dirname(path), { recursive: true });
    return path;
  }

  #bytesPath(checksum: string): string {
    return join(this.#directory, artifactPath(checksum));
  }

  #entryPath(key: string): string {
    return join(this.#directory, "index", `${key}.json`);
  }
}

function artifactOf({ name, architecture, version }: ArtifactEntry, checksum: string, size: number): BinaryArtifact {
  return { name, path: artifactPath(checksum), architecture, version, checksum, size };
}

function isKept(entry: ArtifactEntry): boolean {
  return entry.state !== "building" && entry.state !== "expired" && entry.deletedAt === undefined;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") {
    throw error;
  }
}

function difference(expected: string, actual: string, size: number): string {
  return `it must have SHA-256 ${expected}, and has ${actual} (${size} bytes)`;
}
