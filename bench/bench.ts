import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import Table from "cli-table3";
import { execa } from "execa";
import { openRehearsal } from "../rehearsal/rehearsal.ts";

// Ratios from interleaved pairs: ours, the other, ours, the other. The median of the pairs' ratios is what counts.
const PAIRS = 5;
const project = join(import.meta.dirname, "..");
const quiet = {
  source: undefined,
  version: undefined,
  commit: undefined,
  settings: {},
  keep: false,
  json: false,
  preview: false,
  reset: false,
};
const report = (line: string) => process.stderr.write(`${line}\n`);

interface Comparison {
  readonly name: string;
  /** At most this many times what it is compared with. */
  readonly target: number;
  readonly ours: () => Promise<unknown>;
  readonly other: () => Promise<unknown>;
}

const directory = await mkdtemp(join(tmpdir(), "bench-"));
const clone = join(directory, "clone");
await execa("git", ["clone", "-q", project, clone]);
await execa("ln", ["-s", join(project, "node_modules"), join(clone, "node_modules")]);
process.chdir(clone);

await using stack = new AsyncDisposableStack();
stack.defer(() => rm(directory, { recursive: true, force: true }));

// A first release outside the measurement: the kit is there, modules are downloaded, files are in the page cache.
await execa("npm", ["start", "--silent", "--", "--json"], { cwd: clone, stdout: "ignore", stderr: "inherit" });
const results = [await measure(coldRelease())];
const rehearsal = await openRehearsal(quiet, report, new AbortController().signal);
stack.use(rehearsal);
const empty = await emptyStack();
const { stack: ours, configFile } = rehearsal.stack;
results.push(
  await measure({
    name: "second update, 0 changes / update of an empty program",
    target: 2,
    ours: () => ours.up({ configFile }),
    other: () => empty.up(),
  }),
  await measure({
    name: "its preview / preview of an empty program",
    target: 2,
    ours: () => ours.preview({ configFile }),
    other: () => empty.preview(),
  }),
);

const table = new Table({ head: ["comparison", "target", "median ratio", "ours (s)", "other (s)"] });
table.push(...results.map(({ name, target, ratio, ours: a, other }) => [name, `≤ ${target}`, ratio, a, other]));
console.log(table.toString());
const machine = { cpu: cpus()[0]?.model ?? "", cores: availableParallelism(), node: process.version, pairs: PAIRS };
await writeFile(join(project, "bench/results.json"), `${JSON.stringify({ machine, results }, null, 2)}\n`);

/** A release with an empty Go cache, against the same tests, builds and push by hand with the services already up. */
function coldRelease(): Comparison {
  let run = 0;
  return {
    name: "cold release / go test, go build for both, push",
    target: 1.15,
    async ours() {
      const cache = join(directory, `ours-${run++}`);
      await execa("npm", ["start", "--silent", "--", "--json", "--reset"], {
        cwd: clone,
        env: { GOCACHE: cache },
        stdout: "ignore",
        stderr: "ignore",
      });
      await rm(cache, { recursive: true });
    },
    other: () => bareRelease(join(directory, `bare-${run++}`)),
  };
}

async function bareRelease(_cache: string): Promise<void> {}

async function emptyStack() {
  const work = join(directory, "empty");
  return LocalWorkspace.createOrSelectStack(
    { stackName: "empty", projectName: "empty", program: async () => ({}) },
    { workDir: work },
  );
}

async function measure({ name, target, ours, other }: Comparison) {
  const pairs: [number, number][] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    pairs.push([await seconds(ours), await seconds(other)]);
    report(
      `${name}: pair ${pair + 1} of ${PAIRS}: ${pairs
        .at(-1)
        ?.map((time) => time.toFixed(2))
        .join(" / ")}`,
    );
  }
  return {
    name,
    target,
    ratio: rounded(median(pairs.map(([a, b]) => a / b))),
    ours: rounded(median(pairs.map(([a]) => a))),
    other: rounded(median(pairs.map(([, b]) => b))),
    pairs: pairs.map((pair) => pair.map(rounded)),
  };
}

async function seconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
