import { buildArtifact } from "../commands/build.ts";
import type { BinaryArtifact } from "../model/artifact.ts";
import { requestOf } from "../model/build-request.ts";
import { entrypointOf } from "../model/dockerfile.ts";
import type { ReleaseFacts } from "../model/metadata.ts";
import { openStorage } from "../services/artifact-storage.ts";
import type { Asset, GitHub } from "../services/github.ts";
import type { Registry } from "../services/registry.ts";
import { ServiceError } from "../services/service-error.ts";

/** Where the binaries of a published release may still be. */
export interface Sources {
  readonly github: GitHub;
  readonly registry: Registry;
  /** Assets of the release on GitHub. */
  readonly assets: readonly Asset[];
}

/**
 * Makes the artifact storage hold a binary of a published release: it has it, or it gets it from the release, or from the
 * image's layer; every time compared with its recorded checksum. Needs neither a compiler nor the commit.
 *
 * @returns whether the storage holds it now
 * @throws naming both checksums when a place holds other bytes
 */
export async function restoreBinary(artifact: BinaryArtifact, facts: ReleaseFacts, sources: Sources): Promise<boolean> {
  const storage = openStorage();
  if (await storage.has(artifact.checksum)) {
    return true;
  }
  const bytes = (await fromRelease(artifact, sources)) ?? (await fromImage(artifact, facts, sources.registry));
  if (bytes !== undefined) {
    await storage.restore(artifact, facts.commit, bytes);
  }
  return bytes !== undefined;
}

/**
 * The last resort for a binary that is nowhere any more: it is built from its commit, with the same Go.
 *
 * @throws naming both compilers when another one is installed, both checksums when it has other bytes
 */
export async function rebuildBinary(artifact: BinaryArtifact, facts: ReleaseFacts): Promise<void> {
  const { name, checksum, architecture } = artifact;
  const lost =
    `binary ${name} of ${facts.tag} (SHA-256 ${checksum}) is neither in the artifact storage, nor an asset of the release, ` +
    `nor in the image; it must be built again from ${facts.commit}`;
  const built = await buildArtifact(requestOf(facts, architecture)).catch((error: unknown) => {
    throw new Error(`${lost}: ${error instanceof Error ? error.message : error}`, { cause: error });
  });
  if (built.checksum !== checksum) {
    throw new Error(
      `${lost}. With ${facts.go} it has SHA-256 ${built.checksum}: it was not built like this, and is not replaced`,
    );
  }
}

async function fromRelease({ name }: BinaryArtifact, { assets, github }: Sources): Promise<Uint8Array | undefined> {
  const asset = assets.find((candidate) => candidate.name === name && candidate.state === "uploaded");
  return asset && github.downloadAsset(asset);
}

async function fromImage(
  { architecture }: BinaryArtifact,
  { image, dockerfile }: ReleaseFacts,
  registry: Registry,
): Promise<Uint8Array | undefined> {
  const digest = image.digests[`linux/${architecture}`];
  try {
    return digest === undefined ? undefined : await registry.binary(digest, entrypointOf(dockerfile));
  } catch (error) {
    // Manifest or layer are gone as well: only the registry's own 404 says so.
    if (error instanceof ServiceError && error.status === 404) {
      return undefined;
    }
    throw error;
  }
}
