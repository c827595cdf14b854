import { appendFileSync } from "node:fs";
import type { LocalGitHub } from "../../rehearsal/github/server.ts";

/** Where a rehearsal's working directory keeps the answers of its GitHub, one JSON object a line. */
export const answersFile = ".local/github-answers.jsonl";

/**
 * Runs inside a rehearsal: keeps every answer, so that {@link Clone.remove} can compare it with GitHub's description, and lets
 * requests fail as the rules in `REHEARSAL_FAULTS` say. At once and not at the end: the rehearsal may be killed.
 */
export function supervise(github: LocalGitHub): void {
  github.hooks.onResponse = (exchange) => appendFileSync(answersFile, `${JSON.stringify(exchange)}\n`);
  for (const rule of JSON.parse(process.env.REHEARSAL_FAULTS ?? "[]")) {
    github.misbehave(rule);
  }
}
