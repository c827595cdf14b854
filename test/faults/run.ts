import { readFile, rm } from "node:fs/promises";
import Table from "cli-table3";
import { execa } from "execa";
import { OBSERVATIONS, type Observation } from "./observation.ts";

const ROWS = 22;

// The whole suite, then one table of every row with what was observed. FAULTS_SEED repeats what is random, FAULTS_PART=1/2
// kills at every second boundary only, 2/2 at the others.
const started = performance.now();
await rm(OBSERVATIONS, { force: true });
const { exitCode } = await execa("vitest", ["run", "-c", "vitest.faults.config.ts", ...process.argv.slice(2)], {
  stdio: "inherit",
  reject: false,
  preferLocal: true,
});
const text = await readFile(OBSERVATIONS, "utf8").catch(() => "");
const observations: Observation[] = text
  .split("\n")
  .filter(Boolean)
  .map((line) => JSON.parse(line));
const rank = ({ row }: Observation) => (typeof row === "number" ? row : ROWS + 1);
const table = new Table({
  head: ["row", "fault", "observed"],
  colWidths: [12, 44, 92],
  wordWrap: true,
  style: { head: [], border: [], compact: true },
});
table.push(
  ...observations
    .sort((left, right) => rank(left) - rank(right))
    .map(({ row, fault, observed }) => [row, fault, observed]),
);
process.stdout.write(`${table.toString()}\n`);
const missing = Array.from({ length: ROWS }, (_, index) => index + 1).filter(
  (row) => !observations.some((observation) => observation.row === row),
);
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
process.stdout.write(
  `${missing.length === 0 ? `all ${ROWS} rows observed` : `rows without an observation: ${missing.join(", ")}`}, ` +
    `${minutes} min, ${await processorMinutes()} min of processors\n`,
);
process.exitCode = exitCode || (missing.length > 0 ? 1 : 0);

/** What this process's children and theirs have used. Source: proc(5), `cutime` and `cstime` in hundredths of a second */
async function processorMinutes(): Promise<string> {
  const stat = await readFile("/proc/self/stat", "utf8").catch(() => "");
  const [, fields = ""] = /\) (.*)$/s.exec(stat) ?? [];
  const [user = 0, system = 0] = fields.split(" ").slice(13, 15).map(Number);
  return ((user + system) / 6_000).toFixed(1);
}
