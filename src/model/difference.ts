import { visible } from "./quotation.ts";

/**
 * One thing in which the world is not as it was recorded. What is missing can be restored from the recorded facts; what
 * is there and is another is nobody's to overwrite.
 */
export interface Difference {
  readonly kind: "missing" | "other";
  /** One sentence; of another thing it names both. */
  readonly text: string;
}

/** Something that was recorded is not there. */
export function missing(text: string): Difference {
  return { kind: "missing", text: visible(text) };
}

/** Something else is there, or something that was not recorded. */
export function other(text: string): Difference {
  return { kind: "other", text: visible(text) };
}

/** The sentences of what an update can only refuse. */
export function refusals(differences: readonly Difference[]): string[] {
  return differences.flatMap(({ kind, text }) => (kind === "other" ? [text] : []));
}
