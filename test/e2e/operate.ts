import { text } from "node:stream/consumers";
import { CommandError } from "@pulumi/pulumi/automation/index.js";
import { execa } from "execa";
import { openRehearsal } from "../../rehearsal/rehearsal.ts";
import type { Order } from "./order.ts";

// Runs one operation of the engine on the rehearsal's stack in this directory, and prints what the engine showed. What
// goes beyond that is ordered on standard input. As with npm start, whatever a failed program still waits for ends with the
// process.
await main();
process.exit();

async function main(): Promise<void> {
  const order: Order = JSON.parse((await text(process.stdin)) || "{}");
  const options = {
    source: undefined,
    version: order.version,
    commit: undefined,
    settings: order.settings ?? {},
    keep: false,
    json: false,
    preview: false,
    reset: false,
  };
  await using rehearsal = await openRehearsal(options, () => {}, new AbortController().signal);
  const { stack, configFile } = rehearsal.stack;
  if (order.job) {
    rehearsal.github.addToken(order.job, "github-actions[bot]", "push");
    process.env.GITHUB_TOKEN = order.job;
    stack.workspace.envVars.GITHUB_TOKEN = order.job;
  }
  const shown = {
    configFile,
    onOutput: (piece: string) => process.stdout.write(piece),
    onError: (piece: string) => process.stderr.write(piece),
    ...(order.logs ? { debug: true, logToStdErr: true, logVerbosity: 8, logFlow: true } : {}),
  };
  const cli = async (...args: string[]) => {
    const { pulumiCommand, pulumiHome = "", envVars, workDir } = stack.workspace;
    const env = { ...envVars, PULUMI_HOME: pulumiHome };
    return (await execa(pulumiCommand.command, [...args, "--stack", stack.name], { cwd: workDir, env })).stdout;
  };
  const chosen = order.exclude ? { exclude: [...order.exclude] } : {};
  const operations = {
    refresh: () => stack.refresh(shown),
    preview: () => stack.preview({ ...shown, ...chosen, diff: true }),
    up: () => stack.up({ ...shown, ...chosen }),
    destroy: () => stack.destroy(shown),
    // As the CLI prints it; the Automation API would ask it to show secrets.
    export: async () => void process.stdout.write(await cli("stack", "export")),
    forget: async () => {
      await cli("state", "delete", "--yes", "--target-dependents", order.urn ?? "");
    },
  };
  const [, , name = ""] = process.argv;
  if (!(name in operations)) {
    throw new Error(`unknown operation "${name}"; one of ${Object.keys(operations).join(", ")}`);
  }
  try {
    await operations[name as keyof typeof operations]();
  } catch (error) {
    // The engine's error repeats everything that it showed.
    if (!(error instanceof CommandError)) throw error;
    process.exitCode = 1;
  }
}
