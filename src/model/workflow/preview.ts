import { expression, type Job, type Step, type Workflow } from "./document.ts";
import { stackOf, type WorkflowOptions } from "./options.ts";
import { backend, buildx, checkout, engineEnvironment, go, node, pulumi, registry, saveGoCache } from "./step.ts";

const OWN_BRANCH = "github.event.pull_request.head.repo.full_name == github.repository";

/**
 * Shows on a pull request what it would change. No run of a fork's commits has a secret, a credential or a token that
 * may write; and what Go compiled is only kept by runs of the default branch.
 */
export function previewWorkflow(options: WorkflowOptions): Workflow {
  return {
    why: "What a pull request would change, and Go's caches for the next release.",
    name: "preview",
    on: { pull_request: {}, push: { branches: [options.branch] } },
    permissions: {},
    concurrency: {
      group: `preview-${expression("github.event.pull_request.number || github.sha")}`,
      "cancel-in-progress": true,
    },
    defaults: { run: { shell: "bash" } },
    jobs: {
      preview: preview(options),
      plan: plan(options),
      cache: cache(options),
    },
  };
}

function preview(options: WorkflowOptions): Job {
  const token = { GITHUB_TOKEN: expression("github.token") };
  return {
    why: "A branch of this repository: compared with the stack's state, and shown in one comment.",
    name: "preview",
    if: `github.event_name == 'pull_request' && ${OWN_BRANCH}`,
    "runs-on": "ubuntu-24.04",
    permissions: { contents: "read", packages: "read", "id-token": "write", "pull-requests": "write" },
    "timeout-minutes": 30,
    steps: [
      checkout(),
      ...tools(options),
      backend(options),
      {
        name: "Preview",
        id: "preview",
        run: 'node src/commands/preview.ts --stack "$STACK" > "$RUNNER_TEMP/preview.md"',
        env: { ...engineEnvironment(options), STACK: stackOf(options) },
        "timeout-minutes": 20,
      },
      {
        why: "Also when the preview says that something is refused.",
        name: "Comment",
        if: "always() && steps.preview.outcome != 'skipped'",
        run: 'node src/commands/pull-request-comment.ts < "$RUNNER_TEMP/preview.md"',
        env: token,
        "timeout-minutes": 5,
      },
    ],
  };
}

function plan(options: WorkflowOptions): Job {
  return {
    why: "A fork: the plan without any state, in the job's summary. Its token can only read.",
    name: "plan",
    if: `github.event_name == 'pull_request' && !(${OWN_BRANCH})`,
    "runs-on": "ubuntu-24.04",
    permissions: { contents: "read", packages: "read" },
    "timeout-minutes": 30,
    steps: [checkout(), ...tools(options), withoutState(options)],
  };
}

function cache(options: WorkflowOptions): Job {
  return {
    why: `A commit of ${options.branch}: built and tested as a release is, so that the release of a tag on it only links.`,
    name: "cache",
    if: "github.event_name == 'push'",
    "runs-on": "ubuntu-24.04",
    permissions: { contents: "read", packages: "read" },
    "timeout-minutes": 30,
    steps: [checkout(), ...tools(options), withoutState(options), saveGoCache(options)],
  };
}

function tools(options: WorkflowOptions): Step[] {
  return [...node(), ...go(options), buildx(), ...registry(options), pulumi()];
}

function withoutState(options: WorkflowOptions): Step {
  return {
    name: "Test, build and plan",
    run: 'node src/commands/preview.ts --stack "$STACK" --without-state >> "$GITHUB_STEP_SUMMARY"',
    env: { GITHUB_TOKEN: expression("github.token"), STACK: options.stack },
    "timeout-minutes": 20,
  };
}
