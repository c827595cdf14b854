import type { Workflow } from "./document.ts";
import { stackOf, type WorkflowOptions } from "./options.ts";
import { backend, checkout, engineEnvironment, node, pulumi, registry, stackGroup } from "./step.ts";

/** Compares what is published with what was released, every night. */
export function driftWorkflow(options: WorkflowOptions): Workflow {
  return {
    why: "Whether a published release still is what was released: one issue while it is not.",
    name: "drift",
    on: { schedule: [{ cron: "23 4 * * *" }], workflow_dispatch: {} },
    permissions: {},
    concurrency: stackGroup(options),
    defaults: { run: { shell: "bash" } },
    jobs: {
      drift: {
        name: "drift",
        "runs-on": "ubuntu-24.04",
        permissions: { contents: "read", packages: "read", "id-token": "write", issues: "write" },
        "timeout-minutes": 30,
        steps: [
          checkout({ ref: options.branch }),
          ...node(),
          ...registry(options),
          pulumi(),
          backend(options),
          {
            name: "Compare",
            run: 'node src/commands/drift-issue.ts --stack "$STACK"',
            env: { ...engineEnvironment(options), STACK: stackOf(options) },
            "timeout-minutes": 20,
          },
        ],
      },
    },
  };
}
