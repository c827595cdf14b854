import { type DeclaredRelease, declaredIn, mediaTypeOf } from "../model/assets.ts";
import { sha256 } from "../model/checksums.ts";
import { type LedgerEntry, platformDigests } from "../model/ledger.ts";
import { unpackText } from "../model/packed-text.ts";
import { oneLine } from "../model/quotation.ts";
import { tagOf, type Version } from "../model/version.ts";
import { restoreBinary, type Sources } from "../plan/restoration.ts";
import { openStorage } from "../services/artifact-storage.ts";
import type { GitHub, Release } from "../services/github.ts";
import { ServiceError } from "../services/service-error.ts";
import { githubOf, registryOf } from "./clients.ts";
import { implementation as githubRelease } from "./github-release.ts";
import { pushAgain } from "./image-repair.ts";

/** Where a release was published. */
export interface Place {
  readonly repository: string;
  readonly stack: string;
  /** Image reference without a tag. */
  readonly image: string;
}

/** A release that is to be restored, with what was found of it. */
interface Loss {
  readonly version: Version;
  readonly line: LedgerEntry;
  /** Undefined when GitHub has none that is published. */
  readonly release: Release | undefined;
  /** What its `metadata.json` says; undefined where nobody recorded it. */
  readonly record: DeclaredRelease | undefined;
  readonly sources: Sources;
}

/**
 * Restores what is missing of one release, byte by byte: its image from the released binaries, its version tags, its
 * assets, and the release itself. Nothing that is there is written.
 *
 * @returns why something could not be restored, a sentence each; empty when all could
 */
export async function restoreRelease(place: Place, version: Version, line: LedgerEntry): Promise<string[]> {
  const github = githubOf(place.repository);
  const registry = await registryOf(place.image);
  const release = await github.releaseByTag(tagOf(version));
  const text = await metadataOf(release, line, github);
  const loss: Loss = {
    version,
    line,
    release,
    record: text === undefined ? undefined : declaredIn(text),
    sources: { github, registry, assets: release?.assets ?? [] },
  };
  // The image first: it may have the binaries that the release lost.
  return [...(await restoreImage(loss, place.image)), ...(await restorePage(loss, place))];
}

async function restoreImage({ version, line, record, sources }: Loss, image: string): Promise<string[]> {
  const { registry } = sources;
  const tag = tagOf(version);
  const platforms = Object.values(record?.image.digests ?? platformDigests(line));
  const [tagged, index, ...manifests] = await Promise.all(
    [tag, line.digest, ...platforms].map((name) => registry.digestOf(name)),
  );
  if (index === undefined || manifests.includes(undefined)) {
    // A tag that is there holds what was recorded, else it would have been refused: it is not written.
    const reference = tagged === undefined ? tag : line.digest;
    return record
      ? pushAgain(record, { image, reference }, sources)
      : [`nobody recorded what ${image}:${tag} was made of`];
  }
  const found = tagged === undefined ? await registry.index(line.digest) : undefined;
  if (found) {
    await registry.putManifest(tag, found.raw, found.mediaType);
  }
  return [];
}

async function restorePage(loss: Loss, place: Place): Promise<string[]> {
  const { version, line, release, record, sources } = loss;
  const { github } = sources;
  const tag = tagOf(version);
  if (!release) {
    return record
      ? publishAgain(loss, record, place)
      : [`nobody recorded what release ${tag} of ${place.repository} was made of`];
  }
  if ((await github.tagCommit(tag)) === undefined) {
    await github.createTag(tag, line.commit);
  }
  const present = new Set(release.assets.filter(({ state }) => state === "uploaded").map(({ name }) => name));
  const reasons: string[] = [];
  for (const [name, checksum] of Object.entries(line.checksums).filter(([name]) => !present.has(name))) {
    const bytes = record && (await bytesOf(name, checksum, record, sources));
    if (bytes) {
      await github.uploadAsset(release, { name, contentType: mediaTypeOf(name), bytes, size: bytes.length, checksum });
    } else {
      reasons.push(lost(name, tag));
    }
  }
  return reasons;
}

/** Publishes a release that somebody deleted, or of which GitHub made a draft; it takes GitHub's "Latest" from no other. */
async function publishAgain(
  { line, sources }: Loss,
  record: DeclaredRelease,
  { repository, stack }: Place,
): Promise<string[]> {
  const { tag, version, commit, title, notes, prerelease, artifacts, files } = record;
  const reasons: string[] = [];
  for (const [name, checksum] of Object.entries(line.checksums)) {
    if (!(await bytesOf(name, checksum, record, sources))) {
      reasons.push(lost(name, tag));
    }
  }
  if (reasons.length > 0) {
    return reasons;
  }
  for (const { checksum } of artifacts) {
    await openStorage().use(checksum);
  }
  const declared = {
    ...{ repository, stack, tag, version, commit, title, notes, prerelease, latest: false, files },
    binaries: Object.fromEntries(artifacts.map(({ name, checksum, size }) => [name, { checksum, size }])),
  };
  try {
    // The ledger knows that it was published: the draft that GitHub may have made of it is the release.
    await githubRelease.ensure(declared, { ...declared, releaseId: 0, url: "" });
    return [];
  } catch (error) {
    // GitHub will never publish it: no update can mend that, and none is to fail for it.
    if (error instanceof ServiceError && error.status === 422) {
      return [oneLine(error.message)];
    }
    throw error;
  }
}

function lost(name: string, tag: string): string {
  return `asset ${name} of ${tag} is neither in the artifact storage, nor in the image, nor can it be made from the record`;
}

async function metadataOf(
  release: Release | undefined,
  { metadata }: LedgerEntry,
  github: GitHub,
): Promise<string | undefined> {
  const asset = release?.assets.find(({ name, state }) => name === "metadata.json" && state === "uploaded");
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
  record: DeclaredRelease,
  sources: Sources,
): Promise<Uint8Array | undefined> {
  const text = record.files[name];
  if (text !== undefined) {
    const bytes = Buffer.from(text, "utf8");
    return sha256(bytes) === checksum ? bytes : undefined;
  }
  const artifact = record.artifacts.find((candidate) => candidate.name === name && candidate.checksum === checksum);
  return artifact && (await restoreBinary(artifact, record, sources)) ? openStorage().read(checksum) : undefined;
}
