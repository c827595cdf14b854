import { compareVersions, highestOf, isPrerelease, type Version } from "./version.ts";

/** Name of a moving tag: `latest`, `MAJOR` or `MAJOR.MINOR`. */
export type ChannelName = "latest" | `${number}` | `${number}.${number}`;

/** A channel and the version that it points at. */
export interface ChannelTarget {
  readonly channel: ChannelName;
  readonly version: Version;
  /**
   * Withdrawn versions of its line that it passes over: those that are higher, lowest first. Absent when there are none.
   * One that stays where it is, because its whole line is withdrawn, names its own version as well.
   */
  readonly withdrawn?: readonly Version[];
}

/** A channel whose every version is withdrawn: nothing is left that it could be moved to. */
export interface StrandedChannel {
  readonly channel: ChannelName;
  /** All versions of its line, lowest first. */
  readonly withdrawn: readonly Version[];
}

/**
 * Every channel of all published stable versions with its highest stable version that is not withdrawn; `latest` first,
 * then by number. Prereleases move none, and the order in which versions were published does not matter.
 *
 * @example channels(["1.1.0", "1.0.1"])
 * // latest → 1.1.0, 1 → 1.1.0, 1.0 → 1.0.1, 1.1 → 1.1.0
 */
export function channels(published: readonly Version[], withdrawn: readonly Version[] = []): readonly ChannelTarget[] {
  return linesOf(published).flatMap(([channel, line]) => {
    const version = line.findLast((candidate) => !withdrawn.includes(candidate));
    if (version === undefined) {
      return [];
    }
    const above = line.slice(line.indexOf(version) + 1);
    return [{ channel, version, ...(above.length === 0 ? {} : { withdrawn: above }) }];
  });
}

/** The channels that `channels` leaves out, because every version of their line is withdrawn. */
export function strandedChannels(
  published: readonly Version[],
  withdrawn: readonly Version[],
): readonly StrandedChannel[] {
  return linesOf(published)
    .filter(([, line]) => line.every((version) => withdrawn.includes(version)))
    .map(([channel, line]) => ({ channel, withdrawn: line }));
}

/** The version that GitHub shall mark as "Latest": the highest stable one; absent when there is none. */
export function latestOf(published: readonly Version[]): Version | undefined {
  return highestOf(stable(published));
}

/**
 * Whether GitHub shall mark this version as "Latest" (`make_latest`): it is stable, and no published stable version is
 * higher. Whether `published` has the version already does not matter.
 */
export function isLatest(version: Version, published: readonly Version[]): boolean {
  return latestOf([version, ...published]) === version;
}

/** Channel → the stable versions of its line, lowest first. */
function linesOf(published: readonly Version[]): [ChannelName, Version[]][] {
  const lines = new Map<ChannelName, Version[]>();
  // Ascending, so that a major comes before its minors.
  for (const version of [...new Set(stable(published))].sort(compareVersions)) {
    for (const channel of channelsOf(version)) {
      lines.set(channel, [...(lines.get(channel) ?? []), version]);
    }
  }
  return [...lines];
}

function stable(versions: readonly Version[]): Version[] {
  return versions.filter((version) => !isPrerelease(version));
}

function channelsOf(version: Version): ChannelName[] {
  const [major, minor] = version.split(".").map(Number);
  return ["latest", `${Number(major)}`, `${Number(major)}.${Number(minor)}`];
}
