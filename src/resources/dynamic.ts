import * as pulumi from "@pulumi/pulumi";
import type { Difference } from "../model/difference.ts";

/**
 * Number of the form in which our resources are recorded. A program reads its own and older ones; a state that names no
 * number was written before there was one, and has the first.
 */
export const STATE_SCHEMA = 1;

/**
 * What a resource of ours does against the world. One `ensure` serves create and update, because a release is
 * completed by running again: it looks at what is there first, and writes only what is missing.
 */
export interface Implementation<Inputs extends object, Facts extends object> {
  /** Names of the facts: what is recorded and no input. */
  readonly facts: readonly (keyof Facts & string)[];
  /** Makes the world agree with the inputs, or throws saying what differs. `recorded` is what an earlier run recorded. */
  ensure(inputs: Inputs, recorded: (Inputs & Facts & Remaining) | undefined): Promise<Facts & Remaining>;
  /**
   * Looks at the world and says, one sentence each, what differs from the recorded facts; empty when nothing does.
   * What is missing is a difference; a network or permission error is thrown, and fails the refresh.
   */
  observe(recorded: Inputs & Facts): Promise<readonly (Difference | string)[] | Observation<Facts>>;
  /**
   * What an update with these inputs could only refuse, one sentence each. Asked in a preview, too, when inputs changed
   * or the last refresh saw drift; writes nothing.
   */
  conflicts?(inputs: Inputs, recorded: Inputs & Facts & Remaining): Promise<readonly string[]>;
  /** Takes back a setting when its resource is removed. Absent for what was published, which nothing deletes. */
  remove?(recorded: Inputs & Facts): Promise<void>;
}

/** What a refresh saw, and what it notes down for the next one. */
export interface Observation<Facts> {
  readonly differences: readonly Difference[];
  readonly notes: Partial<Facts>;
}

/** Drift that an update knows of and could not mend: it stays a difference. */
export interface Remaining {
  readonly drift?: readonly string[];
}

/** Stack configuration as a dynamic provider receives it; secrets are in clear text here and go no further. */
export interface ProviderConfiguration {
  readonly get: (key: string) => string | undefined;
}

let configuration: ProviderConfiguration = { get: () => undefined };

/** Remembers the stack configuration for this plugin process. Called once by the engine's `configure`. */
export function setConfiguration(next: ProviderConfiguration): void {
  configuration = next;
}

/** The stack configuration, inside a dynamic provider's process. */
export function providerConfiguration(): ProviderConfiguration {
  return configuration;
}

/** The arguments of a resource: every input, known already or to come. */
export type InputsOf<Inputs> = { readonly [Key in keyof Inputs]: pulumi.Input<Inputs[Key]> };

/**
 * State of a resource of ours: its inputs, the facts recorded when it was made, and what the last refresh saw. That no
 * drift is wanted is an input too: a refresh then shows each sentence as a difference, and so does the next preview.
 */
type Recorded = Record<string, unknown> & Remaining;

/**
 * A dynamic resource whose code stays in its module and is only imported by the provider in the state: the state then
 * carries neither code nor a path, and a newer program reads what an older one wrote.
 *
 * @param module path of the implementing module below `src/resources`, without the ending
 */
export abstract class ReleaseResource extends pulumi.CustomResource {
  declare readonly drift: pulumi.Output<string[]>;

  constructor(
    module: string,
    type: string,
    name: string,
    inputs: pulumi.Inputs,
    options: pulumi.CustomResourceOptions,
  ) {
    super(
      `pulumi-nodejs:dynamic/release:${type}`,
      name,
      { ...inputs, drift: [], __provider: providerText(module) },
      // Published is write-once: nothing that a stack forgets is deleted by it, unless it is a mere setting.
      { retainOnDelete: true, ...options },
    );
  }
}

/**
 * The text that Pulumi's dynamic provider evaluates: a CommonJS module whose `handler` gives the provider. A class that
 * extends `pulumi.dynamic.Resource` has it made from a closure, with every resource anew; this one is short, readable
 * in the state, and the same on every machine.
 *
 * @see https://www.pulumi.com/docs/iac/concepts/resources/dynamic-providers/#how-dynamic-providers-work
 */
function providerText(module: string): string {
  return `exports.handler = () => {
  const imported = async (name) => {
    const { pathToFileURL } = await import("node:url");
    return import(pathToFileURL(\`\${process.cwd()}/src/resources/\${name}.ts\`).href);
  };
  const kernel = () => imported("dynamic");
  const implementation = async () => (await imported(${JSON.stringify(module)})).implementation;
  return {
    configure: async ({ config }) => (await kernel()).setConfiguration({ get: (key) => config.get(key) }),
    diff: async (_id, olds, news) => (await kernel()).diff(implementation, olds, news),
    create: async (inputs) => (await kernel()).create(${JSON.stringify(module)}, await implementation(), inputs),
    update: async (_id, olds, news) => (await kernel()).update(await implementation(), olds, news),
    read: async (id, recorded) => (await kernel()).read(id, await implementation(), recorded),
    delete: async (_id, recorded) => (await kernel()).remove(await implementation(), recorded),
  };
};
`;
}

/**
 * Inputs that changed, or drift that the last refresh saw, make an update; never a replacement.
 *
 * @param load the implementation, imported only when there is something to ask it
 * @throws when an update could only be refused, so that a preview says so
 */
export async function diff(
  load: () => Promise<Implementation<Recorded, Recorded>>,
  olds: Recorded,
  news: Recorded,
): Promise<pulumi.dynamic.DiffResult> {
  refuseNewer(olds);
  const result = diffOf(olds, news);
  // The engine asks at the end of a refresh, too: that one is to show the difference, not to fail.
  if (!refreshed.delete(keyOf(olds)) && result.changes) {
    const conflicts = await (await load()).conflicts?.(inputsOf(news), olds);
    if (conflicts && conflicts.length > 0) {
      throw new Error(conflicts.join("\n"));
    }
  }
  return result;
}

/**
 * The difference alone; states that older code wrote ask for it by this name. A list that older code did not record was
 * empty.
 */
export function diffOf(olds: Recorded, news: Recorded): pulumi.dynamic.DiffResult {
  const wanted: Recorded = { ...news, drift: [] };
  const keys = Object.keys(wanted).filter((key) => key !== "__provider");
  return {
    changes: keys.some((key) => canonical(key in olds ? olds[key] : []) !== canonical(wanted[key])),
    replaces: [],
  };
}

/** Creates the resource: id is the module's name, which is the same for every version. */
export async function create(
  id: string,
  implementation: Implementation<Recorded, Recorded>,
  inputs: Recorded,
): Promise<pulumi.dynamic.CreateResult> {
  return { id, outs: await ensured(implementation, inputs, undefined) };
}

/** Updates the resource; `olds` are the recorded inputs and facts. */
export async function update(
  implementation: Implementation<Recorded, Recorded>,
  olds: Recorded,
  news: Recorded,
): Promise<pulumi.dynamic.UpdateResult> {
  refuseNewer(olds);
  return { outs: await ensured(implementation, news, olds) };
}

/** Gives back what was recorded, unchanged, with what was observed beside it. */
export async function read(
  id: string,
  implementation: Implementation<Recorded, Recorded>,
  recorded: Recorded,
): Promise<pulumi.dynamic.ReadResult> {
  refuseNewer(recorded);
  const observed = await implementation.observe(recorded);
  const { differences, notes } = "notes" in observed ? observed : { differences: observed, notes: {} };
  const drift = differences.map((difference) => (typeof difference === "string" ? difference : difference.text));
  const props: Recorded = { ...recorded, ...notes, drift };
  refreshed.add(keyOf(props));
  const facts = ["schema", ...implementation.facts];
  return { id, props, inputs: Object.fromEntries(Object.entries(props).filter(([name]) => !facts.includes(name))) };
}

/** Forgets the resource; only a setting is taken back. */
export async function remove(implementation: Implementation<Recorded, Recorded>, recorded: Recorded): Promise<void> {
  await implementation.remove?.(recorded);
}

// What this process has read and was not yet asked the difference of.
const refreshed = new Set<string>();

function keyOf({ __provider, ...state }: Recorded): string {
  return canonical(state);
}

async function ensured(
  implementation: Implementation<Recorded, Recorded>,
  inputs: Recorded,
  recorded: Recorded | undefined,
): Promise<Recorded> {
  const plain = inputsOf(inputs);
  return { ...plain, schema: STATE_SCHEMA, drift: [], ...(await implementation.ensure(plain, recorded)) };
}

function inputsOf({ __provider, drift, ...plain }: Recorded): Recorded {
  return plain;
}

function refuseNewer({ schema = 1 }: Recorded): void {
  if (typeof schema !== "number" || schema > STATE_SCHEMA) {
    throw new Error(
      `the stack's state has schema ${schema}, and this program reads up to ${STATE_SCHEMA}: use the newer program that wrote it`,
    );
  }
}

function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, nested) =>
      nested !== null && typeof nested === "object" && !Array.isArray(nested)
        ? Object.fromEntries(Object.entries(nested).sort(([left], [right]) => (left < right ? -1 : 1)))
        : nested,
    ) ?? ""
  );
}
