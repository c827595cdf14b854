import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { unpackText } from "../model/packed-text.ts";
import { type Place, samePlace, sameRepository } from "../model/place.ts";

/** The text of a release's `metadata.json` as this stack recorded it; undefined when it did not, or lost its state. */
export type RecallMetadata = (tag: string) => Promise<string | undefined>;

/**
 * Looks into the stack's own state: what the release's resource recorded, also after an update that failed (stack outputs
 * would be gone then); else the ledger, which keeps the text of every release.
 */
export function recalledMetadata(outputs: unknown, tag: string, place: Place): string | undefined {
  const resources = Object.values(resourcesSchema.parse(outputs));
  for (const { outputs } of resources) {
    const release = releaseSchema.safeParse(outputs);
    if (release.success && release.data.tag === tag && sameRepository(release.data, place)) {
      return release.data.files["metadata.json"];
    }
  }
  for (const { outputs } of resources) {
    const ledger = ledgerSchema.safeParse(outputs);
    const isHere = ledger.success && samePlace(ledger.data, place);
    const packed = isHere ? ledger.data.releases[tag.slice(1)]?.metadata : undefined;
    if (packed !== undefined) {
      return unpackText(packed);
    }
  }
  return undefined;
}

/** What the state knows to be published, whether or not it still is. */
export interface RecordedReleases {
  /** Tag of the release that the stack's resources stand for; undefined when there is none, or the state is lost. */
  readonly current: string | undefined;
  /** Version → digest of its index, of every release in the ledger. */
  readonly digests: Readonly<Record<string, string>>;
}

/** The releases that this stack has published, as its state recorded them. */
export function recordedReleases(outputs: unknown, place: Place): RecordedReleases {
  const resources = Object.values(resourcesSchema.parse(outputs)).map((resource) => resource.outputs);
  const here = (recorded: Pick<Place, "repository">) => sameRepository(recorded, place);
  const released = resources.flatMap((recorded) => releaseSchema.safeParse(recorded).data ?? []).find(here);
  const ledger = resources.flatMap((recorded) => ledgerSchema.safeParse(recorded).data ?? []).find(here);
  const lines = ledger?.image === place.image ? Object.entries(ledger.releases) : [];
  return {
    current: released?.tag,
    digests: Object.fromEntries(lines.map(([version, { digest }]) => [version, digest])),
  };
}

/**
 * The secrets that somebody else has written, as the stack's own state knows: name → time of that write, of those that
 * were written over since, too.
 */
export function overwrittenSecrets(outputs: unknown): Readonly<Record<string, string>> {
  const checks = Object.values(resourcesSchema.parse(outputs)).flatMap((resource) => {
    const check = secretCheckSchema.safeParse(resource.outputs);
    return check.success ? [{ ...check.data.settled, ...check.data.foreign }] : [];
  });
  return Object.assign({}, ...checks);
}

/** How often the stack has looked at workflows that differed, as its own state knows. */
export function workflowLooks(outputs: unknown): number {
  const [look] = Object.values(resourcesSchema.parse(outputs)).flatMap((resource) => {
    const check = workflowCheckSchema.safeParse(resource.outputs);
    return check.success ? [check.data.look] : [];
  });
  return look ?? 0;
}

/** The resources that the stack's own state knows. */
export function recordedUrns(outputs: unknown): readonly string[] {
  return Object.keys(resourcesSchema.parse(outputs));
}

/**
 * What every resource of a stack has recorded, by URN: the engine's own function answers from the checkpoint as it is
 * now, in a preview too.
 */
export async function readResourceOutputs(stackName: string): Promise<unknown> {
  const { outputs } = await pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", { stackName });
  return outputs;
}

const resourcesSchema = z.record(z.string(), z.object({ type: z.string(), outputs: z.unknown() }));
const releaseSchema = z.object({
  repository: z.string(),
  tag: z.string(),
  releaseId: z.number(),
  files: z.record(z.string(), z.string()),
});
const ledgerSchema = z.object({
  repository: z.string(),
  image: z.string(),
  releases: z.record(z.string(), z.object({ digest: z.string(), metadata: z.string().optional() })),
});
const times = z.record(z.string(), z.string());
const secretCheckSchema = z.object({ written: times, settled: times, foreign: times });
const workflowCheckSchema = z.object({ blobs: times, look: z.int() });
