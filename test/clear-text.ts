import { type Dirent, readdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A place where a secret can be read. */
export interface Finding {
  /** Path of a file, or the name that was given to a text. */
  readonly where: string;
  /** How it is written there. */
  readonly as: string;
}

/**
 * Every place where one of the values can be read: as it is, escaped as JSON, URL-encoded, as hexadecimal digits, or as
 * base64, also inside of a longer text that was encoded as a whole.
 *
 * @param directories looked through with all that lies in them, except node_modules
 * @param texts name → text, for example what was shown
 */
export async function inClearText(
  values: readonly string[],
  directories: readonly string[],
  texts: Readonly<Record<string, string>> = {},
): Promise<Finding[]> {
  const forms = values.flatMap(formsOf);
  const found = Object.entries(texts).flatMap(([where, text]) => findingsIn(where, Buffer.from(text), forms));
  for (const path of (await Promise.all(directories.map(filesBelow))).flat()) {
    found.push(...findingsIn(path, await readFile(path), forms));
  }
  return found;
}

interface Form {
  readonly as: string;
  readonly bytes: Buffer;
}

function formsOf(value: string): Form[] {
  const bytes = Buffer.from(value);
  const texts = {
    "plain text": value,
    "JSON in JSON": JSON.stringify(JSON.stringify(value)).slice(3, -3),
    JSON: JSON.stringify(value).slice(1, -1),
    "URL-encoded": encodeURIComponent(value),
    "form-encoded": new URLSearchParams({ "": value }).toString().slice(1),
    hexadecimal: bytes.toString("hex"),
  };
  const encoded = [0, 1, 2].flatMap((offset) => [
    { as: "base64", text: insideBase64(bytes, offset, "base64") },
    { as: "base64url", text: insideBase64(bytes, offset, "base64url") },
  ]);
  return [...Object.entries(texts).map(([as, text]) => ({ as, text })), ...encoded].map(({ as, text }) => ({
    as,
    bytes: Buffer.from(text),
  }));
}

// The characters of base64 that depend on nothing but the value, when so many bytes (modulo 3) stand before it.
function insideBase64(bytes: Buffer, offset: number, encoding: "base64" | "base64url"): string {
  const before = Math.ceil((offset * 4) / 3);
  const whole = Math.floor(((offset + bytes.length) * 4) / 3);
  return Buffer.concat([Buffer.alloc(offset), bytes])
    .toString(encoding)
    .slice(before, whole);
}

function findingsIn(where: string, content: Buffer, forms: readonly Form[]): Finding[] {
  return forms.filter(({ bytes }) => content.includes(bytes)).map(({ as }) => ({ where, as }));
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries: Dirent[] = await readdir(directory, { withFileTypes: true });
  const below = await Promise.all(
    entries.map((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesBelow(path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return below.flat();
}

/**
 * Looks at the arguments of every process on this machine, again and again, until it is stopped.
 *
 * @returns what stops it, and gives all command lines that were seen
 */
export function watchArguments(): () => Promise<string> {
  const seen = new Set<string>();
  const read = async () => {
    const lines = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
    for (const line of await Promise.all(lines)) seen.add(line);
  };
  const timer = setInterval(read, 10);
  return async () => {
    clearInterval(timer);
    await read();
    return [...seen].join("\n");
  };
}
