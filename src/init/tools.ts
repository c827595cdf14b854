import { buildkitVersion } from "../services/builder.ts";
import { run } from "../services/process.ts";

/** What the machine has of the tools that releases are made with. */
export interface Tools {
  /** One line for each tool that is there: its name and version. */
  readonly present: readonly string[];
  /** What nothing works without: one sentence each, with the fix. */
  readonly missing: readonly string[];
  /** What only an update that releases needs, which may run elsewhere. */
  readonly lacking: readonly string[];
}

interface Tool {
  readonly name: string;
  version(): Promise<string>;
  /** What to do when it is not there; releases made elsewhere do not need it on this machine. */
  readonly fix: string;
  readonly elsewhere?: true;
}

const TOOLS: readonly Tool[] = [
  { name: "git", version: () => output("git", "--version"), fix: "install it: https://git-scm.com/downloads" },
  {
    name: "pulumi",
    version: () => output("pulumi", "version"),
    fix: "run `npm run init` in a checkout with its packages (`npm ci`), or install it: https://www.pulumi.com/docs/install/",
  },
  { name: "go", version: () => output("go", "version"), fix: "install it: https://go.dev/dl/", elsewhere: true },
  {
    name: "buildx builder",
    version: async () => `BuildKit ${await buildkitVersion(undefined)}`,
    fix: "start Docker, or: docker buildx create --use --driver remote tcp://HOST:PORT",
    elsewhere: true,
  },
];

/** Looks for git, the engine's CLI, Go and a builder that answers. */
export async function findTools(): Promise<Tools> {
  const found = await Promise.all(
    TOOLS.map(async (tool) => {
      try {
        return { tool, version: await tool.version() };
      } catch (error) {
        const [reason] = (error instanceof Error ? error.message : String(error)).split(/[\n;]/);
        return { tool, problem: `${tool.name} is not there (${reason}): ${tool.fix}` };
      }
    }),
  );
  return {
    present: found.flatMap(({ tool, version }) => (version === undefined ? [] : [`${tool.name}: ${version}`])),
    missing: found.flatMap(({ tool, problem }) => (problem && !tool.elsewhere ? [problem] : [])),
    lacking: found.flatMap(({ tool, problem }) => (problem && tool.elsewhere ? [problem] : [])),
  };
}

async function output(command: string, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args);
  if (exitCode !== 0) {
    throw new Error(stderr.trim() || `exit code ${exitCode}`);
  }
  return Buffer.from(stdout)
    .toString()
    .trim()
    .replace(/^(?:git version|go version) /, "");
}
