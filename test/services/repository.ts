import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { temporaryDirectory } from "./temporary.ts";

/** A file's text, or what else lies there; undefined deletes it. */
export type Content = string | Uint8Array | { readonly executable: string } | { readonly link: string } | undefined;

/** A git repository of the running test. */
export interface TestRepository {
  readonly directory: string;
  readonly git: (...args: string[]) => Promise<string>;
  /** Writes files into the working tree. */
  readonly write: (files: Readonly<Record<string, Content>>) => Promise<void>;
  /** Commits all that is in the working tree; the time is fixed, so that the same files give the same commit. */
  readonly commit: (message: string, files?: Readonly<Record<string, Content>>) => Promise<string>;
}

/** Makes an empty repository, at a path if it matters. */
export async function testRepository(path?: string): Promise<TestRepository> {
  const directory = path ?? join(await temporaryDirectory(), "repository");
  await mkdir(directory, { recursive: true });
  const environment = {
    ...{ GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" },
    ...{ GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.com", GIT_AUTHOR_DATE: "2026-02-03T04:05:06+02:00" },
    ...{
      GIT_COMMITTER_NAME: "c",
      GIT_COMMITTER_EMAIL: "c@example.com",
      GIT_COMMITTER_DATE: "2026-03-04T05:06:07+02:00",
    },
  };
  const git = async (...args: string[]) =>
    (await execa("git", ["-C", directory, ...args], { env: environment })).stdout;
  const write = (files: Readonly<Record<string, Content>>) => writeFiles(directory, files);
  await git("init", "--quiet", "--initial-branch=main");
  return {
    directory,
    git,
    write,
    commit: async (message, files = {}) => {
      await write(files);
      await git("add", "--all", "--force");
      await git("commit", "--quiet", "--allow-empty", "--message", message);
      return git("rev-parse", "HEAD");
    },
  };
}

/** Writes files below a directory. */
export async function writeFiles(directory: string, files: Readonly<Record<string, Content>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    await rm(path, { force: true });
    if (content === undefined) {
      continue;
    }
    await mkdir(dirname(path), { recursive: true });
    if (typeof content === "string" || content instanceof Uint8Array) {
      await writeFile(path, content);
    } else if ("link" in content) {
      await symlink(content.link, path);
    } else {
      await writeFile(path, content.executable);
      await chmod(path, 0o755);
    }
  }
}
