import pMap from "p-map";
import { type ChannelTarget, channels, latestOf, type StrandedChannel, strandedChannels } from "../model/channel.ts";
import { parseTag, tagOf, type Version } from "../model/version.ts";
import type { Release } from "../services/github.ts";
import { AT_ONCE, type Registry } from "../services/registry.ts";

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
  releases: readonly Release[],
  withdrawn: readonly Version[],
  registry: Registry,
): Promise<Pointers> {
  const versions = [...new Set([version, ...standingOf(releases)])];
  const latest = latestOf(versions.filter((candidate) => !withdrawn.includes(candidate)));
  return { channels: await channelsWith(version, versions, withdrawn, registry), latest };
}

/**
 * Channels over all published versions and this one. A version that other tools published without an image cannot
 * be pointed at, and the next lower one stands in for it.
 */
async function channelsWith(
  version: Version,
  published: readonly Version[],
  withdrawn: readonly Version[],
  registry: Registry,
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
    const found = await pMap(unknown, async (target) => [target, await registry.digestOf(tagOf(target))] as const, {
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

/** Those that channels may point at: what somebody marked as a prerelease on GitHub is none, whatever its version says. */
export function standingOf(releases: readonly Release[]): Version[] {
  return publishedOf(releases.filter(({ prerelease }) => !prerelease));
}

function versionOf(tagName: string): Version[] {
  const parsed = parseTag(tagName);
  return parsed.ok ? [parsed.version] : [];
}
