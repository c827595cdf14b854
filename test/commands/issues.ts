import { onTestFinished } from "vitest";
import { type LocalGitHub, startGitHub } from "../../rehearsal/github/server.ts";
import { createIssues, type Issues } from "../../src/services/github/issues.ts";
import { JOB_AUTHOR } from "../../src/services/workflow-run.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";

/** A local GitHub with one repository, and the issues of it as a job, a person and nobody see them. */
export interface IssueWorld {
  readonly github: LocalGitHub;
  readonly job: Issues;
  readonly person: Issues;
  /** Requests that changed something, `METHOD path`. */
  writes(): string[];
}

export async function issueWorld(): Promise<IssueWorld> {
  const github = await startGitHub({ port: 0, token: "administrator", onResponse: validateExchange });
  onTestFinished(() => github.stop());
  github.createRepository({ owner: "octo", name: "app" });
  github.addToken("job-token", JOB_AUTHOR, "push");
  const issues = (token: string) => createIssues({ apiUrl: github.apiUrl, repository: "octo/app", token });
  return {
    github,
    job: issues("job-token"),
    person: issues("administrator"),
    writes: () =>
      github.history
        .filter(({ method }) => method !== "GET")
        .map(({ method, path }) => `${method} ${path.replace("/repos/octo/app", "")}`),
  };
}
