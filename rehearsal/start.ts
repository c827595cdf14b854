import { outliveReaders } from "../src/commands/command.ts";
import { parseOptions, usage } from "./options.ts";
import { rehearse } from "./rehearsal.ts";

const report = (line: string) => process.stderr.write(`${line}\n`);
const interruption = new AbortController();
outliveReaders();
// Exit codes as a shell gives them. A second signal ends this process at once, and the system ends its children.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  // Kept after the first signal: libraries that clean up on signals end the process themselves where nobody else listens.
  process.on(signal, () => {
    if (interruption.signal.aborted) {
      process.exit(code);
    }
    report(`${signal}: ending at the next boundary`);
    process.exitCode = code;
    interruption.abort();
  });
}

try {
  await rehearse(parseOptions(process.argv.slice(2)), report, interruption.signal);
} catch (error) {
  if (!interruption.signal.aborted) {
    report(messageOf(error));
    process.exitCode = 1;
  }
}
// Whatever is still under way, such as the build of the kit, ends with this process.
process.exit();

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  return "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
    ? `${error.message}\n\n${usage}`
    : error.message;
}
