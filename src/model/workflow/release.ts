import { REPOSITORY_COMPONENT } from "../exclusion.ts";
import { ACTIONS } from "./action.ts";
import { expression, type Workflow } from "./document.ts";
import { isPulumiCloud, stackOf, type WorkflowOptions } from "./options.ts";
import {
  backend,
  buildx,
  checkout,
  engineEnvironment,
  go,
  node,
  PULUMI,
  pulumi,
  registry,
  stackGroup,
} from "./step.ts";

/** Releases a version tag when it is pushed, or again by hand. */
export function releaseWorkflow(options: WorkflowOptions): Workflow {
  const stack = stackOf(options);
  const environment = {
    ...engineEnvironment(options),
    ...(isPulumiCloud(options) ? {} : { PULUMI_CONFIG_PASSPHRASE: expression("secrets.PULUMI_CONFIG_PASSPHRASE") }),
    // A tag that was pushed is in GITHUB_REF_NAME; the one that is asked for by hand is said here.
    PULUMI_CI_TAG_NAME: expression("inputs.tag"),
  };
  return {
    why: "A pushed tag v1.2.3 is released. A run by hand releases or repairs the tag that it is given.",
    name: "release",
    "run-name": `release ${expression("inputs.tag || github.ref_name")}`,
    on: {
      push: { tags: ["v*"] },
      workflow_dispatch: {
        inputs: { tag: { description: "Tag to release or to repair, v1.2.3", required: true, type: "string" } },
      },
    },
    permissions: {},
    concurrency: stackGroup(options),
    defaults: { run: { shell: "bash" } },
    jobs: {
      release: {
        name: "release",
        "runs-on": "ubuntu-24.04",
        environment: "release",
        permissions: { contents: "write", packages: "write", "id-token": "write" },
        "timeout-minutes": 75,
        steps: [
          checkout({
            why: "Program and settings are today's, whatever tree the tag has. Its sources are read from git's objects.",
            ref: options.branch,
          }),
          ...node(),
          ...go(options),
          buildx(),
          ...registry(options),
          pulumi(),
          backend(options),
          {
            name: "Settle what an interrupted update left",
            why: "Waits for an update that somebody runs elsewhere, 15 minutes at most.",
            run: 'npm run --silent recover -- --stack "$STACK"',
            env: { ...environment, STACK: stack },
            "timeout-minutes": 25,
          },
          {
            why: "Without the repository's settings: the job's token cannot administer them, and need not.",
            name: "Release",
            uses: ACTIONS.pulumi,
            with: {
              command: "up",
              "stack-name": stack,
              "cloud-url": options.backend,
              "pulumi-version": PULUMI,
              exclude: REPOSITORY_COMPONENT,
              color: "never",
            },
            env: environment,
            "timeout-minutes": 40,
          },
          {
            name: "Show what is published",
            run: 'pulumi stack output --json --stack "$STACK" | node src/commands/release-summary.ts >> "$GITHUB_STEP_SUMMARY"',
            env: { ...environment, STACK: stack },
            "timeout-minutes": 5,
          },
        ],
      },
    },
  };
}
