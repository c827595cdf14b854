import * as pulumi from "@pulumi/pulumi";
import { blobOf } from "../model/blob.ts";
import { WORKFLOWS } from "../model/workflow/options.ts";
import type { GitHub } from "../services/github.ts";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

export interface WorkflowCheckInputs {
  /** `owner/name`. */
  readonly repository: string;
  /** Path → blob SHA-1 of the workflow as the stack declares it. */
  readonly blobs: Readonly<Record<string, string>>;
}

/**
 * Comes after the workflow files, and reads them back: an update ends well only when all of them are on the default
 * branch as declared. It notices a foreign edit where the stack has nothing to write; {@link beforeWrite} is its other half.
 */
export class WorkflowCheck extends ReleaseResource {
  /**
   * @param pending path → blob of the files that are not as declared before the update: it then looks again. Empty when
   *   all of them are.
   * @param look how often the stack will have looked then: the same files another time are another difference
   */
  constructor(
    name: string,
    inputs: InputsOf<WorkflowCheckInputs>,
    pending: Readonly<Record<string, string>>,
    look: number,
    options: pulumi.CustomResourceOptions,
  ) {
    super(
      "workflow-check",
      "WorkflowCheck",
      name,
      { ...inputs, ...(Object.keys(pending).length > 0 ? { pending, look } : {}) },
      { ...options, retainOnDelete: false },
    );
  }
}

/**
 * Asked by the engine before a workflow is written over: refuses when it is not what the stack wrote last. GitHub would
 * refuse it, too, because the provider names the blob that it replaces, but not say what to do.
 *
 * @param repository `owner/name`
 */
export function beforeWrite(name: string, repository: string, github: Pick<GitHub, "blobs">): pulumi.ResourceHook {
  return new pulumi.ResourceHook(name, async ({ oldOutputs, newInputs }) => {
    const [path, written]: [string, string] = [oldOutputs?.file, oldOutputs?.sha];
    const found = (await github.blobs(WORKFLOWS))[path];
    if (found === blobOf(String(newInputs?.content)) && found !== written) {
      throw new Error(
        `${path} of ${repository} is written already, and the stack does not know: the reply to its write was lost. ` +
          "npm run recover reads it again; then pulumi up",
      );
    }
    if (found !== written) {
      throw foreignEdit(repository, [`${path} is ${found ?? "missing"}, the stack wrote ${written}`]);
    }
  });
}

function foreignEdit(repository: string, edits: readonly string[]): Error {
  return new Error(
    `somebody else changed workflows of ${repository}, and this update left them as they are: ${edits.join("; ")}. ` +
      "pulumi refresh shows the edit, and pulumi up after that puts back what the stack declares",
  );
}

/** @throws when somebody else has changed or removed one of the files */
export const implementation: Implementation<WorkflowCheckInputs, object> = {
  facts: [],

  async ensure({ repository, blobs }) {
    const found = await githubOf(repository).blobs(WORKFLOWS);
    const foreign = Object.entries(blobs)
      .filter(([path, declared]) => found[path] !== declared)
      .map(([path, declared]) => `${path} is ${found[path] ?? "missing"}, declared is ${declared}`);
    if (foreign.length > 0) {
      throw foreignEdit(repository, foreign);
    }
    return {};
  },

  // Every file is a resource of its own, which shows its difference line by line.
  observe: async () => [],
};
