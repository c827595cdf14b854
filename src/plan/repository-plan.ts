import { isAbsolute } from "node:path";
import { blobOf } from "../model/blob.ts";
import { WORKFLOWS } from "../model/workflow/options.ts";
import { usedActions, type WorkflowOptions, workflowFiles } from "../model/workflows.ts";
import type { Settings } from "../settings.ts";
import type { Connections } from "./connections.ts";

/** The workflows of the repository, and how those on the default branch differ from them. */
export interface RepositoryPlan {
  /** Path → text. */
  readonly workflows: Readonly<Record<string, string>>;
  /** The actions that they use, as GitHub's list of allowed actions takes them: `actions/checkout@*`. */
  readonly actions: readonly string[];
  /** Path → blob SHA-1 that is there now, or `missing`, of every workflow that is not as declared. */
  readonly differing: Readonly<Record<string, string>>;
  /** Name → time of a write by somebody else, of every secret that is, or was, written over for that. */
  readonly overwritten: Readonly<Record<string, string>>;
}

type Planned = Pick<Settings, "repository" | "repositoryParts" | "publicImage" | "source" | "secrets"> &
  Pick<WorkflowOptions, "backend" | "branch" | "organization">;

/** Decides what the repository's workflows shall be, and looks at what they are. */
export async function planRepository(
  settings: Planned,
  {
    github,
    stack,
    overwrittenSecrets,
  }: Pick<Connections, "stack" | "overwrittenSecrets"> & { readonly github: Pick<Connections["github"], "blobs"> },
): Promise<RepositoryPlan> {
  const { publicImage: image, source } = settings;
  // Where a rehearsal finds another module on this machine is no fact of the repository.
  const options = { ...settings, stack, image, source: isAbsolute(source) ? "." : source };
  const workflows = workflowFiles(options);
  // Which commit of an action it is stays the workflow's business: an old tag's workflow may use an older one.
  const actions = [...new Set(usedActions(options).map((action) => action.replace(/@.*/, "@*")))];
  const found = settings.repositoryParts.includes("workflows") ? await github.blobs(WORKFLOWS) : undefined;
  const differing = Object.entries(found ? workflows : {})
    .filter(([path, text]) => found?.[path] !== blobOf(text))
    .map(([path]) => [path, found?.[path] ?? "missing"]);
  // The state is only asked where there is something to know.
  const overwritten = Object.keys(settings.secrets).length > 0 ? await overwrittenSecrets() : {};
  return { workflows, actions, differing: Object.fromEntries(differing), overwritten };
}
