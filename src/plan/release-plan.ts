import { readFile } from "node:fs/promises";
import pMap from "p-map";
import type { Connections } from "../connections.ts";
import type { DeclaredRelease } from "../model/assets.ts";
import {
  type ChannelTarget,
  channels,
  isLatest,
  latestOf,
  type StrandedChannel,
  strandedChannels,
} from "../model/channel.ts";
import { dockerfileFor, entrypointOf } from "../model/dockerfile.ts";
import { imageLabels, licenseOf } from "../model/labels.ts";
import { parseMarker } from "../model/marker.ts";
import { previousOf } from "../model/notes.ts";
import { isPrerelease, parseTag, tagOf, type Version } from "../model/version.ts";
import { markOf, type Withdrawals, withdrawalProblems } from "../model/withdrawal.ts";
import { writtenOnce } from "../model/write-once.ts";
import { together } from "../refusal.ts";
import { DOCKERFILE } from "../services/docker-context.ts";
import * as git from "../services/git.ts";
import type { GitHub, Release } from "../services/github.ts";
import { goVersion } from "../services/go.ts";
import { AT_ONCE, type Registry } from "../services/registry.ts";
import { writeSource } from "../services/source.ts";
import type { Settings } from "../settings.ts";
import type { Candidate } from "./candidate.ts";
import { preflight } from "./preflight.ts";
import { recordedRelease, rememberedRelease, type SealedSources } from "./sealed.ts";

/** What this update declares, decided from what is published and from git, before anything is written. */
export type Plan =
  | { readonly kind: "none"; readonly reason: string }
  | ({
      readonly kind: "sealed";
      readonly facts: DeclaredRelease;
      /** Where its binaries may still be. */
      readonly sources: SealedSources;
    } & Pointers)
  | ({
      readonly kind: "candidate";
      readonly candidate: Candidate;
      /** Absolute path of the repository that its sources come from: a fact of this machine, and no input of a resource. */
      readonly checkout: string;
    } & Pointers);

/** What readers are led by, once this update is done. */
interface Pointers {
  readonly channels: readonly PlannedChannel[];
  /** Version that GitHub marks as "Latest"; absent when every stable one is withdrawn. */
  readonly latest: Version | undefined;
}

/** A channel as it shall be once this update is done; `digest` is absent where the release of this update is meant. */
export type PlannedChannel = ChannelTarget & { readonly digest?: string };

/**
 * Decides what is declared: the release that a tag or the setting `version` names, sealed when it is published already;
 * else the newest release of this stack as it was recorded; else none.
 *
 * @throws when a published version differs from what is asked for; nothing has been written then
 */
export async function planRelease(settings: Settings, services: Connections): Promise<Plan> {
  const releases = await services.github.releases();
  const wanted = settings.release;
  const named =
    wanted.kind === "none"
      ? undefined
      : releases.find(({ tagName, draft }) => !draft && tagName === tagOf(wanted.version));
  const release = wanted.kind === "none" ? await currentOf(services, releases) : named;
  // What this stack published and somebody deleted is published again as it was.
  const remembered =
    release || wanted.kind === "none"
      ? undefined
      : await rememberedRelease(tagOf(wanted.version), services.recallMetadata);
  const hasReleased = (release ?? remembered) !== undefined;
  const releasing = wanted.kind === "none" || hasReleased ? undefined : wanted.version;
  refuseWithdrawals(settings, services.stack, releases, { releasing, hasReleased });
  const facts = release ? await recordedRelease(release, services.github, services.recallMetadata) : remembered;
  if (facts) {
    await together(
      refuseOtherCommit(settings, services.github, facts),
      refuseOtherImage(settings.image, facts, services.registry),
    );
    return {
      kind: "sealed",
      facts,
      sources: {
        github: services.github,
        registry: services.registry,
        assets: release?.assets ?? [],
        findSources: async () => writeSource((await git.locate(settings.source)).repository),
      },
      ...(await pointersWith(facts.version, releases, settings.withdrawn, services.registry)),
    };
  }
  if (wanted.kind === "none") {
    return { kind: "none", reason: wanted.reason };
  }
  const pointers = await pointersWith(wanted.version, releases, settings.withdrawn, services.registry);
  return {
    kind: "candidate",
    ...(await candidateOf(settings, wanted.version, services.github, releases)),
    ...pointers,
  };
}

/** Says where the builds find their sources: the first thing that is written, once nothing refuses the update any more. */
export async function nameSources(plan: Plan): Promise<void> {
  if (plan.kind === "candidate") {
    await writeSource(plan.checkout);
  }
}

/**
 * What the stack's resources stand for when no version is asked for. GitHub makes a draft of a release whose tag somebody
 * deletes: one that the state knows as published is still the stack's release, and is published again as it was.
 * Source: https://github.com/dev-drprasad/delete-tag-and-release/pull/2
 */
async function currentOf(
  { stack, releasedTag }: Pick<Connections, "stack" | "releasedTag">,
  releases: readonly Release[],
): Promise<Release | undefined> {
  const drafts = releases.filter(({ draft, body }) => draft && parseMarker(body)?.stack === stack);
  const tag = drafts.length > 0 ? await releasedTag() : undefined;
  const isThere = releases.some(({ draft, tagName }) => !draft && tagName === tag);
  return (isThere ? undefined : drafts.find(({ tagName }) => tagName === tag)) ?? newestOf(stack, releases);
}

/** The last release that this stack published; what its resources stand for when no version is asked for. */
function newestOf(stack: string, releases: readonly Release[]): Release | undefined {
  return releases
    .filter(({ draft, body }) => !draft && parseMarker(body)?.stack === stack)
    .sort((left, right) => (right.publishedAt ?? "").localeCompare(left.publishedAt ?? "") || right.id - left.id)[0];
}

async function refuseOtherCommit(settings: Settings, github: GitHub, facts: DeclaredRelease): Promise<void> {
  const asked = await askedCommit(settings);
  if (asked !== undefined && asked !== facts.commit) {
    throw new Error(
      `${facts.tag} is already published from commit ${facts.commit}, and this update asks for ${asked}. ` +
        "A version is written once: put the tag back, or release the next version.",
    );
  }
  const tagged = await github.tagCommit(facts.tag);
  // One that is missing is made again by the release's own resource.
  if (tagged !== undefined && tagged !== facts.commit) {
    throw new Error(
      writtenOnce(facts.version, [`tag ${facts.tag} on GitHub is at ${tagged}, recorded is ${facts.commit}`]),
    );
  }
}

/** The commit that is asked for, as far as it is known here: a published release needs no clone that has it. */
async function askedCommit({ release, source }: Settings): Promise<string | undefined> {
  return release.kind === "tag"
    ? git.commitOf(source, release.tag).catch(() => undefined)
    : release.kind === "version"
      ? release.commit
      : undefined;
}

// What is missing is restored by the image's own resources; what differs is nobody's to overwrite.
async function refuseOtherImage(
  image: string,
  { version, tag, image: { digest } }: DeclaredRelease,
  registry: Registry,
): Promise<void> {
  const found = await registry.digestOf(tag);
  if (found !== undefined && found !== digest) {
    throw new Error(writtenOnce(version, [`${image}:${tag} points at ${found}, recorded is ${digest}`]));
  }
}

async function candidateOf(
  settings: Settings,
  version: string,
  github: GitHub,
  releases: readonly Release[],
): Promise<{ readonly candidate: Candidate; readonly checkout: string }> {
  const tag = tagOf(version);
  const tagged = await github.tagCommit(tag);
  const [buildkit, sources] = await together(preflight(settings.builder), sourcesOf(settings, tag, tagged));
  const { repository, prefix, commit, commitTime, dockerfile, license, go } = sources;
  const published = publishedOf(releases);
  const previous = previousOf(version, published);
  const changes = await git.changes(
    repository,
    previous && (await commitOfRelease(settings, github, previous)),
    commit,
  );
  const licenses = license === undefined ? undefined : licenseOf(license);
  const candidate: Candidate = {
    version,
    tag,
    ...(previous ? { previousTag: tagOf(previous) } : {}),
    commit,
    commitTime,
    prerelease: isPrerelease(version),
    latest: isLatest(
      version,
      standingOf(releases).filter((candidate) => !settings.withdrawn.includes(candidate)),
    ),
    title: tag,
    go,
    buildkit,
    source: {
      prefix,
      package: settings.package,
      binaryName: settings.binaryName,
      versionVariable: settings.versionVariable,
      verifyArgs: settings.verifyArgs,
    },
    dockerfile,
    labels: imageLabels({
      repository: settings.repository,
      binaryName: settings.binaryName,
      version,
      commit,
      commitTime,
      licenses,
    }),
    repository: settings.repository,
    architectures: settings.architectures,
    publicImage: settings.publicImage,
    changes,
  };
  return { candidate, checkout: repository };
}

/** What git has of the commit that is released. @throws naming all that is wrong with it */
async function sourcesOf(settings: Settings, tag: string, tagged: string | undefined) {
  const { repository, prefix } = await git.locate(settings.source);
  const read = async (commit: string) => {
    const [commitTime, dockerfile, license, go] = await together(
      git.commitTime(repository, commit),
      dockerfileAt(repository, commit, settings.binaryName),
      git.fileAt(repository, commit, "LICENSE"),
      goVersion(repository, commit, prefix),
    );
    return { repository, prefix, commit, commitTime, dockerfile, license, go };
  };
  const [sources] = await together(commitOf(settings, tag, tagged).then(read), git.requireWholeHistory(repository));
  return sources;
}

async function template(commit: string): Promise<string> {
  return readFile(DOCKERFILE, "utf8").catch((error: unknown) => {
    throw new Error(
      `neither commit ${commit} nor this project has a ${DOCKERFILE} that can be read: write one that starts the binary, and commit it`,
      { cause: error },
    );
  });
}

async function commitOf(settings: Settings, tag: string, tagged: string | undefined): Promise<string> {
  const commit = await git.commitOf(settings.source, revisionOf(settings, tag, tagged));
  if (tagged !== undefined && tagged !== commit) {
    throw new Error(
      `tag ${tag} on GitHub is at ${tagged}, and here ${commit} is asked for; a version tag never moves. Fetch the tags, or release the next version.`,
    );
  }
  return commit;
}

/** The Dockerfile that goes with a commit. @throws when the binary in its image could not be compared after the push */
async function dockerfileAt(repository: string, commit: string, binaryName: string): Promise<string> {
  const own = await git.fileAt(repository, commit, DOCKERFILE);
  const text = own ?? dockerfileFor(binaryName, await template(commit));
  entrypointOf(text);
  return text;
}

// GitHub's tag, not the clone's: the notes must not depend on which tags were fetched. A clone that lacks the commit
// (another repository in a rehearsal) lists its whole history.
async function commitOfRelease({ source }: Settings, github: GitHub, version: string): Promise<string | undefined> {
  const commit = await github.tagCommit(tagOf(version));
  return commit && git.commitOf(source, commit).catch(() => undefined);
}

/** The tag that was pushed; else the commit that is asked for; else the tag on GitHub; else HEAD. */
function revisionOf({ release }: Settings, tag: string, tagged: string | undefined): string {
  return release.kind === "tag" ? tag : ((release.kind === "version" ? release.commit : undefined) ?? tagged ?? "HEAD");
}

function publishedOf(releases: readonly Release[]): Version[] {
  return releases.filter(({ draft }) => !draft).flatMap(({ tagName }) => versionOf(tagName));
}

/** Those that channels may point at: what somebody marked as a prerelease on GitHub is none, whatever its version says. */
function standingOf(releases: readonly Release[]): Version[] {
  return publishedOf(releases.filter(({ prerelease }) => !prerelease));
}

function versionOf(tagName: string): Version[] {
  const parsed = parseTag(tagName);
  return parsed.ok ? [parsed.version] : [];
}

/** @throws naming everything that keeps the setting `withdrawn` from being carried out */
function refuseWithdrawals(
  { withdrawn, release }: Settings,
  stack: string,
  releases: readonly Release[],
  update: Pick<Withdrawals, "releasing" | "hasReleased">,
): void {
  const problems = withdrawalProblems({
    ...update,
    withdrawn,
    published: publishedOf(releases),
    marked: publishedOf(releases.filter(({ body }) => markOf(body)?.stack === stack)),
    pushedTag: release.kind === "version" ? undefined : release.tag,
  });
  if (problems.length > 0) {
    throw new Error(problems.join("\n"));
  }
}

async function pointersWith(
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
