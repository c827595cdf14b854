import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, oneLine, quoted, shown } from "../model/quotation.ts";
import { createIssues, type Issues } from "./github/issues.ts";

/**
 * Whom GitHub names as the author of what a job's token writes.
 * @see https://docs.github.com/en/actions/concepts/security/github_token
 */
export const JOB_AUTHOR = "github-actions[bot]";

type Environment = Readonly<Record<string, string | undefined>>;

/** The issues of the repository whose workflow runs this. @throws outside of a workflow, or without its token */
export function issuesOf(environment: Environment): Issues {
  return createIssues({
    apiUrl: variable(environment, "GITHUB_API_URL"),
    repository: variable(environment, "GITHUB_REPOSITORY"),
    token: variable(environment, "GITHUB_TOKEN"),
    report: (line) => process.stderr.write(`${line}\n`),
  });
}

/** Number of the pull request that started this run. @throws when none did */
export async function pullRequestOf(environment: Environment): Promise<number> {
  const path = variable(environment, "GITHUB_EVENT_PATH");
  const event: unknown = await readFile(path, "utf8")
    .then(JSON.parse)
    .catch((error: unknown) => {
      throw new Error(
        `GITHUB_EVENT_PATH is ${quoted(path, 250)}, which tells no event (${oneLine(messageOf(error))}): GitHub Actions sets it`,
      );
    });
  const parsed = z.object({ pull_request: z.object({ number: z.int() }) }).safeParse(event);
  if (!parsed.success) {
    throw new Error(
      `this run was started by ${shown(environment.GITHUB_EVENT_NAME ?? "something")}, not by a pull request`,
    );
  }
  return parsed.data.pull_request.number;
}

/** Where a reader finds this run. */
export function runUrl({ GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_RUN_ID }: Environment): string {
  return `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
}

function variable(environment: Environment, name: string): string {
  const value = environment[name];
  if (!value) {
    throw new Error(
      `${name} is not set: this command is run by a workflow of GitHub, with the job's token in GITHUB_TOKEN`,
    );
  }
  return value;
}
