import { mkdir, open, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { oneLine, quoted, shown } from "../../model/quotation.ts";
import { stream } from "../process.ts";
import { git, gitEnvironment } from "./command.ts";

/** An entry of a tree: what `git ls-tree` shows. */
interface Entry {
  readonly mode: string;
  readonly object: string;
  /** Relative to the tree. */
  readonly path: string;
}

const FILE_MODES: Readonly<Record<string, number>> = { "100644": 0o644, "100664": 0o644, "100755": 0o755 };
const SYMLINK = "120000";
const SUBMODULE = "160000";
const MOST_NAMED = 10;

/**
 * Writes a directory of a commit, from git's objects alone: neither the working tree nor attributes, filters, line-end
 * settings or the umask have a say. Files get mode 0644 or 0755, symbolic links stay links.
 *
 * @param prefix directory in the repository; empty for its top
 * @param destination directory to write to; nothing that it holds is overwritten
 * @throws naming the submodules, when there are any: their files are not in the commit
 */
export async function exportTree(
  repository: string,
  commit: string,
  prefix: string,
  destination: string,
): Promise<void> {
  const entries = await listTree(repository, commit, prefix);
  refuseForeign(entries, commit);
  const directories = new Set(entries.map(({ path }) => dirname(join(destination, path))));
  await Promise.all([...directories, destination].map((directory) => mkdir(directory, { recursive: true })));
  const links: [target: string, path: string][] = [];
  const { exitCode } = await stream(
    "git",
    ["-C", repository, "cat-file", "--batch"],
    async (output) => {
      const reader = new BatchReader(output);
      for (const { mode, path, object } of entries) {
        const content = await reader.next(object);
        const target = join(destination, path);
        if (mode === SYMLINK) {
          links.push([new TextDecoder().decode(content), target]);
        } else {
          await writeNew(target, content, FILE_MODES[mode] ?? 0o644);
        }
      }
    },
    { environment: gitEnvironment(process.env), input: entries.map(({ object }) => `${object}\n`).join("") },
  );
  if (exitCode !== 0) {
    throw new Error(`git cat-file failed in ${repository} while commit ${commit} was exported`);
  }
  // Last, so that no file is written through a link.
  for (const [target, path] of links) {
    await symlink(target, path);
  }
}

async function listTree(repository: string, commit: string, prefix: string): Promise<Entry[]> {
  const { exitCode, stdout, stderr } = await git(
    repository,
    ["ls-tree", "-r", "-z", "--full-tree", `${commit}:${prefix}`],
    { accepted: [128] },
  );
  if (exitCode !== 0) {
    throw new Error(
      `commit ${commit} has no directory ${quoted(prefix)} (git: ${oneLine(stderr)}): commit it, or name the Go module's directory: pulumi config set source DIR`,
    );
  }
  return new TextDecoder()
    .decode(stdout)
    .split("\0")
    .slice(0, -1)
    .map((line) => {
      const tab = line.indexOf("\t");
      const [mode = "", , object = ""] = line.slice(0, tab).split(" ");
      return { mode, object, path: line.slice(tab + 1) };
    });
}

function refuseForeign(entries: readonly Entry[], commit: string): void {
  const submodules = entries.filter(({ mode }) => mode === SUBMODULE).map(({ path }) => path);
  if (submodules.length > 0) {
    throw new Error(
      `commit ${commit} has submodules (${submodules.map(shown).slice(0, MOST_NAMED).join(", ")}${submodules.length > MOST_NAMED ? ", …" : ""}): their files are not in the commit and cannot be released; ` +
        "use a Go module dependency instead, or commit the files",
    );
  }
  // Git refuses such names, a tree that was made by hand may have them.
  const outside = entries.find(({ path }) =>
    path.split("/").some((part) => part === "" || part === "." || part === ".."),
  );
  if (outside) {
    throw new Error(`commit ${commit} has a file named ${quoted(outside.path)}, which leaves its directory`);
  }
}

async function writeNew(path: string, content: Uint8Array, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

/** Reads what `git cat-file --batch` prints: a line `OBJECT TYPE SIZE`, the content, a line end. */
class BatchReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(output: AsyncIterable<Uint8Array>) {
    this.#chunks = output[Symbol.asyncIterator]();
  }

  async next(object: string): Promise<Uint8Array> {
    const header = await this.#line();
    const [found, type, size] = header.split(" ");
    if (found !== object || type !== "blob" || !size) {
      throw new Error(`git has no content for object ${object}: it says ${quoted(header)}; fetch the whole repository`);
    }
    const content = await this.#take(Number(size));
    await this.#take(1);
    return content;
  }

  async #line(): Promise<string> {
    let length = this.#rest.indexOf(10);
    while (length < 0) {
      await this.#more();
      length = this.#rest.indexOf(10);
    }
    const line = new TextDecoder().decode(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length + 1);
    return line;
  }

  async #take(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        await this.#more();
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done) {
      throw new Error("git cat-file ended early: the repository may be damaged (git fsck tells)");
    }
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}
