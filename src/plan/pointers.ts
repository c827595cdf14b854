import pMap from "p-map";
import { type ChannelTarget, channels, latestOf, type StrandedChannel, strandedChannels } from "../model/channel.ts";
import { parseTag, tagOf, type Version } from "../model/version.ts";
import { writtenOnce } from "../model/write-once.ts";
import type { Release } from "../services/github.ts";
import { AT_ONCE, type Registry } from "../services/registry.ts";
import type { RecordedReleases } from "./recorded-state.ts";

/** What is published: as GitHub lists it, and as the state recorded it. */
export interface Known {
  readonly releases: readonly Release[];
  readonly recorded: RecordedReleases;
}

/** What readers are led by, once this update is done. */
export interface Pointers {
  readonly channels: readonly PlannedChannel[];
  /** Version that GitHub marks as "Latest"; absent when every stable one is withdrawn. */
  readonly latest: Version | undefined;
}

/** A channel as it shall be once this update is done; `digest` is absent where the release of this update is meant. */
export type PlannedChannel = ChannelTarget & { readonly digest?: string };

/** Decides what readers are led by once this version is published, too. */
export async function pointersWith(
  version: Version,
  known: Known,
  withdrawn: readonly Version[],
  registry: Registry,
): Promise<Pointers> {
  const versions = [...new Set([version, ...standingOf(known)])];
  const latest = latestOf(versions.filter((candidate) => !withdrawn.includes(candidate)));
  return { channels: await channelsWith(version, versions, withdrawn, registry, known.recorded), latest };
}

/**
 * Channels over all published versions and this one. A version that other tools published without an image cannot
 * be pointed at, and the next lower one stands in for it.
 *
 * @throws when the tag of a version that a channel points at does not hold what was recorded
 */
async function channelsWith(
  version: Version,
  published: readonly Version[],
  withdrawn: readonly Version[],
  registry: Registry,
  recorded: RecordedReleases,
): Promise<PlannedChannel[]> {
  const digests = new Map<string, string | undefined>([[version, undefined]]);
  let versions = published;
  for (;;) {
    const targets = channels(versions, withdrawn);
    const unknown = [...new Set(targets.map((target) => target.version))].filter((target) => !digests.has(target));
    if (unknown.length === 0) {
      const moving = targets.map((target) => {
        const digest = digests.get(target.version);
        return digest === undefined ? target : { ...target, digest };
      });
      return [...moving, ...(await staying(strandedChannels(versions, withdrawn), registry))];
    }
    const found = await pMap(unknown, async (target) => [target, await digestOf(target, registry, recorded)] as const, {
      concurrency: AT_ONCE,
    });
    const missing = new Set(found.filter(([, digest]) => digest === undefined).map(([target]) => target));
    for (const [target, digest] of found) {
      if (digest !== undefined) {
        digests.set(target, digest);
      }
    }
    versions = versions.filter((candidate) => !missing.has(candidate));
  }
}

/** Digest of a published version's index. What the registry lost is what was recorded, and restored after a refresh. */
async function digestOf(
  version: Version,
  registry: Registry,
  { digests }: RecordedReleases,
): Promise<string | undefined> {
  const [tag, recorded] = [tagOf(version), digests[version]];
  const found = await registry.digestOf(tag);
  if (found !== undefined && recorded !== undefined && found !== recorded) {
    throw new Error(writtenOnce(version, [`the image's tag ${tag} points at ${found}, recorded is ${recorded}`]));
  }
  return found ?? recorded;
}

/** A tag cannot be taken back from every registry: where all versions of a line are withdrawn, its channel stays where it is. */
async function staying(stranded: readonly StrandedChannel[], registry: Registry): Promise<PlannedChannel[]> {
  // Lines share versions: 1.2 and 1.
  const tags = [...new Set(stranded.flatMap(({ channel, withdrawn }) => [channel, ...withdrawn.map(tagOf)]))];
  const digests = new Map(
    await pMap(tags, async (tag) => [tag, await registry.digestOf(tag)] as const, { concurrency: AT_ONCE }),
  );
  return stranded.flatMap(({ channel, withdrawn }) => {
    const digest = digests.get(channel);
    const index = withdrawn.findLastIndex((version) => digest !== undefined && digests.get(tagOf(version)) === digest);
    const version = withdrawn[index];
    return digest === undefined || version === undefined
      ? []
      : [{ channel, version, digest, withdrawn: withdrawn.slice(index) }];
  });
}

/** The versions of all published releases. */
export function publishedOf(releases: readonly Release[]): Version[] {
  return releases.filter(({ draft }) => !draft).flatMap(({ tagName }) => versionOf(tagName));
}

/**
 * Those that channels may point at: what somebody marked as a prerelease on GitHub is none, whatever its version says. A
 * release that the state knows and GitHub has no more counts: it is restored or withdrawn, and a channel does not move
 * backwards because somebody deleted something.
 */
export function standingOf({ releases, recorded }: Known): Version[] {
  const published = publishedOf(releases);
  return [
    ...publishedOf(releases.filter(({ prerelease }) => !prerelease)),
    ...Object.keys(recorded.digests).filter((version) => !published.includes(version)),
  ];
}

function versionOf(tagName: string): Version[] {
  const parsed = parseTag(tagName);
  return parsed.ok ? [parsed.version] : [];
}
