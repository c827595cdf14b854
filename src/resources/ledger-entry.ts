import pMap from "p-map";
import type { LedgerEntry, Lines } from "../model/ledger.ts";
import { parseMarker } from "../model/marker.ts";
import { parseMetadata } from "../model/metadata.ts";
import { packText, unpackText } from "../model/packed-text.ts";
import { tagOf, type Version } from "../model/version.ts";
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
 * Lines of what this stack published and the ledger does not know. The list carries every asset's digest; the registry
 * is asked for each index, and the release for its record.
 */
export async function publishedEntries(
  { repository, stack, image, version }: AppendedRelease,
  known: Lines,
  listed: readonly Release[],
): Promise<Record<Version, LedgerEntry>> {
  const github = githubOf(repository);
  const registry = await registryOf(image);
  const entries = await pMap(
    listed.flatMap((release) => {
      const marker = parseMarker(release.body);
      const isUnknown =
        !release.draft &&
        marker?.stack === stack &&
        release.tagName === tagOf(marker.version) &&
        marker.version !== version &&
        !(marker.version in known);
      return isUnknown ? [{ release, marker }] : [];
    }),
    async ({ release, marker }) => {
      const metadata = await packedMetadata(release, github);
      const digest = (await registry.digestOf(release.tagName)) ?? recordedDigest(metadata);
      if (digest === undefined) {
        return [];
      }
      const checksums = release.assets.flatMap(({ name, digest: sum }) =>
        sum ? [[name, sum.replace("sha256:", "")] as const] : [],
      );
      const entry = {
        commit: marker.commit,
        digest,
        checksums: Object.fromEntries(checksums),
        ...(metadata === undefined ? {} : { metadata }),
      };
      return [[marker.version, entry] as const];
    },
    { concurrency: AT_ONCE },
  );
  return Object.fromEntries(entries.flat());
}

// An image that the registry has lost as well is restored once its line is there.
function recordedDigest(metadata: string | undefined): string | undefined {
  return metadata === undefined ? undefined : parseMetadata(unpackText(metadata)).image.digest;
}

async function packedMetadata(release: Release, github: GitHub): Promise<string | undefined> {
  const asset = release.assets.find(({ name, state }) => name === "metadata.json" && state === "uploaded");
  return asset && packText((await github.downloadAsset(asset)).toString("utf8"));
}
