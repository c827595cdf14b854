import { resolve } from "node:path";
import type { Change } from "../model/commit-message.ts";
import { oneLine, quoted, shown } from "../model/quotation.ts";
import { git } from "./git/command.ts";

export { snapshotDirectory } from "./git/snapshot.ts";
export { exportTree } from "./git/tree.ts";

/** Where a directory lies in its repository. */
export interface Location {
  /** Absolute path of the repository: the top of its working tree, or the bare repository itself. */
  readonly repository: string;
  /** The directory in the repository, `app`; empty for its top. */
  readonly prefix: string;
}

/** Whether a directory lies in a git checkout, or is a bare repository. */
export async function isCheckout(directory: string): Promise<boolean> {
  return (await find(directory)) !== undefined;
}

/** Finds the repository of a directory. @throws when it is in none */
export async function locate(directory: string): Promise<Location> {
  const location = await find(directory);
  if (!location) {
    throw new Error(
      `${shown(resolve(directory))} is in no git checkout, and a release is made from a commit: clone the repository, or name the Go module's directory: pulumi config set source DIR`,
    );
  }
  return location;
}

/**
 * The full id of the commit that a tag, a branch or an id means. A tag comes before a branch of the same name.
 *
 * @throws quoting the revision when there is no such commit
 */
export async function commitOf(directory: string, revision: string): Promise<string> {
  const { exitCode, stdout, stderr } = await git(
    directory,
    ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`],
    { accepted: [1, 128] },
  );
  if (exitCode !== 0) {
    const reason = stderr.trim() ? ` (${oneLine(stderr)})` : "";
    throw new Error(
      `${quoted(revision)} is no commit in ${shown(resolve(directory))}${reason}: fetch it with \`git fetch --tags --unshallow\`, or name another: pulumi config set commit COMMIT`,
    );
  }
  return text(stdout).trim();
}

/**
 * Refuses a shallow clone: the notes of a release are made from the history, and would be others in a whole clone.
 *
 * @throws with the command that fetches the rest
 */
export async function requireWholeHistory(repository: string): Promise<void> {
  const { stdout } = await git(repository, ["rev-parse", "--is-shallow-repository"]);
  if (text(stdout).trim() !== "false") {
    throw new Error(
      `${repository} is a shallow clone, and the release notes need the whole history: run \`git fetch --unshallow --tags\` ` +
        "(in GitHub Actions: actions/checkout with fetch-depth: 0)",
    );
  }
}

/** When a commit was made: RFC 3339, in UTC, `2026-11-24T03:00:00Z`. */
export async function commitTime(repository: string, commit: string): Promise<string> {
  const { stdout } = await git(repository, ["log", "-1", "--no-show-signature", "--format=%ct", commit, "--"]);
  return new Date(Number(text(stdout)) * 1000).toISOString().replace(".000Z", "Z");
}

/** The text of a file as a commit has it; undefined when the commit has no such file. */
export async function fileAt(repository: string, commit: string, path: string): Promise<string | undefined> {
  const { stdout } = await git(repository, ["cat-file", "--batch"], { input: `${commit}:${path}\n` });
  const header = stdout.indexOf(10);
  const [, type] = text(stdout.subarray(0, header)).split(" ");
  return type === "blob" ? text(stdout.subarray(header + 1, -1)) : undefined;
}

/**
 * The commits that lead from one to another, newest first, without merges: what they bring is in the list already.
 *
 * @param from commit that the list stops before; absent for the whole history
 */
export async function changes(repository: string, from: string | undefined, to: string): Promise<Change[]> {
  const { stdout } = await git(repository, [
    ...["-c", "i18n.logOutputEncoding=UTF-8"],
    ...["log", "-z", "--topo-order", "--no-merges", "--no-show-signature", "--no-color", "--format=%H%n%s%n%b"],
    from === undefined ? to : `${from}..${to}`,
    "--",
  ]);
  return text(stdout)
    .split("\0")
    .filter((record) => record !== "")
    .map((record) => {
      const [hash = "", subject = "", ...body] = record.split("\n");
      return { hash, subject, body: body.join("\n").trim() };
    });
}

/** Whether files of a kind mention one of some texts, in a directory of a commit. */
export async function mentions(
  repository: string,
  commit: string,
  { prefix, files, texts }: { readonly prefix: string; readonly files: string; readonly texts: readonly string[] },
): Promise<boolean> {
  const { exitCode } = await git(
    repository,
    [
      ...["grep", "--quiet", "--fixed-strings"],
      ...texts.flatMap((wanted) => ["-e", wanted]),
      ...[commit, "--", `:(top,glob)${prefix === "" ? "" : `${literal(prefix)}/`}**/${files}`],
    ],
    { accepted: [1] },
  );
  return exitCode === 0;
}

/** A path as a pattern that means it alone. */
function literal(path: string): string {
  return path.replace(/[\\*?[\]]/g, "\\$&");
}

async function find(directory: string): Promise<Location | undefined> {
  const { exitCode, stdout, stderr } = await git(
    directory,
    ["rev-parse", "--is-bare-repository", "--absolute-git-dir", "--show-prefix"],
    { accepted: [128] },
  );
  if (exitCode !== 0) {
    if (stderr.includes("not a git repository")) {
      return undefined;
    }
    if (stderr.includes("cannot change to")) {
      throw new Error(
        `${shown(resolve(directory))} is no directory that can be entered: name the Go module's directory: pulumi config set source DIR`,
      );
    }
    throw new Error(
      `git cannot use ${shown(resolve(directory))} (${oneLine(stderr)}): mend that, or name the Go module's directory: pulumi config set source DIR`,
    );
  }
  const [bare, gitDirectory = "", prefix = ""] = text(stdout).split("\n");
  if (bare === "true") {
    return { repository: gitDirectory, prefix: "" };
  }
  const top = await git(directory, ["rev-parse", "--show-toplevel"]);
  return { repository: text(top.stdout).replace(/\n$/, ""), prefix: prefix.replace(/\/$/, "") };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
