import { rm } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import type { BinaryArtifact } from "../model/artifact.ts";
import { checkArtifactSet } from "../model/artifact.ts";
import { type DeclaredRelease, textAssets } from "../model/assets.ts";
import type { ReleaseFacts } from "../model/metadata.ts";
import { type Change, releaseNotes } from "../model/notes.ts";
import { refuseOtherDigest } from "../model/write-once.ts";
import { openStorage } from "../services/artifact-storage.ts";
import { exportIndex } from "../services/builder.ts";
import { CONTEXT, type ContextFile, DOCKERFILE, stageContext } from "../services/docker-context.ts";
import type { Registry } from "../services/registry.ts";
import type { Settings } from "../settings.ts";

/** A release that is not published yet: all that decides its bytes, but the bytes. */
export interface Candidate extends Omit<ReleaseFacts, "artifacts" | "image" | "notes"> {
  readonly repository: string;
  readonly architectures: readonly BinaryArtifact["architecture"][];
  /** Image reference without a tag, as the public knows it. */
  readonly publicImage: string;
  /** Commits since the previous release, newest first. */
  readonly changes: readonly Change[];
}

/** Directory of the index that was built without a push. */
const LAYOUT = ".build/index";

/**
 * Completes a candidate with its bytes: stages the Docker Build Context and builds the index without a push. A preview
 * refuses when the version tag holds another one; in an update the Guard does, right before the push. Writes nothing that others can see.
 *
 * @throws naming every artifact that is missing or wrong, or both digests
 */
export async function completeFacts(
  candidate: Candidate,
  artifacts: readonly BinaryArtifact[],
  { builder, image, artifactRetentionDays }: Pick<Settings, "builder" | "image" | "artifactRetentionDays">,
  registry: Registry,
): Promise<DeclaredRelease> {
  const problems = checkArtifactSet(artifacts, {
    binaryName: candidate.source.binaryName,
    architectures: candidate.architectures,
    version: candidate.version,
  });
  if (problems.length > 0) {
    throw new Error(`the binaries of ${candidate.tag} are not complete:\n${problems.join("\n")}`);
  }
  const storage = openStorage();
  // A preview only looks: what it built expires like everything that no release reads.
  const isPreview = pulumi.runtime.isDryRun();
  const take = isPreview ? storage.locate.bind(storage) : storage.use.bind(storage);
  const binaries: ContextFile[] = [];
  // One after the other: of several that are missing it is always the first that is named.
  for (const { name, checksum } of artifacts) {
    binaries.push({ name, path: await take(checksum) });
  }
  await stageContext(binaries, candidate.dockerfile);
  await storage.expire(artifactRetentionDays);
  const platforms = candidate.architectures.map((architecture) => `linux/${architecture}`);
  const [index, found] = await Promise.all([
    exportIndex(
      {
        builder,
        context: CONTEXT,
        dockerfile: `${CONTEXT}/${DOCKERFILE}`,
        platforms,
        labels: candidate.labels,
        sourceDateEpoch: Date.parse(candidate.commitTime) / 1000,
      },
      LAYOUT,
    ),
    isPreview ? registry.digestOf(candidate.tag) : undefined,
  ]);
  await rm(LAYOUT, { recursive: true, force: true });
  refuseOtherDigest({ image, tag: candidate.tag, digest: index.digest }, found);
  const absent = platforms.filter((platform) => !(platform in index.digests));
  if (absent.length > 0) {
    throw new Error(
      `the image of ${candidate.tag} was built without ${absent.join(", ")}: name a builder that builds for it: pulumi config set builder NAME`,
    );
  }
  const { repository, architectures, publicImage, changes, ...known } = candidate;
  const published = {
    reference: publicImage,
    tag: candidate.tag,
    digest: index.digest,
    platforms,
    digests: index.digests,
  };
  const facts = {
    ...known,
    artifacts: [...artifacts],
    image: published,
    notes: releaseNotes({ ...candidate, image: published }),
  };
  return { ...facts, files: textAssets(facts) };
}
