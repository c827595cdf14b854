import { compareVersions, highestOf, isPrerelease, type Version } from "./version.ts";

/** Name of a moving tag: `latest`, `MAJOR` or `MAJOR.MINOR`. */
export type ChannelName = "latest" | `${number}` | `${number}.${number}`;

/** A channel and the version that it points at. */
export interface ChannelTarget {
  readonly channel: ChannelName;
  readonly version: Version;
}

/**
 * Every channel of all published stable versions with its highest stable version; `latest` first, then by number.
 * Prereleases move none, and the order in which versions were published does not matter. A release that holds no
 * channel any more is simply not among `published`.
 *
 * @example channels(["1.1.0", "1.0.1"])
 * // latest → 1.1.0, 1 → 1.1.0, 1.0 → 1.0.1, 1.1 → 1.1.0
 */
export function channels(published: readonly Version[]): readonly ChannelTarget[] {
  const highest = new Map<ChannelName, Version>();
  // Ascending, so that the last one that is written is the highest, and a major comes before its minors.
  for (const version of stable(published).toSorted(compareVersions)) {
    for (const channel of channelsOf(version)) {
      highest.set(channel, version);
    }
  }
  return [...highest].map(([channel, version]) => ({ channel, version }));
}

/**
 * Whether GitHub shall mark this version as "Latest" (`make_latest`): it is stable, and no published stable version is
 * higher. Whether `published` has the version already does not matter.
 */
export function isLatest(version: Version, published: readonly Version[]): boolean {
  return !isPrerelease(version) && highestOf([version, ...stable(published)]) === version;
}

function stable(versions: readonly Version[]): Version[] {
  return versions.filter((version) => !isPrerelease(version));
}

function channelsOf(version: Version): ChannelName[] {
  const [major, minor] = version.split(".").map(Number);
  return ["latest", `${Number(major)}`, `${Number(major)}.${Number(minor)}`];
}
