import { oneLine } from "../../model/quotation.ts";
import { ProcessError, type ProcessResult, run } from "../process.ts";

/** Texts that go with git's exit code, in its C locale. */
export interface GitOptions {
  /** Variables that are set beside those that git may have. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Exit codes besides 0 that are answers and no failures. */
  readonly accepted?: readonly number[];
}

/**
 * Runs git in a directory: `git -C directory …`.
 *
 * @throws with git's own words when it fails, and with the fix when there is no git
 */
export async function git(
  directory: string,
  args: readonly string[],
  { environment = {}, input, accepted = [] }: GitOptions = {},
): Promise<ProcessResult> {
  const result = await run("git", ["-C", directory, ...args], {
    environment: { ...gitEnvironment(process.env), ...environment },
    ...(input === undefined ? {} : { input }),
  }).catch((error: unknown) => {
    throw error instanceof ProcessError && error.notFound ? missingGit() : error;
  });
  if (result.exitCode !== 0 && !accepted.includes(result.exitCode)) {
    throw new Error(`git ${args[0]} failed in ${directory}: ${oneLine(result.stderr)}`);
  }
  return result;
}

/** The error for a machine without git. */
export function missingGit(): Error {
  return new Error(
    "git is not on the PATH, and sources come from git objects: install git, or add its directory to PATH",
  );
}

/**
 * Git's environment: the caller's without what points git at another repository (inside a hook it is set), and without
 * replaced objects, which would put other bytes in the place of a commit's own.
 */
export function gitEnvironment(environment: NodeJS.ProcessEnv): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !REDIRECTIONS.has(entry[0]),
  );
  return {
    ...Object.fromEntries(kept),
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    LC_ALL: "C",
  };
}

// `git rev-parse --local-env-vars`, and those that change what objects, names or attributes mean.
const REDIRECTIONS = new Set([
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_ATTR_SOURCE",
  "GIT_COMMON_DIR",
  "GIT_CONFIG",
  "GIT_DIR",
  "GIT_GLOB_PATHSPECS",
  "GIT_GRAFT_FILE",
  "GIT_ICASE_PATHSPECS",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_LITERAL_PATHSPECS",
  "GIT_NAMESPACE",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_REPLACE_REF_BASE",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
]);
