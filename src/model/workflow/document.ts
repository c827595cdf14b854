import { Document, isMap, isScalar, visit } from "yaml";
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
  const document = new Document(workflow, (key, value) => (key === "uses" ? pinned(value) : value), {
    aliasDuplicateObjects: false,
  });
  visit(document, {
    Map(_, map) {
      const reason = map.get("why");
      if (typeof reason === "string") {
        map.commentBefore = commented(reason);
        map.delete("why");
      }
    },
  });
  for (const [id, { steps }] of Object.entries(workflow.jobs)) {
    for (const [index, step] of steps.entries()) {
      const path = ["jobs", id, "steps", index];
      if ("uses" in step) {
        const uses = document.getIn([...path, "uses"], true);
        if (isScalar(uses)) uses.comment = ` ${step.uses.version}`;
      }
      const node = document.getIn(path, true);
      if (isMap(node) && index > 0) node.spaceBefore = true;
    }
  }
  if (isMap(document.contents)) {
    for (const { key } of document.contents.items.slice(1)) {
      if (isScalar(key)) key.spaceBefore = true;
    }
  }
  document.commentBefore = commented(`Made by \`npm run workflows\` from src/model/workflow.\n${why}`);
  return document.toString({ lineWidth: 0 });
}

function commented(text: string): string {
  return text.replace(/^/gm, " ");
}
