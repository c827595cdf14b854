import pMap from "p-map";
import { assetChecksums, type DeclaredRelease, declaredIn } from "../model/assets.ts";
import type { LedgerEntry, Lines } from "../model/ledger.ts";
import { parseMarker } from "../model/marker.ts";
import { NewerSchemaError } from "../model/metadata.ts";
import { packText, unpackText } from "../model/packed-text.ts";
import { messageOf } from "../model/quotation.ts";
import { tagOf, type Version } from "../model/version.ts";
import { writtenOnce } from "../model/write-once.ts";
import type { GitHub, Release } from "../services/github.ts";
import { AT_ONCE } from "../services/registry.ts";
import { githubOf, registryOf } from "./clients.ts";

/** The release that is appended. */
export interface AppendedRelease {
  readonly repository: string;
  readonly stack: string;
  /** Image reference without a tag. */
  readonly image: string;
  readonly version: Version;
  /** 40 hex digits. */
  readonly commit: string;
  /** Digest of the image index. */
  readonly digest: string;
  /** Asset name → SHA-256 hex. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** The line of the release that is appended. */
export async function entryOf(
  { repository, version, commit, digest, checksums }: AppendedRelease,
  known: LedgerEntry | undefined,
  listed: readonly Release[],
): Promise<LedgerEntry> {
  const release = listed.find(({ tagName, draft }) => !draft && tagName === tagOf(version));
  const metadata = known?.metadata ?? (release && (await packedMetadata(release, githubOf(repository))));
  return { commit, digest, checksums, ...(metadata === undefined ? {} : { metadata }) };
}

/**
 * Lines of what this stack published and the ledger does not know: what each release recorded in its `metadata.json`.
 * Without that text it is what is there now: the list carries the assets' digests, and the registry has the index.
 *
 * @param withdrawn versions whose record keeps no update from going on
 * @throws when a record describes no release of this program, or another one, or when a newer program wrote it
 */
export async function publishedEntries(
  { repository, stack, image, version }: AppendedRelease,
  withdrawn: readonly Version[],
  known: Lines,
  listed: readonly Release[],
): Promise<Record<Version, LedgerEntry>> {
  const github = githubOf(repository);
  const registry = await registryOf(image);
  const unknown = listed.flatMap((release) => {
    const marker = parseMarker(release.body);
    const isUnknown =
      !release.draft &&
      marker?.stack === stack &&
      release.tagName === tagOf(marker.version) &&
      marker.version !== version &&
      !(marker.version in known);
    return isUnknown ? [{ release, marker }] : [];
  });
  const entries = await pMap(
    unknown,
    async ({ release, marker }): Promise<[Version, LedgerEntry][]> => {
      const metadata = await packedMetadata(release, github);
      const record = metadata && recordIn(unpackText(metadata), marker.version, withdrawn);
      if (record) {
        const { commit, image } = record;
        return [[marker.version, { commit, digest: image.digest, checksums: checksumsOf(record, release), metadata }]];
      }
      const digest = await registry.digestOf(release.tagName);
      const { commit } = marker;
      return digest === undefined ? [] : [[marker.version, { commit, digest, checksums: listedChecksums(release) }]];
    },
    { concurrency: AT_ONCE },
  );
  return Object.fromEntries(entries.flat());
}

function recordIn(text: string, version: Version, withdrawn: readonly Version[]): DeclaredRelease | undefined {
  const tag = tagOf(version);
  let problem: string;
  try {
    const record = declaredIn(text);
    if (record.version === version) {
      return record;
    }
    problem = `metadata.json of ${tag} describes ${record.tag}`;
  } catch (error) {
    // To withdraw it is no way out of an old program.
    if (error instanceof NewerSchemaError) {
      throw new Error(`${tag}: ${error.message}`);
    }
    problem = `metadata.json of ${tag} cannot be read: ${messageOf(error)}`;
  }
  if (withdrawn.includes(version)) {
    return undefined;
  }
  throw new Error(writtenOnce(version, [problem]));
}

function checksumsOf(record: DeclaredRelease, release: Release): Record<string, string> {
  const checksums = assetChecksums(record);
  // A program of another day may have rendered it in another way from the same facts.
  const published = listedChecksums(release)[RENDERED];
  return published === undefined ? checksums : { ...checksums, [RENDERED]: published };
}

const RENDERED = "artifacts.json";

function listedChecksums({ assets }: Release): Record<string, string> {
  return Object.fromEntries(
    assets.flatMap(({ name, digest }) => (digest ? [[name, digest.replace("sha256:", "")] as const] : [])),
  );
}

async function packedMetadata(release: Release, github: GitHub): Promise<string | undefined> {
  const asset = release.assets.find(({ name, state }) => name === "metadata.json" && state === "uploaded");
  return asset && packText((await github.downloadAsset(asset)).toString("utf8"));
}
