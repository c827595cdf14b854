import { parseOptions, usage } from "./options.ts";
import { rehearse } from "./rehearsal.ts";

const report = (line: string) => process.stderr.write(`${line}\n`);

try {
  await rehearse(parseOptions(process.argv.slice(2)), report);
} catch (error) {
  report(error instanceof TypeError && "code" in error ? `${error.message}\n\n${usage}` : messageOf(error));
  process.exitCode = 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
