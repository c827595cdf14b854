import { commentJson } from "./hidden-comment.ts";
import { parseVersion, type Version } from "./version.ts";

/** Who made a release: it tells our own drafts from others, and the stack's releases after a lost state. */
export interface Marker {
  /** Name of the stack. */
  readonly stack: string;
  readonly version: Version;
  /** Full commit id, hexadecimal. */
  readonly commit: string;
}

const OPENING = "<!-- mount-monitor:release ";
const CLOSING = " -->";
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** The hidden HTML comment that ends the body of our releases. */
export function formatMarker({ stack, version, commit }: Marker): string {
  return `${OPENING}${commentJson({ stack, version, commit })}${CLOSING}`;
}

/**
 * The marker of a release's body; absent when the body has none, more than one, one that is not at its end, or one
 * that `formatMarker` would not write in exactly these characters.
 */
export function parseMarker(body: string | null | undefined): Marker | undefined {
  return split(body ?? "")?.marker;
}

/** The body without its marker and the white space before it; unchanged when it has no marker of ours. */
export function stripMarker(body: string): string {
  return split(body)?.notes ?? body;
}

/** Whether both are there and say the same. */
export function sameMarker(left: Marker | undefined, right: Marker | undefined): boolean {
  return left !== undefined && right !== undefined && formatMarker(left) === formatMarker(right);
}

function split(body: string): { notes: string; marker: Marker } | undefined {
  const text = body.trimEnd();
  const start = text.indexOf(OPENING);
  if (start === -1 || !text.endsWith(CLOSING)) {
    return undefined;
  }
  const comment = text.slice(start);
  const marker = markerOf(comment.slice(OPENING.length, -CLOSING.length));
  // A second marker, text behind the first one or another order of keys all make another comment.
  return marker && formatMarker(marker) === comment ? { notes: text.slice(0, start).trimEnd(), marker } : undefined;
}

function markerOf(json: string): Marker | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Garbled: somebody else's comment, or one that was edited by hand. It is not ours.
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("stack" in value && "version" in value && "commit" in value)) {
    return undefined;
  }
  const { stack, version, commit } = value;
  return typeof stack === "string" &&
    typeof version === "string" &&
    typeof commit === "string" &&
    parseVersion(version).ok &&
    COMMIT.test(commit)
    ? { stack, version, commit }
    : undefined;
}
