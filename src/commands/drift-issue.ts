import { parseArgs } from "node:util";
import { LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { z } from "zod";
import { type Difference, driftReport } from "../model/drift-report.ts";
import { REPOSITORY_COMPONENT } from "../model/exclusion.ts";
import { credentialsIn, redacted } from "../model/redaction.ts";
import type { Issues } from "../services/github/issues.ts";
import { issuesOf, JOB_AUTHOR, runUrl } from "../services/workflow-run.ts";
import { asProcess } from "./command.ts";

const usage = `node src/commands/drift-issue.ts --stack NAME
  Compares what is published with what the stack released, and changes neither: one open issue says what differs.`;
const drifted = z.object({ drift: z.array(z.string()).min(1) });

/**
 * What a refresh would change, without doing it. The repository's settings are left out: a job's token may not read them.
 * @param stack as `--stack` takes it
 */
export async function differences(stack: string): Promise<Difference[]> {
  const opened = await LocalWorkspace.selectStack({ stackName: stack, workDir: process.cwd() });
  const found: Difference[] = [];
  const show = (text: string) => process.stderr.write(redacted(text, credentialsIn(process.env)));
  await opened.previewRefresh({
    exclude: [REPOSITORY_COMPONENT],
    color: "never",
    onOutput: show,
    onError: show,
    onEvent: ({ resOutputsEvent }) => {
      if (!resOutputsEvent) {
        return;
      }
      const { urn, op, new: now } = resOutputsEvent.metadata;
      const seen = drifted.safeParse(now?.outputs);
      // What else a provider reads is no difference of anything published: the image's context, which only lies where
      // it was built.
      if (seen.success || op === "delete") {
        found.push({ urn, sentences: seen.success ? seen.data.drift : ["is gone"] });
      }
    },
  });
  return found;
}

/** Keeps one open issue of ours for a stack while something differs, and closes it when nothing does any more. */
export async function keepIssue(
  issues: Issues,
  stack: string,
  found: readonly Difference[],
  run: string,
): Promise<string> {
  const marker = `<!-- mount-monitor:drift ${stack} -->`;
  const [ours, ...others] = (await issues.open())
    .filter(({ author, body }) => author === JOB_AUTHOR && body.startsWith(marker))
    .sort((left, right) => left.number - right.number);
  for (const { number } of others) {
    await issues.change(number, { state: "closed" });
  }
  if (found.length === 0) {
    return ours
      ? `closed ${(await issues.change(ours.number, { state: "closed" })).url}: nothing differs any more`
      : "what is published is what was released";
  }
  const { title, body } = driftReport(stack, found, run);
  const marked = `${marker}\n${body}`;
  if (ours === undefined) {
    return `opened ${(await issues.create({ title, body: marked })).url}`;
  }
  // The address of the run alone is no news.
  const same = withoutRun(ours.body) === withoutRun(marked);
  return same
    ? `${ours.url} says so already`
    : `changed ${(await issues.change(ours.number, { title, body: marked })).url}`;
}

function withoutRun(body: string): string {
  return body.replaceAll("\r\n", "\n").trimEnd().replace(/\n.*$/, "");
}

if (import.meta.main) {
  await asProcess(async () => {
    const { stack } = parseArgs({ options: { stack: { type: "string" } } }).values;
    if (stack === undefined) {
      throw new Error(usage);
    }
    const done = await keepIssue(issuesOf(process.env), stack, await differences(stack), runUrl(process.env));
    process.stderr.write(`${done}\n`);
  });
}
