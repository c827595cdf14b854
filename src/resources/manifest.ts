import type * as pulumi from "@pulumi/pulumi";
import { type Difference, missing, other, refusals } from "../model/difference.ts";
import { shown } from "../model/quotation.ts";
import { writtenOnce } from "../model/write-once.ts";
import { digestOfBytes } from "../services/registry/digest.ts";
import { mediaTypeOf } from "../services/registry/manifest.ts";
import type { Index, Registry } from "../services/registry.ts";
import { ServiceError } from "../services/service-error.ts";
import { registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** What the registry must serve for the version tag. */
export interface ManifestInputs {
  /** Image reference without a tag. */
  readonly image: string;
  /** Version tag, `v1.2.3`. */
  readonly tag: string;
  /** Digest of the index. */
  readonly digest: string;
  /** Platform → digest of its manifest; exactly these must be served. */
  readonly digests: Readonly<Record<string, string>>;
  /** Path of the binary in the image, without the leading slash. */
  readonly entrypoint: string;
  /** Platform → SHA-256 (hex) of the binary that its layer must hold. */
  readonly checksums: Readonly<Record<string, string>>;
}

export interface ManifestFacts {
  /**
   * Platform → text of its manifest, whose digest is an input: what restores one that somebody deleted. Older code did not
   * record it.
   */
  readonly manifests?: Readonly<Record<string, string>>;
}

/** The Multi-arch Manifest: read back from the registry after the push, down to the binaries in its layers. */
export class Manifest extends ReleaseResource {
  declare readonly digest: pulumi.Output<string>;
  declare readonly digests: pulumi.Output<Record<string, string>>;

  constructor(name: string, inputs: InputsOf<ManifestInputs>, options: pulumi.CustomResourceOptions) {
    super("manifest", "Manifest", name, { ...inputs, manifests: undefined }, options);
  }
}

/** @throws naming every platform, digest or binary that is not what was built */
export const implementation: Implementation<ManifestInputs, ManifestFacts> = {
  facts: ["manifests"],

  async ensure(inputs, recorded) {
    const registry = await registryOf(inputs.image);
    if (recorded?.drift?.length) {
      await restorePlatforms(registry, inputs, recorded.manifests ?? {});
    }
    const index = (await registry.index(inputs.tag)) ?? (await restoredIndex(registry, inputs));
    const problems = [
      ...indexProblems(index, inputs).map(({ text }) => text),
      ...(await binaryProblems(registry, inputs)),
    ];
    if (problems.length > 0) {
      throw new Error(`what the registry serves is not what was built:\n${problems.join("\n")}`);
    }
    const manifests = Object.entries(inputs.digests).map(async ([platform, digest]) => [
      platform,
      Buffer.from((await registry.manifest(digest)).raw).toString("utf8"),
    ]);
    return { manifests: Object.fromEntries(await Promise.all(manifests)) };
  },
  observe: differences,

  async conflicts(inputs, recorded) {
    const looks = recorded.drift?.length && inputs.tag === recorded.tag;
    const problems = looks ? refusals(await differences(recorded)) : [];
    return problems.length === 0 ? [] : [writtenOnce(recorded.tag.slice(1), problems)];
  },
};

async function differences(recorded: ManifestInputs): Promise<Difference[]> {
  const { image, tag, digest } = recorded;
  const registry = await registryOf(image);
  const found = await registry.digestOf(tag);
  // What else a tag may hold need not be an index.
  if (found !== undefined && found !== digest) {
    return [other(`${image}:${tag} points at ${found}, expected ${digest}`)];
  }
  return [...indexProblems(await registry.index(tag), recorded), ...(await missingPlatforms(registry, recorded))];
}

/** The index may be there, and what it names may have been deleted. */
async function missingPlatforms(registry: Registry, { image, tag, digests }: ManifestInputs): Promise<Difference[]> {
  const found = await Promise.all(
    Object.entries(digests).map(async ([platform, digest]) =>
      (await registry.digestOf(digest)) === undefined
        ? [missing(`${image}:${tag} lacks the manifest of ${platform}, ${digest}: it is missing from the registry`)]
        : [],
    ),
  );
  return found.flat();
}

// By their very bytes, before anything reads them. What the registry has is left alone.
async function restorePlatforms(
  registry: Registry,
  { digests }: ManifestInputs,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [platform, digest] of Object.entries(digests)) {
    const raw = new Uint8Array(Buffer.from(texts[platform] ?? "", "utf8"));
    if (digestOfBytes(raw) === digest && (await registry.digestOf(digest)) === undefined) {
      await registry.putManifest(digest, raw, mediaTypeOf(JSON.parse(texts[platform] ?? ""), null));
    }
  }
}

// For a tag that somebody deleted while its index is still there: docker-build looks at the digest and does not notice.
async function restoredIndex(registry: Registry, { tag, digest }: ManifestInputs): Promise<Index | undefined> {
  const index = await registry.index(digest);
  if (index === undefined) {
    return undefined;
  }
  await registry.putManifest(tag, index.raw, index.mediaType);
  return registry.index(tag);
}

function indexProblems(index: Index | undefined, { image, tag, digest, digests }: ManifestInputs): Difference[] {
  if (index === undefined) {
    return [missing(`${image}:${tag} is missing from the registry`)];
  }
  const served = new Map(index.platforms.map((entry) => [entry.platform, entry.digest]));
  return [
    ...(index.digest === digest ? [] : [other(`${image}:${tag} points at ${index.digest}, expected ${digest}`)]),
    ...Object.entries(digests).flatMap(([platform, expected]) => {
      const found = served.get(platform);
      return found === expected
        ? []
        : [other(`${image}:${tag} serves ${found ?? "nothing"} for ${platform}, expected ${expected}`)];
    }),
    ...[...served.keys()]
      .filter((platform) => !(platform in digests))
      .map((platform) => other(`${image}:${tag} serves a platform that was not built: ${shown(platform)}`)),
  ];
}

async function binaryProblems(
  registry: Registry,
  { image, tag, digests, checksums, entrypoint }: ManifestInputs,
): Promise<string[]> {
  const problems = await Promise.all(
    Object.entries(checksums).map(async ([platform, checksum]) => {
      const found = await binaryOf(registry, digests[platform], entrypoint);
      return found === checksum
        ? []
        : [
            `${image}:${tag} holds /${entrypoint} with SHA-256 ${found ?? "(none)"} for ${platform}, built was ${checksum}`,
          ];
    }),
  );
  return problems.flat();
}

async function binaryOf(registry: Registry, digest: string | undefined, path: string): Promise<string | undefined> {
  if (digest === undefined) {
    return undefined;
  }
  try {
    return (await registry.binaryChecksums(digest, path))?.checksum;
  } catch (error) {
    // A platform that never arrived is told beside the others, by its name.
    if (error instanceof ServiceError && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}
