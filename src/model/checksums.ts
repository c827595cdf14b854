import { createHash } from "node:crypto";
import { quoted } from "./quotation.ts";

/** One line of `checksums.txt`. */
export interface ChecksumLine {
  /** Plain file name, without a directory. */
  readonly name: string;
  /** SHA-256, 64 lower-case hexadecimal digits. */
  readonly checksum: string;
}

/** Checksums by file name, or every problem of the text with its line. */
export type ParsedChecksums =
  | { readonly ok: true; readonly checksums: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly problems: readonly string[] };

// A name that GitHub keeps as it is for an asset, and that `sha256sum` writes without escapes.
const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const CHECKSUM = /^[0-9a-f]{64}$/;
// Two spaces: text mode; space and star: binary mode, which other tools write. `sha256sum -c` reads both.
const LINE = /^([0-9a-f]{64}) [ *](.*)$/;

/** SHA-256 of bytes, or of a text in UTF-8: 64 lower-case hexadecimal digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * The text of `checksums.txt` as `sha256sum` writes it, sorted by name.
 * @throws when a name or a checksum is malformed, or a name is there twice
 */
export function formatChecksums(lines: readonly ChecksumLine[]): string {
  const sorted = [...lines].sort((left, right) => (left.name < right.name ? -1 : 1));
  const names = new Set<string>();
  for (const { name, checksum } of sorted) {
    if (!NAME.test(name)) {
      throw new Error(`${quoted(name)} cannot stand in checksums.txt: use letters, digits, ".", "_" and "-"`);
    }
    if (!CHECKSUM.test(checksum)) {
      throw new Error(`the checksum of ${name} is ${quoted(checksum)}, not 64 lower-case hexadecimal digits`);
    }
    if (names.has(name)) {
      throw new Error(`${name} has two checksums`);
    }
    names.add(name);
  }
  return sorted.map(({ name, checksum }) => `${checksum}  ${name}\n`).join("");
}

/** Reads a `checksums.txt` strictly; whatever `sha256sum -c` would warn about or pass over is a problem here. */
export function parseChecksums(text: string): ParsedChecksums {
  if (text === "") {
    return { ok: false, problems: ["checksums.txt is empty"] };
  }
  const checksums = new Map<string, string>();
  const problems = text.endsWith("\n") ? [] : ["checksums.txt ends within a line"];
  for (const [index, line] of text.replace(/\n$/, "").split("\n").entries()) {
    const [, checksum, name] = LINE.exec(line) ?? [];
    if (checksum === undefined || name === undefined || !NAME.test(name)) {
      problems.push(`line ${index + 1} of checksums.txt is not "<SHA-256>  <name>": ${quoted(line, 120)}`);
    } else if (checksums.has(name)) {
      problems.push(`line ${index + 1} of checksums.txt names ${name} again`);
    } else {
      checksums.set(name, checksum);
    }
  }
  return problems.length === 0 ? { ok: true, checksums } : { ok: false, problems };
}
