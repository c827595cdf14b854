import { openRehearsal } from "../../rehearsal/rehearsal.ts";

// Runs one operation of the engine on the rehearsal's stack in this directory, and prints what the engine showed.
const options = {
  source: undefined,
  version: undefined,
  commit: undefined,
  settings: {},
  keep: false,
  json: false,
  preview: false,
  reset: false,
};
await using rehearsal = await openRehearsal(options, () => {}, new AbortController().signal);
const { stack, configFile } = rehearsal.stack;
const shown = { configFile, onOutput: (text: string) => process.stdout.write(text) };
const operations = {
  refresh: () => stack.refresh(shown),
  preview: () => stack.preview({ ...shown, diff: true }),
  up: () => stack.up(shown),
  destroy: () => stack.destroy(shown),
};
const [, , name = ""] = process.argv;
if (!(name in operations)) {
  throw new Error(`unknown operation "${name}"; one of ${Object.keys(operations).join(", ")}`);
}
await operations[name as keyof typeof operations]();
