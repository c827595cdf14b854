import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { LocalWorkspace, PulumiCommand } from "@pulumi/pulumi/automation/index.js";
import Table from "cli-table3";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { withoutReport } from "../rehearsal/stack.ts";
import { bareRelease, buildBuildctl } from "./bare-release.ts";
import { median, rounded, seconds } from "./measure.ts";

// Ratios from interleaved pairs: ours, the other, ours, the other. The median of the pairs' ratios is what counts.
const PAIRS = Number(process.argv[2] ?? 5);
const project = join(import.meta.dirname, "..");

interface Comparison {
  readonly name: string;
  /** At most this many times what it is compared with; absent where nothing was asked. */
  readonly target?: number;
  readonly ours: () => Promise<unknown>;
  readonly other: () => Promise<unknown>;
}

const directory = await mkdtemp(join(tmpdir(), "bench-"));
await using ending = new AsyncDisposableStack();
ending.defer(() => rm(directory, { recursive: true, force: true }));
report("buildctl is built, and a first release made outside the measurement");
const buildctl = await buildBuildctl(project, directory);
const clone = await cloneInto("clone");
const fresh = await cloneInto("fresh");
await start(clone);
await start(fresh);

process.chdir(clone);
// The clone's own code, so that what is measured is one commit, whatever is being edited.
const { openRehearsal }: typeof import("../rehearsal/rehearsal.ts") = await import(
  pathToFileURL(join(clone, "rehearsal/rehearsal.ts")).href
);
const rehearsal = await openRehearsal(
  {
    source: undefined,
    version: undefined,
    commit: undefined,
    settings: {},
    keep: false,
    json: false,
    preview: false,
    reset: false,
  },
  report,
  new AbortController().signal,
);
ending.use(rehearsal);
const { stack, configFile } = rehearsal.stack;
const empty = await emptyStack();
let released = 0;

const machine = { cpu: cpus()[0]?.model ?? "", cores: availableParallelism(), node: process.version, pairs: PAIRS };
const results: Awaited<ReturnType<typeof measure>>[] = [];
for (const comparison of comparisons()) {
  results.push(await measure(comparison));
  await writeFile(join(project, "bench/results.json"), `${JSON.stringify({ machine, results }, null, 2)}\n`);
}
const table = new Table({ head: ["comparison", "target", "median ratio", "ours (s)", "other (s)"] });
for (const { name, target, ratio, ours, other } of results) {
  table.push([name, target === undefined ? "" : `≤ ${target}`, ratio, ours, other]);
}
process.stdout.write(`${table}\n`);

function comparisons(): readonly Comparison[] {
  return [
    {
      name: "second update, 0 changes / update of an empty program",
      target: 2,
      ours: () => stack.up({ configFile, expectNoChanges: true }),
      other: () => empty.up(),
    },
    {
      name: "its preview / preview of an empty program",
      target: 2,
      ours: () => stack.preview({ configFile, expectNoChanges: true }),
      other: () => empty.preview(),
    },
    {
      name: "cold release: update / go test, go build for both, push",
      target: 1.15,
      ours: () => withEmptyGoCache(updateToNextVersion),
      other: releaseByHand,
    },
    {
      name: "cold release: whole `npm start`, services and all / the same by hand, services up",
      ours: () => withEmptyGoCache(() => start(fresh, "--reset")),
      other: releaseByHand,
    },
  ];
}

function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function cloneInto(name: string): Promise<string> {
  const path = join(directory, name);
  await execa("git", ["clone", "-q", project, path]);
  await symlink(join(project, "node_modules"), join(path, "node_modules"));
  return path;
}

async function start(place: string, ...options: string[]): Promise<void> {
  await execa("npm", ["start", "--silent", "--", "--json", ...options], { cwd: place });
}

/** Go's cache is empty for what runs inside, in this process's children too. */
async function withEmptyGoCache(run: () => Promise<unknown>): Promise<void> {
  const { GOCACHE } = process.env;
  process.env.GOCACHE = await mkdtemp(join(directory, "cache-"));
  try {
    await run();
  } finally {
    // The time that this takes is the cache's and is counted on both sides.
    await rm(process.env.GOCACHE, { recursive: true, force: true });
    if (GOCACHE === undefined) {
      delete process.env.GOCACHE;
    } else {
      process.env.GOCACHE = GOCACHE;
    }
  }
}

/** Every release is the next version of the same stack, so that no binary and no image is found again. */
async function updateToNextVersion(): Promise<void> {
  const settings = parse(await readFile(configFile, "utf8"));
  settings.config["mount-monitor:version"] = `2.${released++}.0`;
  await writeFile(configFile, stringify(settings));
  await stack.up({ configFile });
}

async function releaseByHand(): Promise<void> {
  const version = `3.${released++}.0`;
  const work = join(directory, `bare-${version}`);
  const { registry, dockerConfig } = rehearsal.services;
  await bareRelease({ checkout: clone, directory: work, buildctl, dockerConfig, registry: registry.address, version });
  await rm(work, { recursive: true });
}

/**
 * A program without a resource, on the same engine, with a file backend and a passphrase as the rehearsal's stack has. It
 * lies in a checkout of the same repository: the engine looks at the checkout's state before every operation.
 */
async function emptyStack() {
  const workDir = join(await cloneInto("empty"), "empty");
  await mkdir(join(workDir, "state"), { recursive: true });
  const root = join(clone, ".local/pulumi");
  const stack = await LocalWorkspace.createOrSelectStack(
    { stackName: "empty", projectName: "empty", program: async () => ({}) },
    {
      workDir,
      pulumiHome: root,
      pulumiCommand: await PulumiCommand.get({ root }),
      envVars: {
        PULUMI_BACKEND_URL: `file://${join(workDir, "state")}`,
        PULUMI_CONFIG_PASSPHRASE: "empty",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      },
    },
  );
  return withoutReport(stack);
}

async function measure({ name, target, ours, other }: Comparison) {
  const pairs: [number, number][] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    const [a, b] = [await seconds(ours), await seconds(other)];
    pairs.push([a, b]);
    report(`${name}: pair ${pair} of ${PAIRS}: ${a.toFixed(2)} s / ${b.toFixed(2)} s`);
  }
  return {
    name,
    ...(target === undefined ? {} : { target }),
    ratio: rounded(median(pairs.map(([a, b]) => a / b))),
    ours: rounded(median(pairs.map(([a]) => a))),
    other: rounded(median(pairs.map(([, b]) => b))),
    pairs: pairs.map((pair) => pair.map(rounded)),
  };
}
