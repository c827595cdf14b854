import type * as pulumi from "@pulumi/pulumi";
import type { Registry } from "../services/registry.ts";
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

/** The Multi-arch Manifest: read back from the registry after the push, down to the binaries in its layers. */
export class Manifest extends ReleaseResource {
  declare readonly digest: pulumi.Output<string>;
  declare readonly digests: pulumi.Output<Record<string, string>>;

  constructor(name: string, inputs: InputsOf<ManifestInputs>, options: pulumi.CustomResourceOptions) {
    super("manifest", "Manifest", name, inputs, options);
  }
}

/** @throws naming every platform, digest or binary that is not what was built */
export const implementation: Implementation<ManifestInputs, object> = {
  async ensure(inputs) {
    const registry = await registryOf(inputs.image);
    await restoreTag(registry, inputs);
    const problems = [...(await indexProblems(registry, inputs)), ...(await binaryProblems(registry, inputs))];
    if (problems.length > 0) {
      throw new Error(`what the registry serves is not what was built:\n${problems.join("\n")}`);
    }
    return {};
  },
  async observe(recorded) {
    return indexProblems(await registryOf(recorded.image), recorded);
  },
};

// A tag that somebody deleted while its index is still there: docker-build looks at the digest and does not notice.
async function restoreTag(registry: Registry, { tag, digest }: ManifestInputs): Promise<void> {
  if ((await registry.digestOf(tag)) === undefined) {
    const index = await registry.index(digest);
    if (index) {
      await registry.putManifest(tag, index.raw, index.mediaType);
    }
  }
}

async function indexProblems(registry: Registry, { image, tag, digest, digests }: ManifestInputs): Promise<string[]> {
  const index = await registry.index(tag);
  if (index === undefined) {
    return [`${image}:${tag} is missing from the registry`];
  }
  const served = new Map(index.platforms.map((entry) => [entry.platform, entry.digest]));
  return [
    ...(index.digest === digest ? [] : [`${image}:${tag} points at ${index.digest}, expected ${digest}`]),
    ...Object.entries(digests).flatMap(([platform, expected]) => {
      const found = served.get(platform);
      return found === expected
        ? []
        : [`${image}:${tag} serves ${found ?? "nothing"} for ${platform}, expected ${expected}`];
    }),
    ...[...served.keys()]
      .filter((platform) => !(platform in digests))
      .map((platform) => `${image}:${tag} serves a platform that was not built: ${platform}`),
  ];
}

async function binaryProblems(
  registry: Registry,
  { image, tag, digests, checksums, entrypoint }: ManifestInputs,
): Promise<string[]> {
  const problems = await Promise.all(
    Object.entries(checksums).map(async ([platform, checksum]) => {
      const digest = digests[platform];
      const found = digest ? await registry.binaryChecksums(digest, entrypoint) : undefined;
      return found?.checksum === checksum
        ? []
        : [
            `${image}:${tag} holds /${entrypoint} with SHA-256 ${found?.checksum ?? "(none)"} for ${platform}, built was ${checksum}`,
          ];
    }),
  );
  return problems.flat();
}
