import { json } from "node:stream/consumers";
import { pushedTag } from "../model/release-intent.ts";
import { releaseSummary } from "../model/release-summary.ts";

// Reads stack outputs (pulumi stack output --json) and prints them as Markdown.
try {
  const pushed = pushedTag(process.env);
  process.stdout.write(releaseSummary(await json(process.stdin), pushed.ok ? pushed.tag : undefined));
} catch (error) {
  process.stderr.write(`these are no outputs of this program: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
