import { parseDocument } from "yaml";
import { z } from "zod";

const texts = z.record(z.string(), z.unknown());
const stepSchema = z.looseObject({
  name: z.string().optional(),
  uses: z.string().optional(),
  run: z.string().optional(),
  if: z.unknown().optional(),
  shell: z.string().optional(),
  with: texts.default({}),
  env: texts.default({}),
});
const containerSchema = z.preprocess(
  (value) => (typeof value === "string" ? { image: value } : value),
  z.looseObject({ image: z.string(), credentials: texts.default({}) }),
);
const jobSchema = z.looseObject({
  if: z.unknown().optional(),
  uses: z.string().optional(),
  secrets: z.unknown().optional(),
  environment: z.union([z.string(), z.looseObject({ name: z.string() }).transform(({ name }) => name)]).optional(),
  permissions: z.unknown().optional(),
  "runs-on": z.unknown().optional(),
  "timeout-minutes": z.unknown().optional(),
  env: texts.default({}),
  container: containerSchema.optional(),
  services: z.record(z.string(), containerSchema).default({}),
  defaults: z.unknown().optional(),
  steps: z.array(stepSchema).default([]),
});
const workflowSchema = z.looseObject({
  name: z.string().optional(),
  on: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
  permissions: z.unknown().optional(),
  concurrency: z.unknown().optional(),
  defaults: z.unknown().optional(),
  env: texts.default({}),
  jobs: z.record(z.string(), jobSchema),
});

/** A step as it is read. */
export type Step = z.output<typeof stepSchema>;
/** A job as it is read. */
export type Job = z.output<typeof jobSchema>;
/** A workflow file as it is audited: what it says, and its text. */
export type ParsedWorkflow = z.output<typeof workflowSchema> & { readonly text: string };

/** An expression that GitHub evaluates. */
export const EXPRESSION = /\$\{\{[\s\S]*?\}\}/;

/** Reads a workflow file. @throws when the text is no workflow */
export function parseWorkflow(text: string): ParsedWorkflow {
  const document = parseDocument(text, { uniqueKeys: true });
  if (document.errors.length > 0) {
    throw new Error(`this is no YAML: ${document.errors.map(({ message }) => message).join("; ")}`);
  }
  return { ...workflowSchema.parse(document.toJS()), text };
}

/** Every step, and how it is called. */
export function stepsOf({
  jobs,
}: ParsedWorkflow): { readonly where: string; readonly job: Job; readonly step: Step }[] {
  return Object.entries(jobs).flatMap(([id, job]) =>
    job.steps.map((step, index) => ({ where: `${id}: ${step.name ?? `step ${index + 1}`}`, job, step })),
  );
}

/** What stands behind every `uses:`, with its comment. */
export function usesOf(text: string): string[] {
  return [...text.matchAll(/^[ \t-]*uses:[ \t]*(.*)$/gm)].map(([, reference = ""]) => reference.trim());
}

/** Every condition of a job or a step; empty where there is none. */
export function conditionsOf(workflow: ParsedWorkflow): { readonly where: string; readonly condition: string }[] {
  return [
    ...Object.entries(workflow.jobs).map(([where, job]) => ({ where, condition: job.if })),
    ...stepsOf(workflow).map(({ where, step }) => ({ where, condition: step.if })),
  ].map(({ where, condition }) => ({ where, condition: String(condition ?? "") }));
}

/** Everything that GitHub evaluates. */
export function codeOf(workflow: ParsedWorkflow): string[] {
  const expressions = [...workflow.text.matchAll(new RegExp(EXPRESSION, "g"))].map(([found]) => found);
  return [...expressions, ...conditionsOf(workflow).map(({ condition }) => condition)];
}

/** Every image that a job or a service of it runs in. */
export function containersOf({ jobs }: ParsedWorkflow) {
  return Object.entries(jobs).flatMap(([id, { container, services }]) => [
    ...(container ? [{ where: id, container }] : []),
    ...Object.entries(services).map(([name, service]) => ({ where: `${id}: ${name}`, container: service })),
  ]);
}

/** The events that start the workflow. */
export function triggers(on: ParsedWorkflow["on"]): string[] {
  return typeof on === "string" ? [on] : Array.isArray(on) ? on : Object.keys(on);
}
