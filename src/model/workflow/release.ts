import { REPOSITORY_COMPONENT } from "../exclusion.ts";
import { ACTIONS } from "./action.ts";
import { expression, type Workflow } from "./document.ts";
import { stackOf, type WorkflowOptions } from "./options.ts";
import { buildx, checkout, engineEnvironment, go, node, pulumi, registry } from "./step.ts";

/** Releases a version tag when it is pushed, or again by hand. */
export function releaseWorkflow(options: WorkflowOptions): Workflow {
  const stack = stackOf(options);
  // The tag that was pushed is in GITHUB_REF_NAME; one that is asked for by hand is said like this.
  const environment = { ...engineEnvironment(options), PULUMI_CI_TAG_NAME: expression("inputs.tag") };
  return {
    why: "A pushed tag v1.2.3 is released; a run by hand releases or repairs the tag that it is given.",
    name: "release",
    "run-name": `release ${expression("inputs.tag || github.ref_name")}`,
    on: {
      push: { tags: ["v*"] },
      workflow_dispatch: {
        inputs: {
          tag: { description: "Tag to release or to repair, v1.2.3", required: true, type: "string" },
        },
      },
    },
    permissions: {},
    concurrency: group(options),
    defaults: { run: { shell: "bash" } },
    jobs: {
      release: {
        name: "release",
        "runs-on": "ubuntu-24.04",
        environment: "release",
        permissions: { contents: "write", packages: "write", "id-token": "write" },
        "timeout-minutes": 60,
        steps: [
          checkout(
            "Today's program and settings, whatever tree the tag has: its sources are taken from git's objects.",
            expression("github.event.repository.default_branch"),
          ),
          ...node(),
          ...go(options),
          buildx(),
          ...registry(options),
          ...pulumi(options),
          {
            name: "Settle what an interrupted update left",
            run: 'npm run --silent recover -- --stack "$STACK"',
            env: { ...environment, STACK: stack },
            "timeout-minutes": 10,
          },
          {
            why: "The repository's settings are left out: the job's token cannot administer them, and need not.",
            name: "Release",
            uses: ACTIONS.pulumi,
            with: {
              command: "up",
              "stack-name": stack,
              "cloud-url": options.backend,
              "pulumi-version": "3.259.0",
              exclude: REPOSITORY_COMPONENT,
              color: "never",
            },
            env: environment,
            "timeout-minutes": 40,
          },
        ],
      },
    },
  };
}

/**
 * One group per stack: whatever changes its state waits for what changes it now, up to 100 of them, and nobody is cancelled.
 * @see https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
 */
export function group({ stack }: WorkflowOptions): Workflow["concurrency"] {
  return { group: `stack-${stack}`, "cancel-in-progress": false, queue: "max" };
}
