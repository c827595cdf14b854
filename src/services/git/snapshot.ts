import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { git } from "./command.ts";

// A commit of the same files is the same commit, whoever makes it and whenever.
const AUTHOR = { NAME: "rehearsal", EMAIL: "rehearsal@localhost", DATE: "2000-01-01T00:00:00Z" };
const IDENTITY = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(AUTHOR).map(([key, value]) => [`GIT_${role}_${key}`, value]),
  ),
);
// Whatever a directory's .gitattributes say, its files are taken as they are.
const ATTRIBUTES = "* -text -filter -ident -working-tree-encoding\n";

/**
 * Makes a commit of a directory that is in no git checkout, so that it can be released like any other; for rehearsals.
 * Files that its .gitignore names are left out. The same files give the same commit.
 *
 * @param destination bare repository that gets the commit; made when it is not there
 */
export async function snapshotDirectory(
  directory: string,
  destination: string,
): Promise<{ readonly repository: string; readonly commit: string }> {
  const [repository, files] = [resolve(destination), resolve(directory)];
  await mkdir(join(repository, "info"), { recursive: true });
  await git(repository, [
    "init",
    "--quiet",
    "--bare",
    "--template=",
    "--object-format=sha1",
    "--initial-branch=main",
    ".",
  ]);
  await writeFile(join(repository, "info/attributes"), ATTRIBUTES);
  const index = join(repository, `index.${process.pid}`);
  const environment = { ...IDENTITY, GIT_DIR: repository, GIT_INDEX_FILE: index };
  const settings = [
    "core.autocrlf=false",
    "core.bare=false",
    "core.excludesFile=",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.fsmonitor=false",
  ].flatMap((setting) => ["-c", setting]);
  try {
    await git(files, [...settings, "--work-tree=.", "add", "--all", "--", "."], { environment });
    const tree = text(await git(files, ["write-tree"], { environment }));
    const commit = text(await git(files, ["commit-tree", tree, "-m", "The directory as it is"], { environment }));
    // A name for each, so that none is ever cleaned up.
    await git(repository, ["update-ref", `refs/snapshots/${commit}`, commit]);
    await git(repository, ["update-ref", "refs/heads/main", commit]);
    return { repository, commit };
  } finally {
    await rm(index, { force: true });
  }
}

function text({ stdout }: { readonly stdout: Uint8Array }): string {
  return new TextDecoder().decode(stdout).trim();
}
