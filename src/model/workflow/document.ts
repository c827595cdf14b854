import { Document, isMap, isNode, isScalar, isSeq } from "yaml";
import { type Action, pinned } from "./action.ts";

/** A scope of the job's token and what it may do with it. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions */
export type Permissions = Readonly<
  Partial<
    Record<"actions" | "contents" | "id-token" | "issues" | "packages" | "pull-requests" | "statuses", "read" | "write">
  >
>;

/** Values that a step is given: texts with expressions, numbers and switches. */
export type Values = Readonly<Record<string, string | number | boolean>>;

interface AnyStep {
  /** Why the step is as it is; stands above it as a comment. */
  readonly why?: string;
  readonly name: string;
  readonly id?: string;
  readonly if?: string;
  readonly env?: Values;
  readonly "timeout-minutes"?: number;
}

/** A step: an action of somebody else, or a script of ours. */
export type Step = (AnyStep & { readonly uses: Action; readonly with?: Values }) | (AnyStep & { readonly run: string });

/** A job of a workflow. */
export interface Job {
  /** Stands above the job as a comment. */
  readonly why?: string;
  readonly name: string;
  readonly if?: string;
  readonly "runs-on": string;
  readonly environment?: string;
  readonly permissions: Permissions;
  readonly "timeout-minutes": number;
  readonly env?: Values;
  readonly steps: readonly Step[];
}

/** A workflow as GitHub reads it. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax */
export interface Workflow {
  /** Stands at the top as a comment. */
  readonly why: string;
  readonly name: string;
  readonly "run-name"?: string;
  readonly on: Readonly<Record<string, unknown>>;
  /** Nothing: each job says what it needs. */
  readonly permissions: Readonly<Record<string, never>>;
  readonly concurrency: {
    readonly group: string;
    readonly "cancel-in-progress": boolean;
    readonly queue?: "single" | "max";
  };
  readonly defaults: { readonly run: { readonly shell: string } };
  readonly jobs: Readonly<Record<string, Job>>;
}

/** An expression that GitHub evaluates: `github.token` → `${{ github.token }}`. */
export function expression(text: string): string {
  return `\${{ ${text} }}`;
}

/** The text of a workflow file. */
export function render({ why, ...workflow }: Workflow): string {
  const document = new Document(workflow, toYaml, { aliasDuplicateObjects: false });
  document.commentBefore = commented(`Made by \`npm run workflows\` from src/model/workflow.\n${why}`);
  separate(document.contents);
  separate(document.get("jobs"), Object.values(workflow.jobs));
  for (const [id, { steps }] of Object.entries(workflow.jobs)) {
    separate(document.getIn(["jobs", id, "steps"]), steps);
    for (const [index, step] of steps.entries()) {
      const uses = document.getIn(["jobs", id, "steps", index, "uses"], true);
      if ("uses" in step && isScalar(uses)) {
        uses.comment = ` ${step.uses.version}`;
      }
    }
  }
  return document.toString({ lineWidth: 0 });
}

function toYaml(key: unknown, value: unknown): unknown {
  return key === "uses" ? pinned(value as Action) : key === "why" ? undefined : value;
}

/** An empty line before each entry but the first, and above each its reason. */
function separate(collection: unknown, reasons: readonly { readonly why?: string }[] = []): void {
  const entries = isMap(collection)
    ? collection.items.map(({ key }) => key)
    : isSeq(collection)
      ? collection.items
      : [];
  for (const [index, entry] of entries.entries()) {
    const reason = reasons[index]?.why;
    if (isNode(entry)) {
      entry.spaceBefore = index > 0;
      if (reason !== undefined) {
        entry.commentBefore = commented(reason);
      }
    }
  }
}

function commented(text: string): string {
  return text.replace(/^/gm, " ");
}
