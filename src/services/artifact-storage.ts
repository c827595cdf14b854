import { createHash } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ARCHITECTURES, artifactPath, type BinaryArtifact } from "../model/artifact.ts";

/** Life of a stored artifact: `building → uploaded → in-use → consumed`, or `uploaded → expired`. */
export type ArtifactState = "building" | "uploaded" | "in-use" | "consumed" | "expired";

// What each state may become. An artifact is used again when a release is repaired, and built again when it was lost.
const NEXT = {
  building: ["building", "uploaded"],
  uploaded: ["uploaded", "in-use", "expired"],
  "in-use": ["in-use", "consumed"],
  consumed: ["consumed", "in-use", "expired"],
  expired: ["building", "uploaded"],
} as const satisfies Record<ArtifactState, readonly ArtifactState[]>;

const entrySchema = z.object({
  /** What decides the bytes; names the entry. */
  key: z.string(),
  state: z.enum(["building", "uploaded", "in-use", "consumed", "expired"]),
  name: z.string(),
  architecture: z.enum(ARCHITECTURES),
  version: z.string(),
  /** Commit that it was built from. */
  commit: z.string(),
  /** RFC 3339. */
  changedAt: z.string(),
  /** SHA-256 hex and size in bytes; absent while it is being built. */
  checksum: z.string().optional(),
  size: z.int().optional(),
});

/** An entry of the storage's index. */
export type ArtifactEntry = z.infer<typeof entrySchema>;

/** What is known of an artifact before it is built. */
export interface ArtifactOrigin extends Pick<BinaryArtifact, "name" | "architecture" | "version"> {
  /** Commit that it is built from. */
  readonly commit: string;
}

/** Content-addressed storage of Binary Artifacts. What is stored is never changed, and hashed on every read. */
export interface ArtifactStorage {
  /** The artifact that was stored under a build key, if its bytes are there and right. */
  find(key: string): Promise<BinaryArtifact | undefined>;
  /** Says that an artifact is being built. */
  begin(key: string, origin: ArtifactOrigin): Promise<void>;
  /** Stores the bytes of an artifact. */
  store(key: string, origin: ArtifactOrigin, bytes: Uint8Array): Promise<BinaryArtifact>;
  /** The bytes with this SHA-256 (hex), hashed again. @throws when they are missing or were changed */
  read(checksum: string): Promise<Buffer>;
  /** Whether the bytes with this SHA-256 are there and right. What was changed on disk is set aside. */
  has(checksum: string): Promise<boolean>;
  /** Path of the bytes with this SHA-256, hashed again. @throws when they are missing or were changed */
  pathOf(checksum: string): Promise<string>;
  /** Moves every entry with one of these checksums on. @throws when that is not a step of an artifact's life */
  mark(checksums: readonly string[], state: ArtifactState): Promise<void>;
  /** Deletes the bytes of entries that have not changed for so many days; never those of one in use. */
  expire(retentionDays: number, now: Date): Promise<void>;
  /** All entries, the newest first. */
  entries(): Promise<readonly ArtifactEntry[]>;
}

/** Directory of the storage, relative to the project. */
const DIRECTORY = ".artifacts";

/** Opens the storage in a directory; nothing is written before the first artifact. */
export function openStorage(directory = DIRECTORY): ArtifactStorage {
  const entryPath = (key: string) => join(directory, "index", `${key}.json`);
  const bytesPath = (checksum: string) => join(directory, artifactPath(checksum));

  async function entries(): Promise<ArtifactEntry[]> {
    const names = await readdir(join(directory, "index")).catch(missing(() => [] as string[]));
    const found = await Promise.all(names.filter((name) => name.endsWith(".json")).map((name) => entry(name.slice(0, -5))));
    return found.filter((one) => one !== undefined).sort((left, right) => right.changedAt.localeCompare(left.changedAt));
  }

  async function entry(key: string): Promise<ArtifactEntry | undefined> {
    const text = await readFile(entryPath(key), "utf8").catch(missing(() => undefined));
    return text === undefined ? undefined : entrySchema.parse(JSON.parse(text));
  }

  async function move(key: string, to: Omit<ArtifactEntry, "key" | "changedAt">): Promise<void> {
    const from = (await entry(key))?.state;
    if (from !== undefined && !(NEXT[from] as readonly ArtifactState[]).includes(to.state)) {
      throw new Error(`artifact ${to.name} ${to.version} is ${from} and cannot become ${to.state}`);
    }
    const changed = { key, ...to, changedAt: new Date().toISOString() };
    await writeAtomically(entryPath(key), `${JSON.stringify(changed, null, 2)}\n`, 0o644);
  }

  async function checked(checksum: string): Promise<Buffer | undefined> {
    const bytes = await readFile(bytesPath(checksum)).catch(missing(() => undefined));
    if (bytes !== undefined && sha256(bytes) !== checksum) {
      // Kept for whoever wants to know what happened; a new one takes its place.
      await rename(bytesPath(checksum), `${bytesPath(checksum)}.changed`);
      return undefined;
    }
    return bytes;
  }

  async function read(checksum: string): Promise<Buffer> {
    const bytes = await checked(checksum);
    if (bytes === undefined) {
      throw new Error(`the artifact with SHA-256 ${checksum} is missing from ${directory}, or was changed there; run again to restore it`);
    }
    return bytes;
  }

  return {
    entries,
    read,
    has: async (checksum) => (await checked(checksum)) !== undefined,
    async pathOf(checksum) {
      await read(checksum);
      return bytesPath(checksum);
    },
    async find(key) {
      const known = await entry(key);
      const { checksum, size } = known ?? {};
      return known && checksum !== undefined && size !== undefined && (await checked(checksum)) !== undefined
        ? { name: known.name, path: artifactPath(checksum), architecture: known.architecture, version: known.version, checksum, size }
        : undefined;
    },
    begin: async (key, origin) => {
      // One that is there but whose bytes are lost is built again.
      await rm(entryPath(key), { force: true });
      await move(key, { ...origin, state: "building" });
    },
    async store(key, origin, bytes) {
      const checksum = sha256(bytes);
      if ((await checked(checksum)) === undefined) {
        await writeAtomically(bytesPath(checksum), bytes, 0o755);
      }
      const { name, architecture, version } = origin;
      const known = await entry(key);
      if (known === undefined || known.state === "building" || known.state === "expired") {
        await move(key, { ...origin, state: "uploaded", checksum, size: bytes.length });
      }
      return { name, path: artifactPath(checksum), architecture, version, checksum, size: bytes.length };
    },
    async mark(checksums, state) {
      for (const { key, changedAt, ...known } of await entries()) {
        const { checksum, state: from } = known;
        if (checksum !== undefined && checksums.includes(checksum) && from !== state && from !== "expired") {
          await move(key, { ...known, state });
        }
      }
    },
    async expire(retentionDays, now) {
      const oldest = new Date(now.getTime() - retentionDays * 86_400_000).toISOString();
      const all = await entries();
      for (const { key, changedAt, ...known } of all) {
        const { checksum, state } = known;
        if (changedAt >= oldest || (state !== "uploaded" && state !== "consumed")) {
          continue;
        }
        await move(key, { ...known, state: "expired" });
        // The same bytes may serve another entry.
        if (checksum !== undefined && !all.some((other) => other.key !== key && other.checksum === checksum && other.state !== "expired")) {
          await rm(bytesPath(checksum), { force: true });
        }
      }
    },
  };
}

/** Name of an entry: hash of everything that decides an artifact's bytes. */
export function buildKey(facts: Readonly<Record<string, string>>): string {
  return sha256(Buffer.from(JSON.stringify(Object.entries(facts).sort(([left], [right]) => (left < right ? -1 : 1)))));
}

async function writeAtomically(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, "w", mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

// Only "not there" is an answer; a directory that cannot be read is an error.
function missing<T>(instead: () => T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === "ENOENT") {
      return instead();
    }
    throw error;
  };
}
