import type { BinaryArtifact } from "./model/artifact.ts";
import { type DeclaredRelease, textAssets } from "./model/assets.ts";
import { parseChecksums } from "./model/checksums.ts";
import { parseMarker } from "./model/marker.ts";
import { parseMetadata } from "./model/metadata.ts";
import { openStorage } from "./services/artifact-storage.ts";
import { stageContext } from "./services/docker-context.ts";
import type { GitHub, Release } from "./services/github.ts";

/**
 * Stages the Docker Build Context of a published release again, from its recorded facts: docker-build compares the
 * context on every update, also on a machine that never built anything. A binary that the artifact storage lacks
 * comes from the published release. Needs neither a compiler nor the commit.
 *
 * @throws when a published binary is missing or is not the recorded one
 */
export async function stageSealed(facts: DeclaredRelease, release: Release, github: GitHub): Promise<DeclaredRelease> {
  const storage = openStorage();
  await stageContext(
    await Promise.all(
      facts.artifacts.map(async (artifact) => {
        const { name, checksum } = artifact;
        if (!(await storage.has(checksum))) {
          await storage.restore(artifact, facts.commit, await download(artifact, release, github));
        }
        return { name, path: await storage.use(checksum) };
      }),
    ),
    facts.dockerfile,
  );
  await Promise.all(facts.artifacts.map(({ checksum }) => storage.markConsumed(checksum)));
  return facts;
}

async function download({ name, checksum }: BinaryArtifact, release: Release, github: GitHub): Promise<Uint8Array> {
  const asset = release.assets.find((candidate) => candidate.name === name);
  if (!asset) {
    throw new Error(
      `binary ${name} (SHA-256 ${checksum}) is neither in the artifact storage nor an asset of ${release.tagName}`,
    );
  }
  return github.downloadAsset(asset);
}

/**
 * A published release as it was recorded in its own assets: their very texts, so that a newer program declares the same.
 *
 * @throws when the release was not made by this program, when its record is gone, or when its binaries are others
 */
export async function recordedRelease(release: Release, github: GitHub): Promise<DeclaredRelease> {
  const text = await textOf("metadata.json", release, github);
  if (text === undefined) {
    throw new Error(
      parseMarker(release.body)
        ? `${release.tagName} is published at ${release.htmlUrl}, and its asset metadata.json, which records what it is, is missing: upload it again.`
        : `${release.tagName} is already published at ${release.htmlUrl}, and not by this program: it has ${assetList(release)} ` +
            "and no metadata.json. A version is written once: release the next version.",
    );
  }
  const facts = parseMetadata(text);
  const files = await Promise.all(
    Object.entries(textAssets(facts)).map(async ([name, rendered]) => [
      name,
      // One that is missing is rendered again, and restored.
      name === "metadata.json" ? text : ((await textOf(name, release, github)) ?? rendered),
    ]),
  );
  const declared: DeclaredRelease = { ...facts, files: Object.fromEntries(files) };
  const problems = contradictions(declared, release);
  if (problems.length > 0) {
    throw new Error(
      `${release.tagName} is published at ${release.htmlUrl}, and it is not what was published:\n${problems.join("\n")}\n` +
        "A version is written once: put back what was changed, or release the next version.",
    );
  }
  return declared;
}

// The listing says enough. What is missing is no contradiction: it is restored.
function contradictions({ tag, artifacts, files }: DeclaredRelease, { tagName, assets }: Release): string[] {
  const listed = parseChecksums(files["checksums.txt"] ?? "");
  return [
    ...(tag === tagName ? [] : [`metadata.json describes ${tag}`]),
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
    : assets.map(({ name, digest }) => `${name} (${digest ?? "no digest"})`).join(", ");
}
