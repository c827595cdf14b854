import { type Difference, missing, other } from "./difference.ts";
import { parseMetadata } from "./metadata.ts";
import { unpackText } from "./packed-text.ts";
import { shown } from "./quotation.ts";
import { compareVersions, isPrerelease, tagOf, type Version } from "./version.ts";

/** One line of the ledger: what a release was when it was published. */
export interface LedgerEntry {
  /** 40 hex digits. */
  readonly commit: string;
  /** Digest of the image index. */
  readonly digest: string;
  /** Asset name → SHA-256 hex. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Packed text of `metadata.json`; absent in lines of older code, and where the asset was gone when the line was made. */
  readonly metadata?: string;
}

/** Version → line, in the order of versions. */
export type Lines = Readonly<Record<Version, LedgerEntry>>;

/** A release as a list of GitHub shows it. */
export interface ListedRelease {
  readonly prerelease: boolean;
  readonly assets: readonly {
    readonly name: string;
    readonly state: string;
    /** Bytes. */
    readonly size: number;
    /** `sha256:` and hex; undefined on a server that gives none. */
    readonly digest: string | undefined;
  }[];
}

/** The lines, in the order of versions. */
export function sorted(lines: Lines): Lines {
  return Object.fromEntries(Object.entries(lines).sort(([left], [right]) => compareVersions(left, right)));
}

/** In what a published release is not what its line says. */
export function releaseDifferences(
  version: Version,
  { checksums, metadata }: LedgerEntry,
  release: ListedRelease,
): Difference[] {
  const tag = tagOf(version);
  const assets = new Map(release.assets.map((asset) => [asset.name, asset]));
  const flagged = (mark: boolean) => `${mark ? "" : "not "}marked as a prerelease`;
  return [
    ...(release.prerelease === isPrerelease(version)
      ? []
      : [other(`release ${tag} is ${flagged(release.prerelease)}, recorded is ${flagged(isPrerelease(version))}`)]),
    ...Object.entries(checksums).flatMap(([name, checksum]) => {
      const asset = assets.get(name);
      if (asset?.state !== "uploaded") {
        return [missing(`asset ${name} of ${tag} is missing, recorded is SHA-256 ${checksum}`)];
      }
      if (asset.digest === undefined) {
        // A server that gives no digests is asked for the bytes by the newest release's own resource only.
        const size = sizeOf(name, metadata) ?? asset.size;
        return size === asset.size
          ? []
          : [other(`asset ${name} of ${tag} has ${asset.size} bytes, recorded are ${size}`)];
      }
      const found = asset.digest.replace("sha256:", "");
      return found === checksum ? [] : [other(`asset ${name} of ${tag} has SHA-256 ${found}, recorded is ${checksum}`)];
    }),
    ...[...assets.keys()]
      .filter((name) => !Object.hasOwn(checksums, name))
      .map((name) => other(`asset ${shown(name)} of ${tag} does not belong to the release`)),
  ];
}

/** Bytes of an asset, as far as a line knows. */
function sizeOf(name: string, metadata: string | undefined): number | undefined {
  if (metadata === undefined) {
    return undefined;
  }
  const text = unpackText(metadata);
  return name === "metadata.json"
    ? Buffer.byteLength(text)
    : parseMetadata(text).artifacts.find((artifact) => artifact.name === name)?.size;
}

/** In what a version tag of git is not what its line says. */
export function tagDifferences(version: Version, { commit }: LedgerEntry, found: string | undefined): Difference[] {
  const tag = tagOf(version);
  return found === undefined
    ? [missing(`tag ${tag} is missing, recorded is ${commit}`)]
    : found === commit
      ? []
      : [other(`tag ${tag} is at ${found}, recorded is ${commit}`)];
}

/**
 * In what a version tag of the image is not what its line says.
 *
 * @param image reference without a tag
 * @param lost platforms that the index names, and whose manifests the registry does not have
 */
export function imageDifferences(
  image: string,
  version: Version,
  { digest }: LedgerEntry,
  found: string | undefined,
  lost: readonly string[] = [],
): Difference[] {
  const reference = `${image}:${tagOf(version)}`;
  if (found !== undefined && found !== digest) {
    return [other(`${reference} points at ${found}, recorded is ${digest}`)];
  }
  return found === undefined
    ? [missing(`${reference} is missing from the registry, recorded is ${digest}`)]
    : lost.map((platform) =>
        missing(`${reference} lacks the manifest of ${platform}: it is missing from the registry`),
      );
}

/** Platform → digest of its manifest, as far as a line knows: older code recorded no metadata. */
export function platformDigests({ metadata }: LedgerEntry): Readonly<Record<string, string>> {
  return metadata === undefined ? {} : parseMetadata(unpackText(metadata)).image.digests;
}

/** In what a release that is declared contradicts the line that it has already. */
export function contradictions(version: Version, declared: LedgerEntry, line: LedgerEntry): Difference[] {
  const names = new Set([...Object.keys(declared.checksums), ...Object.keys(line.checksums)]);
  const pairs: [string, string | undefined, string | undefined][] = [
    ["commit", declared.commit, line.commit],
    ["image", declared.digest, line.digest],
    ...[...names].map((name): [string, string | undefined, string | undefined] => [
      `asset ${name}`,
      declared.checksums[name],
      line.checksums[name],
    ]),
  ];
  return pairs.flatMap(([what, found, recorded]) =>
    found === recorded
      ? []
      : [other(`${what} of ${tagOf(version)} is ${found ?? "missing"}, recorded is ${recorded ?? "none"}`)],
  );
}
