import { z } from "zod";
import { ACTIONS, pinned } from "./action.ts";
import {
  codeOf,
  conditionsOf,
  containersOf,
  EXPRESSION,
  type Job,
  type ParsedWorkflow,
  parseWorkflow,
  type Step,
  stepsOf,
  triggers,
  usesOf,
} from "./parsed.ts";

/** Something that a workflow must not have. */
export interface Finding {
  readonly rule: RuleName;
  /** Job and step, or the part of the file. */
  readonly where: string;
  readonly message: string;
}

type Problem = Omit<Finding, "rule">;
type Rule = (workflow: ParsedWorkflow) => Problem[];

/** The environment whose secrets a release may have, and no other job. */
const RELEASE = "release";
const SECRET = /\bsecrets\b/;
const PINNED = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
const LOCAL = /^[.$]\/\S*$/;
const KNOWN: ReadonlySet<string> = new Set(
  Object.values(ACTIONS).map((action) => `${pinned(action)} # ${action.version}`),
);
// Source: zizmor's adhoc-packages, and what Scorecard's Pinned-Dependencies looks for in scripts.
const ADHOC =
  /\b(?:npm\s+(?:i|install|add|update)|npx|(?:yarn|pnpm|bundle)\s+add|pnpm\s+(?:i|install)|gem\s+install|pip3?\s+install|(?:go|cargo)\s+install|apt(?:-get)?\s+install)\b|\b(?:curl|wget)\b[^\n]*\|/;
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
    usesOf(text).flatMap((reference) =>
      PINNED.test(reference) || LOCAL.test(reference)
        ? []
        : problem(reference, "an action is named by its commit of 40 digits, followed by a comment with its version"),
    ),

  /** No action but those that were looked at, each with the version that its commit has: no archived, no misspelt one. */
  "forbidden-uses": ({ text }) =>
    usesOf(text).flatMap((reference) =>
      !PINNED.test(reference) || KNOWN.has(reference)
        ? []
        : problem(reference, "an action, a commit or a version that is not in src/model/workflow/action.ts"),
    ),

  /** An action of this repository is the commit's own, not what lies in the checkout when the step begins. */
  "self-repository": ({ text }) =>
    usesOf(text).flatMap((reference) =>
      reference.startsWith("./") ? problem(reference, "an action of this repository is named $/path") : [],
    ),

  /** A container is pinned to its digest. */
  "unpinned-images": (workflow) =>
    containersOf(workflow).flatMap(({ where, container: { image } }) =>
      /@sha256:[0-9a-f]{64}$/.test(image) ? [] : problem(where, `image ${image} is not named by its digest`),
    ),

  /** No password stands in a workflow. */
  "hardcoded-container-credentials": (workflow) =>
    containersOf(workflow).flatMap(({ where, container: { credentials } }) =>
      credentials.password === undefined || EXPRESSION.test(String(credentials.password))
        ? []
        : problem(where, "a password in clear text"),
    ),

  /** What is installed is in a lock file; nothing is downloaded and run. */
  "adhoc-packages": (workflow) =>
    stepsOf(workflow).flatMap(({ where, step: { run = "" } }) =>
      ADHOC.test(run) ? problem(where, "packages come from a lock file: npm ci") : [],
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

  /** A job gets the secrets that it names, not all that there are. */
  "overprovisioned-secrets": ({ jobs, env }) =>
    Object.entries({ ...jobs, env }).flatMap(([where, part]) =>
      hasExpression(part, /\bsecrets\b(?!\s*\.\s*\w)/)
        ? problem(where, "all secrets at once: name those it needs")
        : [],
    ),

  /** A secret is one value: the runner hides no part of one from the log. */
  "unredacted-secrets": ({ jobs, env }) =>
    Object.entries({ ...jobs, env }).flatMap(([where, part]) =>
      hasExpression(part, /fromJSON\s*\(\s*secrets\b/i)
        ? problem(where, "parts of a secret are not hidden in logs")
        : [],
    ),

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

  /** Scripts cannot set variables by what they print. */
  "insecure-commands": ({ text }) =>
    text.includes("ACTIONS_ALLOW_UNSECURE_COMMANDS") ? problem("env", "ACTIONS_ALLOW_UNSECURE_COMMANDS") : [],

  /** Scripts run in a shell whose grammar can be looked at. */
  misfeature: (workflow) => [
    ...(hasOddShell(workflow.defaults) ? problem("defaults", "shell is bash or sh") : []),
    ...Object.entries(workflow.jobs).flatMap(([id, job]) =>
      hasOddShell(job.defaults) ? problem(id, "shell is bash or sh") : [],
    ),
    ...stepsOf(workflow).flatMap(({ where, step: { shell = "bash" } }) =>
      ["bash", "sh"].includes(shell) ? [] : problem(where, "shell is bash or sh"),
    ),
  ],

  /** Nothing is written so that a rule, or a reader, passes over it. */
  obfuscation: (workflow) => [
    ...usesOf(workflow.text).flatMap((reference) =>
      /\/\/|\/\.{1,2}\//.test(reference.replace(/^\w+:\/\//, "")) ? problem(reference, "a path with detours") : [],
    ),
    ...codeOf(workflow).flatMap((code) =>
      /fromJSON\s*\(\s*toJSON\s*\(|format\s*\((?:\s*'[^']*'\s*,?)+\)/i.test(code)
        ? problem(code, "an expression that says nothing")
        : [],
    ),
  ],

  /** Whether somebody is trusted is not decided by who was active last. */
  "bot-conditions": (workflow) =>
    conditionsOf(workflow).flatMap(({ where, condition }) =>
      /\bgithub\s*\.\s*(?:triggering_)?actor\b/.test(condition)
        ? problem(where, "github.actor is whoever was active last: github.event.pull_request.user.login")
        : [],
    ),

  /** A list is a list, not a text that contains its words and all parts of them. */
  "unsound-contains": (workflow) =>
    conditionsOf(workflow).flatMap(({ where, condition }) =>
      /\bcontains\s*\(\s*'/i.test(condition) ? problem(where, "contains() of a text is true for parts of it") : [],
    ),

  /** `a && b || c` is c when b is nothing. */
  "unsound-ternary": (workflow) =>
    codeOf(workflow).flatMap((code) =>
      /&&\s*(?:''|0|false|null)\s*\|\|/.test(code) ? problem(code, "what follows && is never the value") : [],
    ),

  /** A workflow's runs are in a group; `lost-release` says more of a release's. */
  "concurrency-limits": ({ concurrency, jobs }) =>
    z.looseObject({ group: z.string() }).safeParse(concurrency).success || Object.values(jobs).some(isRelease)
      ? []
      : problem("concurrency", "a workflow says what becomes of runs that come together"),

  /** A workflow has a name. */
  "anonymous-definition": ({ name }) => (name === undefined ? problem("name", "the workflow has none") : []),

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
    conditionsOf(workflow).flatMap(({ where, condition }) =>
      EXPRESSION.test(condition) ? problem(where, "a condition is written without the braces of an expression") : [],
    ),
} as const satisfies Record<string, Rule>;

/** Name of a rule. */
export type RuleName = keyof typeof RULES;

/** Everything in a workflow file that a rule forbids. @throws when the text is no workflow */
export function audit(text: string): Finding[] {
  const workflow = parseWorkflow(text);
  return Object.entries(RULES).flatMap(([rule, check]) =>
    check(workflow).map((found) => ({ rule: rule as RuleName, ...found })),
  );
}

function problem(where: string, message: string): Problem[] {
  return [{ where, message }];
}

function hasOddShell(defaults: unknown): boolean {
  const { data } = z.looseObject({ run: z.looseObject({ shell: z.string() }) }).safeParse(defaults);
  return data !== undefined && !["bash", "sh"].includes(data.run.shell);
}

function pushesOfBranches(on: ParsedWorkflow["on"]): boolean {
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
  return (
    hasExpression(job, TOKEN) ||
    Object.values(z.record(z.string(), z.unknown()).catch({}).parse(job.permissions)).includes("write")
  );
}

function hasExpression(value: unknown, pattern: RegExp): boolean {
  return [...JSON.stringify(value ?? null).matchAll(new RegExp(EXPRESSION, "g"))].some(([found]) =>
    pattern.test(found),
  );
}

function isEmptyMap(value: unknown): boolean {
  return z.strictObject({}).safeParse(value).success;
}
