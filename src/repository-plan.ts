import { blobOf } from "./model/blob.ts";
import type { RepositoryPart } from "./model/repository-part.ts";
import { WORKFLOWS } from "./resources/workflow-check.ts";
import type { GitHub } from "./services/github.ts";

/** The workflows of the repository, and how those on the default branch differ from them. */
export interface RepositoryPlan {
  /** Path → text. */
  readonly workflows: Readonly<Record<string, string>>;
  /** Path → blob SHA-1 that is there now, or `missing`, of every workflow that is not as declared. */
  readonly differing: Readonly<Record<string, string>>;
}

/** Decides what the repository's workflows shall be, and looks at what they are. */
export async function planRepository(
  settings: { readonly repositoryParts: readonly RepositoryPart[] },
  { github }: { readonly github: Pick<GitHub, "blobs"> },
): Promise<RepositoryPlan> {
  // Until src/model/workflows.ts is there.
  const workflows: Readonly<Record<string, string>> = {};
  if (!settings.repositoryParts.includes("workflows")) {
    return { workflows, differing: {} };
  }
  const found = await github.blobs(WORKFLOWS);
  const differing = Object.entries(workflows)
    .filter(([path, text]) => found[path] !== blobOf(text))
    .map(([path]) => [path, found[path] ?? "missing"]);
  return { workflows, differing: Object.fromEntries(differing) };
}
