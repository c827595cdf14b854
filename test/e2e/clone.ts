import { spawn as spawnProcess } from "node:child_process";
import { appendFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa, type ResultPromise } from "execa";
import { isFree } from "../../rehearsal/services/ports.ts";
import { takeKernelLock } from "../../src/services/kernel-lock.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";
import { answersFile } from "./supervisor.ts";

const project = join(import.meta.dirname, "../..");
// The same author and time for every clone: the same tree is then the same commit.
export const identity = {
  GIT_AUTHOR_NAME: "Octo Example",
  GIT_AUTHOR_EMAIL: "octo@example.com",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
  GIT_COMMITTER_NAME: "Octo Example",
  GIT_COMMITTER_EMAIL: "octo@example.com",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
};

/** A newcomer's clone of this repository as it stands in the working tree, with the packages already installed. */
export interface Clone {
  readonly path: string;
  /** `npm start -- ARGS --json`; gives the stack outputs. Rejects with what it printed. */
  start(args?: readonly string[], environment?: Environment): Promise<Outcome>;
  /** The same, without waiting and without `--json`. */
  spawn(args?: readonly string[], environment?: Environment): ResultPromise;
  /** The start's own process, the leader of a group of its own, so that a test can send it signals. */
  launch(args?: readonly string[], environment?: Environment): Running;
  /** Changes a file and commits it. */
  commit(path: string, change: (text: string) => string, message: string): Promise<string>;
  git(...args: string[]): Promise<string>;
  /** The requests that the local GitHub was sent in all runs so far. */
  githubRequests(): Promise<readonly Request[]>;
  /** The requests that the registry was sent in all runs so far. */
  registryRequests(): Promise<readonly Request[]>;
  /** Removes it. @throws when an answer of its local GitHub was not as GitHub describes it */
  remove(): Promise<void>;
}

/** A request that a service was sent. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

/** The requests that change something at a service. */
export function writes(requests: readonly Request[]): readonly Request[] {
  return requests.filter(({ method }) => method !== "GET" && method !== "HEAD");
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A start that is under way. */
export interface Running {
  readonly pid: number;
  /** Waits until it has shown this. @throws with what it showed when it ended before */
  shows(text: string): Promise<void>;
  /** Waits until it has ended; gives its exit code or the signal that ended it, and all that it showed. */
  ended(): Promise<{ readonly code: number | NodeJS.Signals | null; readonly shown: string }>;
}

/** What a start ended with. */
export interface Outcome {
  // biome-ignore lint/suspicious/noExplicitAny: stack outputs as a reader of --json sees them
  readonly outputs: any;
  /** Everything that was shown while it worked. */
  readonly shown: string;
}

/**
 * Makes a clone in a new directory; `name` shows in its path.
 *
 * @param keeps the setting repositoryParts: nothing, where a test looks at releases alone and changes what immutable
 *   releases would protect; or what a newcomer gets
 */
export async function makeClone(name: string, keeps: "nothing" | "everything" = "nothing"): Promise<Clone> {
  const path = join(await mkdtemp(join(tmpdir(), `${name}-`)), "checkout");
  await copyProject(path);
  if (keeps === "nothing") {
    await appendFile(join(path, "Pulumi.local.yaml"), "  mount-monitor:repositoryParts: []\n");
  }
  await reservePorts(path);
  await execa("git", ["init", "-q", "-b", "main"], { cwd: path });
  const clone = openClone(path);
  await clone.git("-c", "core.excludesFile=", "add", "-A", "--", ".", ":!node_modules");
  await clone.git("commit", "-q", "-m", "feat: watch mount points");
  return clone;
}

/** Clones a clone into another directory, as `git clone` under a umask does; it has nothing that git does not have. */
export async function cloneOf(origin: Clone, name: string, umask = "022"): Promise<Clone> {
  const path = join(await mkdtemp(join(tmpdir(), `${name}-`)), "checkout");
  await execa("sh", ["-c", 'umask "$1" && git clone -q "$2" "$3"', "sh", umask, origin.path, path]);
  await symlink(join(project, "node_modules"), join(path, "node_modules"));
  await reservePorts(path);
  return openClone(path, umask);
}

/**
 * Chooses the ports of a clone, as its first start would: nothing listens on them between two starts, and another test's
 * clone would take one of them for free now and then.
 */
async function reservePorts(path: string): Promise<void> {
  const local = join(path, ".local");
  await mkdir(local);
  const ports = { registry: await reservedPort(), github: await reservedPort() };
  await writeFile(join(local, "ports.json"), JSON.stringify(ports));
}

// Held until this process ends; above the ports that a start chooses from, below those of outgoing connections.
async function reservedPort(): Promise<number> {
  for (let port = 30_000; port < 32_768; port++) {
    if ((await takeKernelLock(`port ${port} of a test`)) !== undefined && (await isFree(port))) return port;
  }
  throw new Error("no port below 32768 is free");
}

async function copyProject(path: string): Promise<void> {
  const files = (await execa("git", ["ls-files", "-co", "--exclude-standard"], { cwd: project, lines: true })).stdout;
  for (const file of files) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await cp(join(project, file), join(path, file)).catch((error: NodeJS.ErrnoException) => {
      // Deleted in the working tree, not yet in the index.
      if (error.code !== "ENOENT") throw error;
    });
  }
  await symlink(join(project, "node_modules"), join(path, "node_modules"));
}

function openClone(path: string, umask = "022"): Clone {
  const git = async (...args: string[]) => (await execa("git", args, { cwd: path, env: identity })).stdout;
  const spawn = (args: readonly string[] = [], environment: Environment = {}) =>
    execa("sh", ["-c", 'umask "$1"; shift; exec npm start --silent -- "$@"', "sh", umask, ...args], {
      cwd: path,
      env: environment,
      all: true,
      forceKillAfterDelay: false,
    });

  const clone: Clone = {
    path,
    git,
    spawn,
    async start(args = [], environment = {}) {
      const { stdout, stderr } = await spawn([...args, "--json"], environment);
      return { outputs: stdout === "" ? undefined : JSON.parse(String(stdout)), shown: String(stderr) };
    },
    launch(args = [], environment = {}) {
      const child = spawnProcess(join(project, "node_modules/.bin/node"), ["rehearsal/start.ts", ...args], {
        cwd: path,
        env: { ...process.env, ...environment },
        detached: true,
        stdio: ["ignore", "ignore", "pipe"],
      });
      let shown = "";
      const looks = new Set<() => void>();
      child.stderr.setEncoding("utf8").on("data", (piece: string) => {
        shown += piece;
        for (const look of looks) look();
      });
      const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
        child.once("exit", (code, signal) => resolve(code ?? signal));
      });
      return {
        pid: child.pid ?? 0,
        shows: (text) =>
          new Promise((resolve, reject) => {
            const look = () => {
              if (shown.includes(text)) {
                looks.delete(look);
                resolve();
              }
            };
            looks.add(look);
            look();
            ended.then(() => reject(new Error(`ended without showing "${text}":\n${shown}`)));
          }),
        ended: async () => ({ code: await ended, shown }),
      };
    },
    async commit(file, change, message) {
      await writeFile(join(path, file), change(await readFile(join(path, file), "utf8")));
      await git("add", "--", file);
      await git("commit", "-q", "-m", message);
      return git("rev-parse", "HEAD");
    },
    githubRequests: async () =>
      (await linesOf(join(path, ".local/github-requests.jsonl"))).map((line) => JSON.parse(line)),
    registryRequests: async () =>
      (await linesOf(join(path, ".local/registry-access.log"))).map((line) => {
        const [, method = "", target = "", status] = /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d+)/.exec(line) ?? [];
        return { method, path: target, status: Number(status) };
      }),
    async remove() {
      const answers = new Set(await linesOf(join(path, answersFile)));
      const asked = await clone.githubRequests();
      await rm(dirname(path), { recursive: true, force: true });
      if (asked.length > 0 && answers.size === 0) {
        throw new Error("the answers of the local GitHub were not kept: is REHEARSAL_SUPERVISOR set?");
      }
      for (const answer of answers) {
        validateExchange(JSON.parse(answer));
      }
    },
  };
  return clone;
}

async function linesOf(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    // Nothing was asked yet.
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").filter(Boolean);
}
