import { createHash } from "node:crypto";
import { mediaTypeOf, textAssets } from "../model/assets.ts";
import type { LedgerEntry } from "../model/ledger.ts";
import { parseMetadata, type ReleaseFacts } from "../model/metadata.ts";
import { unpackText } from "../model/packed-text.ts";
import { tagOf, type Version } from "../model/version.ts";
import { restoreBinary } from "../plan/restoration.ts";
import { openStorage } from "../services/artifact-storage.ts";
import type { GitHub, Release } from "../services/github.ts";
import type { Registry } from "../services/registry.ts";
import { githubOf, registryOf } from "./clients.ts";

/**
 * Restores what is missing of one release, byte by byte, as far as that can be done without a build: its version tag of
 * the image while the index is still there, its tag in git, its assets. Nothing that is there is written.
 */
export async function restoreRelease(
  { repository, image }: { readonly repository: string; readonly image: string },
  version: Version,
  line: LedgerEntry,
): Promise<void> {
  const github = githubOf(repository);
  const registry = await registryOf(image);
  const tag = tagOf(version);
  const [release, tagged, found] = await Promise.all([
    github.releaseByTag(tag),
    github.tagCommit(tag),
    registry.digestOf(tag),
  ]);
  const index = found === undefined ? await registry.index(line.digest) : undefined;
  if (index) {
    await registry.putManifest(tag, index.raw, index.mediaType);
  }
  if (release && tagged === undefined) {
    await github.createTag(tag, line.commit);
  }
  if (release) {
    await restoreAssets(release, line, github, registry);
  }
}

async function restoreAssets(release: Release, line: LedgerEntry, github: GitHub, registry: Registry): Promise<void> {
  const present = new Set(release.assets.filter(({ state }) => state === "uploaded").map(({ name }) => name));
  const absent = Object.entries(line.checksums).filter(([name]) => !present.has(name));
  if (absent.length === 0) {
    return;
  }
  const text = await metadataOf(release, line, github);
  if (text === undefined) {
    return;
  }
  const facts = parseMetadata(text);
  const texts: Record<string, string> = { ...textAssets(facts), "metadata.json": text };
  for (const [name, checksum] of absent) {
    const bytes = await bytesOf(name, checksum, facts, texts, { github, registry, assets: release.assets });
    if (bytes) {
      await github.uploadAsset(release, { name, contentType: mediaTypeOf(name), bytes, size: bytes.length, checksum });
    }
  }
}

async function metadataOf(release: Release, { metadata }: LedgerEntry, github: GitHub): Promise<string | undefined> {
  const asset = release.assets.find(({ name, state }) => name === "metadata.json" && state === "uploaded");
  return asset
    ? (await github.downloadAsset(asset)).toString("utf8")
    : metadata === undefined
      ? undefined
      : unpackText(metadata);
}

/** The bytes of an asset, only when they are the recorded ones: a newer program may render a text in another way. */
async function bytesOf(
  name: string,
  checksum: string,
  facts: ReleaseFacts,
  texts: Readonly<Record<string, string>>,
  sources: Parameters<typeof restoreBinary>[2],
): Promise<Uint8Array | undefined> {
  const text = texts[name];
  if (text !== undefined) {
    const bytes = Buffer.from(text, "utf8");
    return createHash("sha256").update(bytes).digest("hex") === checksum ? bytes : undefined;
  }
  const artifact = facts.artifacts.find((candidate) => candidate.name === name && candidate.checksum === checksum);
  return artifact && (await restoreBinary(artifact, facts, sources)) ? openStorage().read(checksum) : undefined;
}
