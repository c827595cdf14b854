import { parseDocument } from "yaml";
import { z } from "zod";

/** Something that a workflow must not have. */
export interface Finding {
  readonly rule: RuleName;
  /** Job and step, or the part of the file. */
  readonly where: string;
  readonly message: string;
}

const texts = z.record(z.string(), z.unknown());
const stepSchema = z.looseObject({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  if: z.unknown().optional(),
  with: texts.default({}),
  env: texts.default({}),
});
const jobSchema = z.looseObject({
  if: z.unknown().optional(),
  uses: z.string().optional(),
  secrets: z.unknown().optional(),
  environment: z.union([z.string(), z.looseObject({ name: z.string() }).transform(({ name }) => name)]).optional(),
  permissions: z.unknown().optional(),
  "runs-on": z.unknown().optional(),
  "timeout-minutes": z.unknown().optional(),
  env: texts.default({}),
  steps: z.array(stepSchema).default([]),
});
const workflowSchema = z.looseObject({
  on: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
  permissions: z.unknown().optional(),
  concurrency: z.unknown().optional(),
  env: texts.default({}),
  jobs: z.record(z.string(), jobSchema),
});

type Step = z.output<typeof stepSchema>;
type Job = z.output<typeof jobSchema>;
/** A workflow as it was read, and its text. */
type Workflow = z.output<typeof workflowSchema> & { readonly text: string };
type Problem = Omit<Finding, "rule">;
type Rule = (workflow: Workflow) => Problem[];

/** The environment whose secrets a release may have, and no other job. */
const RELEASE = "release";
const EXPRESSION = /\$\{\{[\s\S]*?\}\}/;
const SECRET = /\bsecrets\b/;
const TOKEN = /\bgithub\s*\.\s*token\b|\bsecrets\b/;
const CREDENTIAL_ACTIONS =
  /^(?:pulumi\/auth-actions|aws-actions\/configure-aws-credentials|azure\/login|google-github-actions\/auth)@/i;
// What a job may write with its token, and how it can be seen that it has to.
const NEEDS_WRITE: Readonly<Record<string, (job: Job) => boolean>> = {
  contents: isRelease,
  packages: isRelease,
  "id-token": ({ steps }) => steps.some(({ uses }) => CREDENTIAL_ACTIONS.test(uses ?? "")),
  "pull-requests": ({ steps }) => steps.some(({ run }) => run?.includes("src/commands/pull-request-comment.ts")),
  issues: ({ steps }) => steps.some(({ run }) => run?.includes("src/commands/drift-issue.ts")),
};

/**
 * One rule, one thing that must not be. Sources: OpenSSF Scorecard (Pinned-Dependencies, Token-Permissions,
 * Dangerous-Workflow) and zizmor's audits, by whose names they go where they have one.
 * @see https://github.com/ossf/scorecard/blob/main/docs/checks.md
 * @see https://docs.zizmor.sh/audits/
 */
export const RULES = {
  /** Every action is pinned to a commit, with its version beside it. */
  "unpinned-uses": ({ text }) =>
    [...text.matchAll(/^[ \t-]*uses:[ \t]*(.*)$/gm)].flatMap(([, reference = ""]) =>
      /^(?:[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|\.\/\S*)$/.test(reference.trim())
        ? []
        : problem(reference, "an action is named by its commit of 40 digits, followed by a comment with its version"),
    ),

  /** The workflow gives no right to all of its jobs, and each job says its own. */
  "excessive-permissions": ({ permissions, jobs }) => [
    ...(isEmptyMap(permissions) ? [] : problem("permissions", "the workflow's own must be {}")),
    ...Object.entries(jobs).flatMap(([id, job]) => {
      const rights = z.record(z.string(), z.enum(["read", "write", "none"])).safeParse(job.permissions);
      return rights.success
        ? Object.entries(rights.data).flatMap(([scope, right]) =>
            right !== "write" || NEEDS_WRITE[scope]?.(job)
              ? []
              : problem(id, `nothing in this job needs ${scope}: write`),
          )
        : problem(id, "a job lists its permissions one by one");
    }),
  ],

  /** Values reach scripts through the environment, never through their text. */
  "template-injection": (workflow) =>
    stepsOf(workflow).flatMap(({ where, step: { run, uses = "", with: given } }) => {
      const script = run ?? (uses.startsWith("actions/github-script@") ? String(given.script) : "");
      return EXPRESSION.test(script) ? problem(where, "an expression in a script is code: hand it over by env") : [];
    }),

  /** No run of a stranger's doing has this repository's rights. */
  "dangerous-triggers": ({ on }) =>
    triggers(on).flatMap((trigger) =>
      ["pull_request_target", "workflow_run", "issue_comment"].includes(trigger)
        ? problem(trigger, "whoever causes such a run gets it with secrets and a token that may write")
        : [],
    ),

  /** The job's token is not left in the checkout. */
  artipacked: (workflow) =>
    stepsOf(workflow).flatMap(({ where, step }) =>
      isAction(step, "actions/checkout") && step.with["persist-credentials"] !== false
        ? problem(where, "persist-credentials must be false")
        : [],
    ),

  /** What a job uploads cannot hold a credential: a job that has one uploads nothing. */
  "credentials-in-artifact": (workflow) =>
    stepsOf(workflow).flatMap(({ where, job, step }) =>
      isAction(step, "actions/upload-artifact") && hasCredentials(job)
        ? problem(where, "a job with credentials uploads no artifact")
        : [],
    ),

  /** A cache that a release reads is only written by runs of a branch's pushes; the release itself writes none. */
  "cache-poisoning": (workflow) =>
    stepsOf(workflow).flatMap(({ where, job, step }) => {
      if (!savesCache(step)) {
        return [];
      }
      const onPush = job.if === "github.event_name == 'push'" && pushesOfBranches(workflow.on);
      return onPush ? [] : problem(where, "only a job for pushes of a branch saves a cache");
    }),

  /** Secrets are in one environment, which only the release has. */
  "secrets-outside-env": (workflow) => [
    ...(hasExpression(workflow.env, SECRET) ? problem("env", "a secret for all jobs") : []),
    ...Object.entries(workflow.jobs).flatMap(([id, job]) =>
      (hasExpression(job, SECRET) || job.secrets !== undefined) && !isRelease(job)
        ? problem(id, `a job with secrets is in the environment ${RELEASE}`)
        : [],
    ),
  ],

  /** The token is given to the steps that need it, not to every program of a job. */
  "overprovisioned-token": (workflow) => [
    ...(hasExpression(workflow.env, TOKEN) ? problem("env", "a credential for all jobs") : []),
    ...Object.entries(workflow.jobs).flatMap(([id, job]) =>
      hasExpression(job.env, TOKEN) ? problem(id, "a credential for all steps of a job") : [],
    ),
  ],

  /** A step changes no later step's environment. */
  "github-env": (workflow) =>
    stepsOf(workflow).flatMap(({ where, step: { run } }) =>
      /GITHUB_(?:ENV|PATH)\b/.test(run ?? "") ? problem(where, "what is written there runs in all later steps") : [],
    ),

  /** A release is never cancelled, and none that waits is dropped for a newer one. */
  "lost-release": ({ jobs, concurrency }) =>
    Object.entries(jobs).flatMap(([id, job]) => {
      const kept = z.looseObject({
        group: z.string(),
        "cancel-in-progress": z.literal(false),
        queue: z.literal("max"),
      });
      return isRelease(job) && !kept.safeParse(concurrency).success
        ? problem(id, "its workflow is in a group with cancel-in-progress: false and queue: max")
        : [];
    }),

  /** Nothing runs for ever. */
  "missing-timeout": ({ jobs }) =>
    Object.entries(jobs).flatMap(([id, job]) =>
      typeof job["timeout-minutes"] === "number" ? [] : problem(id, "a job ends after timeout-minutes"),
    ),

  /** Runners are GitHub's own, of one version. */
  "unpinned-runner": ({ jobs }) =>
    Object.entries(jobs).flatMap(([id, job]) =>
      /^ubuntu-\d\d\.\d\d$/.test(String(job["runs-on"]))
        ? []
        : problem(id, "runs-on names a version of GitHub's runners"),
    ),

  /** A condition is one expression: a text around it would always be true. */
  "unsound-condition": (workflow) =>
    [
      ...Object.entries(workflow.jobs).map(([id, job]) => ({ where: id, condition: job.if })),
      ...stepsOf(workflow).map(({ where, step }) => ({ where, condition: step.if })),
    ].flatMap(({ where, condition }) =>
      EXPRESSION.test(String(condition))
        ? problem(where, "a condition is written without the braces of an expression")
        : [],
    ),
} as const satisfies Record<string, Rule>;

/** Name of a rule. */
export type RuleName = keyof typeof RULES;

/** Everything in a workflow file that a rule forbids. @throws when the text is no workflow */
export function audit(text: string): Finding[] {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new Error(`this is no YAML: ${document.errors.map(({ message }) => message).join("; ")}`);
  }
  const workflow = { ...workflowSchema.parse(document.toJS()), text };
  return Object.entries(RULES).flatMap(([rule, check]) =>
    check(workflow).map((found) => ({ rule: rule as RuleName, ...found })),
  );
}

function problem(where: string, message: string): Problem[] {
  return [{ where, message }];
}

function stepsOf({ jobs }: Workflow): { readonly where: string; readonly job: Job; readonly step: Step }[] {
  return Object.entries(jobs).flatMap(([id, job]) =>
    job.steps.map((step, index) => ({ where: `${id}: ${step.name ?? `step ${index + 1}`}`, job, step })),
  );
}

function triggers(on: Workflow["on"]): string[] {
  return typeof on === "string" ? [on] : Array.isArray(on) ? on : Object.keys(on);
}

function pushesOfBranches(on: Workflow["on"]): boolean {
  const filters = typeof on === "object" && !Array.isArray(on) ? on.push : undefined;
  return z.strictObject({ branches: z.array(z.string().regex(/^[^*?[\]!]+$/)).min(1) }).safeParse(filters).success;
}

function isAction({ uses = "" }: Step, name: string): boolean {
  return uses.toLowerCase().startsWith(`${name}@`);
}

// The actions that set up a language save a cache of their own unless they are told not to.
function savesCache(step: Step): boolean {
  const { uses = "", with: given } = step;
  return (
    isAction(step, "actions/cache") ||
    isAction(step, "actions/cache/save") ||
    (isAction(step, "actions/setup-go") && given.cache !== false) ||
    (isAction(step, "actions/setup-node") && given["package-manager-cache"] !== false) ||
    (isAction(step, "docker/setup-buildx-action") && given["cache-binary"] !== false) ||
    /^(?:docker\/build-push-action|swatinem\/rust-cache|astral-sh\/setup-uv)@/i.test(uses)
  );
}

function isRelease({ environment }: Job): boolean {
  return environment === RELEASE;
}

function hasCredentials(job: Job): boolean {
  return hasExpression(job, TOKEN) || Object.values(texts.catch({}).parse(job.permissions)).includes("write");
}

function hasExpression(value: unknown, pattern: RegExp): boolean {
  return [...JSON.stringify(value ?? null).matchAll(new RegExp(EXPRESSION, "g"))].some(([found]) =>
    pattern.test(found),
  );
}

function isEmptyMap(value: unknown): boolean {
  return z.strictObject({}).safeParse(value).success;
}
