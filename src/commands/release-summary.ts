import { json } from "node:stream/consumers";
import { messageOf } from "../model/quotation.ts";
import { pushedTag } from "../model/release-intent.ts";
import { releaseSummary } from "../model/release-summary.ts";

// Reads stack outputs (pulumi stack output --json) and prints them as Markdown.
try {
  const pushed = pushedTag(process.env);
  process.stdout.write(releaseSummary(await json(process.stdin), pushed.ok ? pushed.tag : undefined));
} catch (error) {
  process.stderr.write(`these are no outputs of this program: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
