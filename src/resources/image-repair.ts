import { readFile, rm } from "node:fs/promises";
import type { ReleaseFacts } from "../model/metadata.ts";
import { messageOf, oneLine } from "../model/quotation.ts";
import { restoreBinary, type Sources } from "../plan/restoration.ts";
import { openStorage } from "../services/artifact-storage.ts";
import { exportIndex } from "../services/builder.ts";
import { type ContextFile, DOCKERFILE, stageContext } from "../services/docker-context.ts";
import { imageManifestOf, mediaTypeOf } from "../services/registry/manifest.ts";
import type { Registry } from "../services/registry.ts";
import { providerConfiguration } from "./dynamic.ts";

// Beside the context of the release that is declared, which docker-build hashes.
const CONTEXT = ".build/restored-context";
const LAYOUT = ".build/restored-index";

/**
 * Makes the image of a published release again, from its binaries and recorded facts, and pushes it to a registry that
 * lost it. The bytes are compared before the first write: another BuildKit than the recorded one may make others.
 *
 * @param place image reference without a tag; the tag, or the index's own digest, that it is put under
 * @returns why it could not be made, one sentence; empty when it was pushed
 */
export async function pushAgain(
  facts: ReleaseFacts,
  { image, reference }: { readonly image: string; readonly reference: string },
  sources: Sources,
): Promise<string[]> {
  const { tag, image: expected, buildkit, labels, commitTime, dockerfile } = facts;
  const binaries: ContextFile[] = [];
  for (const artifact of facts.artifacts) {
    if (!(await restoreBinary(artifact, facts, sources))) {
      return [`binary ${artifact.name} of ${tag} is neither in the artifact storage, nor an asset of the release`];
    }
    binaries.push({ name: artifact.name, path: await openStorage().locate(artifact.checksum) });
  }
  await stageContext(binaries, dockerfile, CONTEXT);
  try {
    const built = await exportIndex(
      {
        builder: providerConfiguration().get("builder") || undefined,
        context: CONTEXT,
        dockerfile: `${CONTEXT}/${DOCKERFILE}`,
        platforms: expected.platforms,
        labels,
        sourceDateEpoch: Date.parse(commitTime) / 1000,
      },
      LAYOUT,
    ).catch(messageOf);
    if (typeof built === "string") {
      return [oneLine(built)];
    }
    if (built.digest !== expected.digest) {
      return [
        `the builder makes ${built.digest} of ${image}:${tag}, not ${expected.digest}, which BuildKit ${buildkit} made`,
      ];
    }
    await pushLayout(sources.registry, reference, built.digest, Object.values(built.digests));
    return [];
  } finally {
    await Promise.all([CONTEXT, LAYOUT].map((path) => rm(path, { recursive: true, force: true })));
  }
}

// What is named comes before what names it.
async function pushLayout(
  registry: Registry,
  reference: string,
  index: string,
  manifests: readonly string[],
): Promise<void> {
  for (const digest of manifests) {
    const { config, layers } = imageManifestOf(JSON.parse((await stored(digest)).toString("utf8")));
    for (const blob of [...layers, config]) {
      await registry.putBlob(await stored(blob.digest));
    }
    await putManifest(registry, digest, digest);
  }
  await putManifest(registry, reference, index);
}

async function putManifest(registry: Registry, reference: string, digest: string): Promise<void> {
  const raw = await stored(digest);
  await registry.putManifest(reference, raw, mediaTypeOf(JSON.parse(raw.toString("utf8")), null));
}

async function stored(digest: string): Promise<Buffer<ArrayBuffer>> {
  return Buffer.from(await readFile(`${LAYOUT}/blobs/${digest.replace(":", "/")}`));
}
