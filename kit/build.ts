import { type FSWatcher, watch } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { execa } from "execa";
import { moduleDirectory } from "./cache.ts";
import { endingWithParent } from "./parent-death.ts";
import type { Part, Platform } from "./part.ts";
import { executablesOnPath } from "./search-path.ts";

/**
 * Builds parts from their pinned Go modules, all by one `go build`: it compiles what they share once and links one
 * while it compiles the next. Each is handed over as soon as it is linked.
 *
 * @param work directory on the kit's file system; Go moves a finished executable there, so it appears whole or not at all
 * @param take called once for each part, one after the other
 * @throws with what Go printed
 */
export async function buildParts(
  parts: readonly Part[],
  platform: Platform,
  work: string,
  take: (part: Part, path: string) => Promise<void>,
): Promise<void> {
  if (executablesOnPath("go").length === 0) {
    throw new Error(
      `${parts.map(({ name }) => name).join(", ")}: the download sites cannot be reached and there is no Go on the PATH ` +
        "to build them with; install Go 1.26 or later (https://go.dev/dl/), or let the sites be reached",
    );
  }
  const [output, temporary] = [join(work, "out"), join(work, "go")];
  await Promise.all([mkdir(output), mkdir(temporary)]);
  const arrivals = new Arrivals(output, parts, take);
  const [program, ...args] = endingWithParent(["go", ...buildArguments(parts, output)]);
  const build = execa(program, args, {
    cwd: moduleDirectory,
    env: buildEnvironment(platform, temporary),
    stdin: "ignore",
    all: true,
    reject: false,
    // A group of its own, so that the compilers which it starts can be ended with it.
    detached: true,
    cleanup: false,
  });
  // Until the build has ended; afterwards its number may be another process's.
  const end = () => build.pid !== undefined && process.kill(-build.pid, "SIGKILL");
  process.once("exit", end);
  try {
    const result = await build;
    process.off("exit", end);
    if (result.failed) {
      throw new Error(`building the kit failed: ${result.shortMessage}\n${result.all}`);
    }
    await arrivals.finish();
  } finally {
    arrivals.close();
  }
}

/** Arguments of `go` that build `parts` into the directory `output`, each with its version. */
export function buildArguments(parts: readonly Part[], output: string): string[] {
  const flags = parts.map(
    ({ build }) => `-ldflags=${build.package}=-s -w -X ${build.versionVariable}=${build.version}`,
  );
  return ["build", "-trimpath", ...flags, "-o", `${output}/`, ...parts.map(({ build }) => build.package)];
}

function buildEnvironment({ os, arch }: Platform, temporary: string): Record<string, string> {
  return {
    GOOS: os,
    GOARCH: arch,
    CGO_ENABLED: "0",
    GOFLAGS: "-mod=readonly -buildvcs=false",
    GOWORK: "off",
    // An older Go fetches the one that go.mod asks for, from the module proxy like everything else.
    GOTOOLCHAIN: "auto",
    GOTMPDIR: temporary,
  };
}

/** Watches a directory in which executables appear. */
class Arrivals {
  readonly #directory: string;
  readonly #waiting: Map<string, Part>;
  readonly #take: (part: Part, path: string) => Promise<void>;
  readonly #watcher: FSWatcher;
  #queue: Promise<void> = Promise.resolve();

  constructor(directory: string, parts: readonly Part[], take: (part: Part, path: string) => Promise<void>) {
    this.#directory = directory;
    this.#waiting = new Map(parts.map((part) => [basename(part.build.package), part]));
    this.#take = take;
    this.#watcher = watch(directory, (_event, file) => this.#arrive(file));
  }

  #arrive(file: string | null): void {
    const part = file === null ? undefined : this.#waiting.get(file);
    if (part !== undefined && file !== null) {
      this.#waiting.delete(file);
      this.#queue = this.#queue.then(() => this.#take(part, join(this.#directory, file)));
      // The failure is reported by finish(); until then nobody waits for it.
      this.#queue.catch(() => {});
    }
  }

  /** Takes what no event told of, and waits until all are taken. */
  async finish(): Promise<void> {
    for (const file of await readdir(this.#directory)) {
      this.#arrive(file);
    }
    await this.#queue;
    if (this.#waiting.size > 0) {
      throw new Error(`building the kit did not make ${[...this.#waiting.keys()].join(", ")}`);
    }
  }

  close(): void {
    this.#watcher.close();
  }
}
