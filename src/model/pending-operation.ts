import { z } from "zod";

const resourceSchema = z.looseObject({
  urn: z.string(),
  type: z.string(),
  inputs: z.record(z.string(), z.unknown()).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
  initErrors: z.array(z.unknown()).nullish(),
});

const deploymentSchema = z.looseObject({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.looseObject({ type: z.string(), resource: resourceSchema })).nullish(),
});

/** What `pulumi stack export` prints; everything that is not looked at here is kept as it is. */
export const exportSchema = z.looseObject({ version: z.int(), deployment: deploymentSchema.nullish() });
export type StackExport = z.infer<typeof exportSchema>;

/** An operation that the engine had begun and of which it never learnt the end, or not how it ended: "failed". */
export interface PendingOperation {
  readonly operation: string;
  readonly urn: string;
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** How an operation that is pending is settled, and why that is right. */
export type Settlement =
  /** Nothing is lost: the resource looks at the world before it writes, or its write is the same again. */
  | "clear"
  /** The resource is in the state: what it is now is read from the world. */
  | "refresh"
  /**
   * The resource may be as it was to be made, and the state does not know it: when it is, it is imported, or read again if
   * the state has it; else the operation is forgotten.
   */
  | "look"
  /** It may have been written, and the next update may declare what the state says: it is to look all the same. */
  | "mark";

/** Resources that readers are led by, which an update may move back to where the state has them. */
const CHANNEL = "pulumi-nodejs:dynamic/release:Channel";
const WITHDRAWALS = "pulumi-nodejs:dynamic/release:Withdrawals";

const FILE = "github:index/repositoryFile:RepositoryFile";

/**
 * Resources of the GitHub provider whose create fails, or makes a second one, when an earlier create was applied. The
 * others (secrets, environments, permissions) are PUTs: they are written once more.
 * Source: terraform-provider-github, resource_github_*.go
 */
const createdOnce: ReadonlySet<string> = new Set([
  "github:index/actionsVariable:ActionsVariable",
  FILE,
  "github:index/repositoryRuleset:RepositoryRuleset",
  "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy",
]);

/**
 * Resources of the GitHub provider whose deletion fails when they are gone already; that of others does not, or is a PUT.
 * Source: terraform-provider-github, resource_github_*.go
 */
const deletedOnce: ReadonlySet<string> = new Set([
  ...createdOnce,
  "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret",
]);

/** A setting that a stack has recorded. */
export type RecordedSetting = Omit<PendingOperation, "operation">;

/** The settings in an exported stack whose deletion would fail if they were gone. */
export function recordedSettings({ deployment }: StackExport): RecordedSetting[] {
  return (deployment?.resources ?? [])
    .filter(({ type }) => deletedOnce.has(type))
    .map(({ urn, type, inputs }) => ({ urn, type, inputs: inputs ?? {} }));
}

/** The operations that are pending in an exported stack. */
export function pendingOperations({ deployment }: StackExport): PendingOperation[] {
  return (deployment?.pending_operations ?? []).map(({ type: operation, resource: { urn, type, inputs } }) => ({
    operation,
    urn,
    type,
    inputs: inputs ?? {},
  }));
}

/**
 * Files whose last write failed. It may have been applied, and only its reply lost: the provider then repeats it, with the
 * SHA of what it has just replaced, and GitHub refuses that, as it would every later write with that SHA.
 */
export function failedWrites({ deployment }: StackExport): PendingOperation[] {
  return (
    (deployment?.resources ?? [])
      .filter(({ type, initErrors }) => type === FILE && (initErrors ?? []).length > 0)
      // What was to be written is in the outputs then, and the inputs are those before.
      .map(({ urn, type, inputs, outputs }) => ({ operation: "failed", urn, type, inputs: { ...inputs, ...outputs } }))
  );
}

/** How an operation is settled. */
export function settlementOf({ operation, type }: PendingOperation): Settlement {
  if ((type === CHANNEL || type === WITHDRAWALS) && operation === "updating") {
    return "mark";
  }
  if (!type.startsWith("github:")) {
    return "clear";
  }
  // A refresh would take over what somebody else wrote there meanwhile, and the next update overwrite it.
  if (type === FILE && operation !== "deleting") {
    return "look";
  }
  if (operation === "updating" || operation === "deleting") {
    return "refresh";
  }
  return createdOnce.has(type) ? "look" : "clear";
}

/**
 * The export without pending operations, and with the resources that exist although the state did not know them. They
 * have an id and no outputs: a refresh then imports them. What is marked has drift, as after a refresh that saw some; a
 * channel also has where it may be by now.
 *
 * @param found URN → id
 */
export function settled(exported: StackExport, found: ReadonlyMap<string, string>): StackExport {
  const { pending_operations, resources, ...rest } = exported.deployment ?? {};
  const adopted = (pending_operations ?? []).flatMap(({ type: operation, resource }) => {
    const id = found.get(resource.urn);
    return id === undefined || operation !== "creating" ? [] : [{ ...resource, id, custom: true, outputs: {} }];
  });
  const marked = new Map(
    pendingOperations(exported)
      .filter((operation) => settlementOf(operation) === "mark")
      .map((operation) => [operation.urn, marksOf(operation)]),
  );
  const known = (resources ?? []).map((resource) => {
    const marks = marked.get(resource.urn);
    return marks ? { ...resource, outputs: { ...resource.outputs, ...marks } } : resource;
  });
  return { ...exported, deployment: { ...rest, resources: [...known, ...adopted] } };
}

function marksOf({ type, inputs }: PendingOperation): Record<string, unknown> {
  return {
    drift: ["an update of it died, and what that had written by then is not recorded"],
    ...(type === CHANNEL ? { attempted: inputs.digest } : {}),
  };
}
