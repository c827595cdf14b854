import { type DeclaredRelease, declaredIn } from "../model/assets.ts";
import { parseChecksums } from "../model/checksums.ts";
import { parseMarker } from "../model/marker.ts";
import { shown } from "../model/quotation.ts";
import { writtenOnce } from "../model/write-once.ts";
import { together } from "../refusal.ts";
import { openStorage } from "../services/artifact-storage.ts";
import { type ContextFile, stageContext } from "../services/docker-context.ts";
import type { GitHub, Release } from "../services/github.ts";
import type { RecallMetadata } from "./recorded-state.ts";
import { rebuildBinary, restoreBinary, type Sources } from "./restoration.ts";

/** What is needed to have a published release's binaries again. */
export interface SealedSources extends Sources {
  /** Says where the sources of its commit are; called only when a binary must be built again. */
  readonly findSources: () => Promise<void>;
}

/**
 * Stages the Docker Build Context of a published release again, from its recorded facts: docker-build compares the
 * context on every update, also on a machine that never built anything. A binary that the artifact storage lacks is
 * restored from where it was published, else built again from its commit.
 *
 * @throws when a binary is nowhere any more and cannot be built again, or is not the recorded one
 */
export async function stageSealed(facts: DeclaredRelease, sources: SealedSources): Promise<DeclaredRelease> {
  const storage = openStorage();
  const binaries: ContextFile[] = [];
  // One after the other: when one is refused, nothing else is still under way.
  for (const artifact of facts.artifacts) {
    if (!(await restoreBinary(artifact, facts, sources))) {
      await sources.findSources();
      await rebuildBinary(artifact, facts);
    }
    binaries.push({ name: artifact.name, path: await storage.use(artifact.checksum) });
  }
  await stageContext(binaries, facts.dockerfile);
  await Promise.all(facts.artifacts.map(({ checksum }) => storage.markConsumed(checksum)));
  return facts;
}

/**
 * A published release as it was recorded in its own assets: their very texts, so that a newer program declares the same.
 * A `metadata.json` that somebody deleted is taken from the stack's state.
 *
 * @throws when the release was not made by this program, when its record is gone, or when its binaries are others
 */
export async function recordedRelease(
  release: Release,
  github: GitHub,
  recall: RecallMetadata,
): Promise<DeclaredRelease> {
  const text = (await textOf(METADATA, release, github)) ?? (await recalled(release, recall));
  const recorded = declaredIn(text);
  const files = await together(
    ...Object.entries(recorded.files).map(async ([name, rendered]) => [
      name,
      // One that is missing is rendered again, and restored.
      name === METADATA ? text : ((await textOf(name, release, github)) ?? rendered),
    ]),
  );
  const declared: DeclaredRelease = { ...recorded, files: Object.fromEntries(files) };
  const problems = contradictions(declared, release);
  if (problems.length > 0) {
    throw new Error(
      `${release.tagName} at ${release.htmlUrl}: ${writtenOnce(release.tagName.replace(/^v/, ""), problems)}`,
    );
  }
  return declared;
}

/** A release that this stack published and GitHub has no more, as the state records it; undefined when it does not. */
export async function rememberedRelease(tag: string, recall: RecallMetadata): Promise<DeclaredRelease | undefined> {
  const text = await recall(tag);
  return text === undefined ? undefined : declaredIn(text);
}

const METADATA = "metadata.json";
const MOST_NAMED = 10;

async function recalled(release: Release, recall: RecallMetadata): Promise<string> {
  const { tagName, htmlUrl, body } = release;
  if (!parseMarker(body)) {
    throw new Error(
      `${tagName} is already published at ${htmlUrl}, and not by this program: it has ${assetList(release)} ` +
        `and no ${METADATA}. A version is written once: release the next version.`,
    );
  }
  const text = await recall(tagName);
  if (text === undefined) {
    throw new Error(
      `${tagName} is published at ${htmlUrl}, and its asset ${METADATA}, which records what it is, is missing; this stack's state does not have it either. ` +
        `Attach it again (gh release upload ${tagName} ${METADATA}) from a download of somebody, or import an earlier state (pulumi stack export --version N, then pulumi stack import). ` +
        "With neither it cannot be made again: release the next version.",
    );
  }
  return text;
}

// The listing says enough. What is missing is no contradiction: it is restored.
function contradictions(declared: DeclaredRelease, { tagName, assets, prerelease }: Release): string[] {
  const { tag, artifacts, files } = declared;
  const listed = parseChecksums(files["checksums.txt"] ?? "");
  return [
    ...(tag === tagName ? [] : [`metadata.json describes ${tag}`]),
    ...(prerelease === declared.prerelease
      ? []
      : [
          `it is ${prerelease ? "" : "not "}marked as a prerelease; metadata.json records that it is${prerelease ? " not" : ""}`,
        ]),
    ...(listed.ok ? [] : listed.problems),
    ...artifacts.flatMap(({ name, checksum, size }) => {
      const asset = assets.find((candidate) => candidate.name === name);
      const digest = `sha256:${checksum}`;
      const line = listed.ok ? listed.checksums.get(name) : checksum;
      return [
        ...(!asset || (asset.size === size && (asset.digest ?? digest) === digest)
          ? []
          : [`asset ${name} has ${asset.size} bytes, ${asset.digest}; metadata.json records ${size} bytes, ${digest}`]),
        ...(line === checksum
          ? []
          : [`checksums.txt has ${line ?? "no line"} for ${name}; metadata.json records ${checksum}`]),
      ];
    }),
  ];
}

async function textOf(name: string, release: Release, github: GitHub): Promise<string | undefined> {
  const asset = release.assets.find((candidate) => candidate.name === name);
  return asset && new TextDecoder("utf-8", { fatal: true }).decode(await github.downloadAsset(asset));
}

function assetList({ assets }: Release): string {
  return assets.length === 0
    ? "no assets"
    : `${assets
        .slice(0, MOST_NAMED)
        .map(({ name, digest }) => `${shown(name)} (${digest ?? "no digest"})`)
        .join(", ")}${assets.length > MOST_NAMED ? ", …" : ""}`;
}
