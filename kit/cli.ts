import { parseArgs } from "node:util";
import Table from "cli-table3";
import { duration } from "./duration.ts";
import { inspectKit, provisionKit } from "./provision.ts";

const usage = `npm run kit              provide what the program needs to run
npm run kit -- --list    show what is used and where it came from
`;

// An orderly end, so that what was started ends too.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(signal === "SIGINT" ? 130 : 143));
}

try {
  const { values } = parseArgs({ options: { list: { type: "boolean", default: false }, help: { type: "boolean" } } });
  if (values.help) {
    process.stdout.write(usage);
  } else if (values.list) {
    await list();
  } else {
    const started = performance.now();
    const { bin, parts } = await provisionKit({ report: (line) => process.stdout.write(`${line}\n`) });
    process.stdout.write(`kit: ${parts.length} parts in ${bin} (${duration(performance.now() - started)})\n`);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function list(): Promise<void> {
  const { rows } = await inspectKit();
  const table = new Table({ head: ["part", "version", "origin", "path"], style: { head: [], border: [] } });
  for (const row of rows) {
    table.push(
      "origin" in row
        ? [row.name, row.version, row.origin, row.path]
        : [row.name, row.version, "not there yet", "npm run kit provides it"],
    );
  }
  process.stdout.write(`${table}\n`);
}
