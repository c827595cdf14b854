import { type BinaryArtifact, isArchitecture, isChecksum } from "./artifact.ts";

/** Where an artifact is in its life. */
export type ArtifactState = "building" | "uploaded" | "in-use" | "consumed" | "expired";

/** What the artifact storage's index knows about one artifact. */
export interface ArtifactEntry {
  /** SHA-256 of all that decided its bytes; the same request has the same key. */
  readonly key: string;
  readonly name: BinaryArtifact["name"];
  readonly architecture: BinaryArtifact["architecture"];
  readonly version: BinaryArtifact["version"];
  /** Full id of the commit that it was built from. */
  readonly commit: string;
  readonly state: ArtifactState;
  /** SHA-256 and bytes; absent while it is building. */
  readonly checksum?: string;
  readonly size?: number;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** When it was last read or changed its state; RFC 3339, UTC. */
  readonly usedAt: string;
  /** Process that builds it; only while it is building. */
  readonly pid?: number;
  /** When its bytes were deleted after their retention; RFC 3339, UTC. */
  readonly deletedAt?: string;
}

const NEXT = {
  building: ["uploaded"],
  uploaded: ["in-use", "expired"],
  "in-use": ["consumed"],
  consumed: [],
  expired: [],
} as const satisfies Record<ArtifactState, readonly ArtifactState[]>;

/**
 * The entry in its next state.
 *
 * @param now milliseconds since the epoch
 * @throws naming the artifact and both states when life does not go that way
 */
export function moved(entry: ArtifactEntry, state: ArtifactState, now: number): ArtifactEntry {
  const next: readonly ArtifactState[] = NEXT[entry.state];
  if (!next.includes(state)) {
    throw new Error(`artifact ${entry.name} ${entry.version} is ${entry.state} and cannot become ${state}`);
  }
  return { ...entry, state, usedAt: timeOf(now) };
}

/**
 * The entry as it is once its retention is over, or undefined when it is not over or never will be: an artifact that
 * is in use or building is kept. One that was never used expires; one that was consumed stays so, without its bytes.
 *
 * @param days retention, counted from when it was last used
 * @param now milliseconds since the epoch
 */
export function retired(entry: ArtifactEntry, days: number, now: number): ArtifactEntry | undefined {
  const isOver = Date.parse(entry.usedAt) + days * 86_400_000 < now;
  if (!isOver || entry.deletedAt !== undefined) {
    return undefined;
  }
  const deletedAt = timeOf(now);
  return entry.state === "uploaded"
    ? { ...moved(entry, "expired", now), usedAt: entry.usedAt, deletedAt }
    : entry.state === "consumed"
      ? { ...entry, deletedAt }
      : undefined;
}

/** An entry from its JSON; undefined when the text is none. */
export function parseEntry(text: string): ArtifactEntry | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 3339, UTC, to the millisecond. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function isEntry(value: unknown): value is ArtifactEntry {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const entry: Partial<Record<keyof ArtifactEntry, unknown>> = value;
  const { key, name, version, commit, architecture, state, checksum, size, createdAt, usedAt } = entry;
  return (
    [key, name, version, commit].every((field) => typeof field === "string" && field !== "") &&
    [createdAt, usedAt].every((field) => typeof field === "string" && !Number.isNaN(Date.parse(field))) &&
    typeof architecture === "string" &&
    isArchitecture(architecture) &&
    typeof state === "string" &&
    Object.hasOwn(NEXT, state) &&
    (state === "building" || (typeof checksum === "string" && isChecksum(checksum) && typeof size === "number"))
  );
}
