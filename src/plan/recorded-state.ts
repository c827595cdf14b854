import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { unpackText } from "../model/packed-text.ts";

/** The text of a release's `metadata.json` as this stack recorded it; undefined when it did not, or lost its state. */
export type RecallMetadata = (tag: string) => Promise<string | undefined>;

/** What every resource of a stack has recorded, by URN. */
type ReadOutputs = (stack: string) => Promise<unknown>;

/**
 * Looks into the stack's own state: what the release's resource recorded, also after an update that failed (stack outputs
 * would be gone then); else the ledger, which keeps the text of every release.
 */
export async function recalledMetadata(
  stack: string,
  tag: string,
  readOutputs: ReadOutputs = readResourceOutputs,
): Promise<string | undefined> {
  const resources = Object.values(resourcesSchema.parse(await readOutputs(stack)));
  for (const { outputs } of resources) {
    const release = releaseSchema.safeParse(outputs);
    if (release.success && release.data.tag === tag) {
      return release.data.files["metadata.json"];
    }
  }
  for (const { outputs } of resources) {
    const ledger = ledgerSchema.safeParse(outputs);
    const packed = ledger.success ? ledger.data.releases[tag.slice(1)]?.metadata : undefined;
    if (packed !== undefined) {
      return unpackText(packed);
    }
  }
  return undefined;
}

/** Tag of the release that this stack's resources stand for, as its state recorded it once it was published. */
export async function releasedTag(
  stack: string,
  readOutputs: ReadOutputs = readResourceOutputs,
): Promise<string | undefined> {
  const resources = Object.values(resourcesSchema.parse(await readOutputs(stack)));
  const [released] = resources.flatMap(({ outputs }) => releaseSchema.safeParse(outputs).data ?? []);
  return released?.tag;
}

/**
 * The secrets that somebody else has written, as the stack's own state knows: name → time of that write, of those that
 * were written over since, too.
 */
export async function overwrittenSecrets(
  stack: string,
  readOutputs: ReadOutputs = readResourceOutputs,
): Promise<Readonly<Record<string, string>>> {
  const checks = Object.values(resourcesSchema.parse(await readOutputs(stack))).flatMap(({ outputs }) => {
    const check = secretCheckSchema.safeParse(outputs);
    return check.success ? [{ ...check.data.settled, ...check.data.foreign }] : [];
  });
  return Object.assign({}, ...checks);
}

// The engine's own function; it answers from the checkpoint as it is now, in a preview too.
async function readResourceOutputs(stackName: string): Promise<unknown> {
  const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName });
  return outputs;
}

const resourcesSchema = z.record(z.string(), z.object({ type: z.string(), outputs: z.unknown() }));
const releaseSchema = z.object({
  tag: z.string(),
  releaseId: z.number(),
  files: z.record(z.string(), z.string()),
});
const ledgerSchema = z.object({ releases: z.record(z.string(), z.object({ metadata: z.string().optional() })) });
const times = z.record(z.string(), z.string());
const secretCheckSchema = z.object({ written: times, settled: times, foreign: times });
