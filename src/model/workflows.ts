import { pinned } from "./workflow/action.ts";
import { render, type Workflow } from "./workflow/document.ts";
import { driftWorkflow } from "./workflow/drift.ts";
import { WORKFLOWS, type WorkflowOptions } from "./workflow/options.ts";
import { previewWorkflow } from "./workflow/preview.ts";
import { releaseWorkflow } from "./workflow/release.ts";

export type { WorkflowOptions, WorkflowSettings } from "./workflow/options.ts";
export { workflowOptions } from "./workflow/options.ts";

/** The workflow files of the repository: path → text. */
export function workflowFiles(options: WorkflowOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(workflows(options)).map(([name, workflow]) => [`${WORKFLOWS}/${name}.yml`, render(workflow)]),
  );
}

/** Every action that the workflows use, `owner/name@commit` or `owner/name/path@commit`, sorted, each once. */
export function usedActions(options: WorkflowOptions): readonly string[] {
  const uses = Object.values(workflows(options))
    .flatMap(({ jobs }) => Object.values(jobs))
    .flatMap(({ steps }) => steps)
    .flatMap((step) => ("uses" in step ? pinned(step.uses) : []));
  return [...new Set(uses)].sort();
}

function workflows(options: WorkflowOptions): Readonly<Record<string, Workflow>> {
  return { release: releaseWorkflow(options), preview: previewWorkflow(options), drift: driftWorkflow(options) };
}
