import type { PlainSettings } from "../configuration.ts";

/** Where GitHub looks for workflows. */
export const WORKFLOWS = ".github/workflows";

/** What the workflows need to know of the stack that they run. */
export interface WorkflowOptions {
  /** Name of the stack, without organization and project. */
  readonly stack: string;
  /** `owner/name` on GitHub. */
  readonly repository: string;
  /** Where the state is: an address of Pulumi Cloud, `s3://…`, `azblob://…` or `gs://…`. */
  readonly backend: string;
  /** Organization in Pulumi Cloud; the repository's owner when absent. */
  readonly organization?: string | undefined;
  /** Default branch: program, settings and workflows come from there. */
  readonly branch: string;
  /** Directory of the Go module in the repository. */
  readonly source: string;
  /** Image reference without a tag. */
  readonly image: string;
}

/** The settings that the workflows depend on. */
export type WorkflowSettings = Pick<
  PlainSettings,
  "repository" | "backend" | "organization" | "branch" | "source" | "publicImage"
>;

/** The options as the settings of a stack have them. @param stack its name alone */
export function workflowOptions(stack: string, settings: WorkflowSettings): WorkflowOptions {
  const { repository, backend, organization, branch, source, publicImage: image } = settings;
  return { stack, repository, backend, organization, branch, source, image };
}

/** The stack as the CLI is told it: with its organization where the state is in Pulumi Cloud. */
export function stackOf(options: WorkflowOptions): string {
  const { organization, repository, stack } = options;
  return isPulumiCloud(options) ? `${organization ?? repository.split("/")[0]}/${stack}` : stack;
}

/** Whether the state is in Pulumi Cloud, not in a bucket. */
export function isPulumiCloud({ backend }: WorkflowOptions): boolean {
  return backend.startsWith("https://");
}
