import type * as pulumi from "@pulumi/pulumi";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** Where GitHub looks for workflows. */
export const WORKFLOWS = ".github/workflows";

export interface WorkflowCheckInputs {
  /** `owner/name`. */
  readonly repository: string;
  /** Path → blob SHA-1 of the workflow as the stack declares it. */
  readonly blobs: Readonly<Record<string, string>>;
}

/**
 * Comes after the workflow files, and reads them back: an update ends well only when all of them are on the default
 * branch as declared. The provider notices a foreign edit where it has something to write, because it names what it
 * replaces; this one notices it where the stack has nothing to write.
 */
export class WorkflowCheck extends ReleaseResource {
  /**
   * @param pending path → blob of the files that are not as declared before the update: it then looks again. Empty when
   *   all of them are.
   */
  constructor(
    name: string,
    inputs: InputsOf<WorkflowCheckInputs>,
    pending: Readonly<Record<string, string>>,
    options: pulumi.CustomResourceOptions,
  ) {
    super(
      "workflow-check",
      "WorkflowCheck",
      name,
      { ...inputs, ...(Object.keys(pending).length > 0 ? { pending } : {}) },
      { ...options, retainOnDelete: false },
    );
  }
}

/** @throws when somebody else has changed or removed one of the files */
export const implementation: Implementation<WorkflowCheckInputs, { readonly pending: object }> = {
  facts: [],

  async ensure({ repository, blobs }) {
    const found = await githubOf(repository).blobs(WORKFLOWS);
    const foreign = Object.entries(blobs)
      .filter(([path, declared]) => found[path] !== declared)
      .map(([path, declared]) => `${path} is ${found[path] ?? "missing"}, declared is ${declared}`);
    if (foreign.length > 0) {
      throw new Error(
        `somebody else changed workflows of ${repository}, and this update left them as they are: ${foreign.join("; ")}. ` +
          "pulumi refresh shows the edit, and pulumi up after that puts back what the stack declares",
      );
    }
    // Nothing is left to look at: were the files recorded, the same ones gone another time would be no difference.
    return { pending: {} };
  },

  // Every file is a resource of its own, which shows its difference line by line.
  observe: async () => [],
};
