import { text } from "node:stream/consumers";
import type { Issues } from "../services/github/issues.ts";
import { issuesOf, JOB_AUTHOR, pullRequestOf } from "../services/workflow-run.ts";
import { asProcess } from "./command.ts";

const MARKER = "<!-- mount-monitor:preview -->";

/**
 * Shows a text as the one comment of ours on a pull request: made the first time, changed afterwards. What two runs at
 * the same time made is one again after the next. A comment of somebody else is never ours, whatever it says.
 *
 * @param body Markdown
 * @returns what was done, one sentence
 */
export async function showComment(issues: Issues, pullRequest: number, body: string): Promise<string> {
  const marked = `${MARKER}\n${body}`;
  const [first, ...others] = (await issues.comments(pullRequest)).filter(
    (comment) => comment.author === JOB_AUTHOR && comment.body.startsWith(MARKER),
  );
  for (const { id } of others) {
    await issues.deleteComment(id);
  }
  if (first === undefined) {
    return `made ${(await issues.comment(pullRequest, marked)).url}`;
  }
  if (first.body === marked) {
    return `${first.url} says so already`;
  }
  return `changed ${(await issues.changeComment(first.id, marked)).url}`;
}

if (import.meta.main) {
  await asProcess(async () => {
    const body = await text(process.stdin);
    if (body.trim() === "") {
      throw new Error("there is nothing to show: the preview ended before it said anything; its own step tells why");
    }
    const done = await showComment(issuesOf(process.env), await pullRequestOf(process.env), body);
    process.stderr.write(`${done}\n`);
  });
}
