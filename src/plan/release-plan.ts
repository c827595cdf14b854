import type { DeclaredRelease } from "../model/assets.ts";
import { isLatest } from "../model/channel.ts";
import { imageLabels, licenseOf } from "../model/labels.ts";
import { parseMarker } from "../model/marker.ts";
import { previousOf } from "../model/notes.ts";
import { isPrerelease, tagOf, type Version } from "../model/version.ts";
import { markOf, type Withdrawals, withdrawalProblems } from "../model/withdrawal.ts";
import { writtenOnce } from "../model/write-once.ts";
import { together } from "../refusal.ts";
import * as git from "../services/git.ts";
import type { GitHub, Release } from "../services/github.ts";
import type { Registry } from "../services/registry.ts";
import { writeSource } from "../services/source.ts";
import type { Settings } from "../settings.ts";
import type { Candidate } from "./candidate.ts";
import type { Connections } from "./connections.ts";
import { type Known, type Pointers, pointersWith, publishedOf, standingOf } from "./pointers.ts";
import { preflight } from "./preflight.ts";
import { recordedRelease, rememberedRelease, type SealedSources } from "./sealed.ts";
import { askedCommit, commitOfRelease, sourcesOf } from "./sources.ts";

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

/**
 * Decides what is declared: the release that a tag or the setting `version` names, sealed when it is published already;
 * else the newest release of this stack as it was recorded; else none.
 *
 * @throws when a published version differs from what is asked for; nothing has been written then
 */
export async function planRelease(settings: Settings, services: Connections): Promise<Plan> {
  const [releases, recorded] = await together(services.github.releases(), services.recordedReleases());
  const known: Known = { releases, recorded };
  const wanted = settings.release;
  const tag = wanted.kind === "none" ? currentOf(services.stack, known, settings.withdrawn) : tagOf(wanted.version);
  const ofTag = releases.filter(({ tagName }) => tagName === tag);
  const release =
    ofTag.find(({ draft }) => !draft) ??
    ofTag.find(({ body }) => tag === recorded.current && parseMarker(body)?.stack === services.stack);
  // What this stack published and somebody deleted is published again as it was.
  const remembered = release || tag === undefined ? undefined : await rememberedRelease(tag, services.recallMetadata);
  const hasReleased = (release ?? remembered) !== undefined;
  // One that is published again would be so without its mark.
  const releasing = wanted.kind === "none" || release ? undefined : wanted.version;
  refuseWithdrawals(settings, services.stack, known, { releasing, hasReleased });
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
      ...(await pointersWith(facts.version, known, settings.withdrawn, services.registry)),
    };
  }
  if (wanted.kind === "none") {
    return { kind: "none", reason: wanted.reason };
  }
  const pointers = await pointersWith(wanted.version, known, settings.withdrawn, services.registry);
  return {
    kind: "candidate",
    ...(await candidateOf(settings, wanted.version, services.github, known)),
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
 * Tag of what the stack's resources stand for when no version is asked for: what the state says; or what an update
 * published after it that died before the state knew; or, without a state, what this stack published last. A release that
 * the state knows stays it when somebody deleted it, or its tag (of its release GitHub then makes a draft), unless it is
 * withdrawn.
 * Source: https://github.com/dev-drprasad/delete-tag-and-release/pull/2
 */
function currentOf(
  stack: string,
  { releases, recorded: { current, digests } }: Known,
  withdrawn: readonly Version[],
): string | undefined {
  const isThere = releases.some(({ draft, tagName }) => !draft && tagName === current);
  if (current !== undefined && !isThere && !withdrawn.includes(current.slice(1))) {
    return current;
  }
  const unknown = releases.filter(({ tagName }) => tagName === current || !Object.hasOwn(digests, tagName.slice(1)));
  return newestOf(stack, isThere ? unknown : releases)?.tagName;
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
  known: Known,
): Promise<{ readonly candidate: Candidate; readonly checkout: string }> {
  const tag = tagOf(version);
  const tagged = await github.tagCommit(tag);
  const [buildkit, sources] = await together(preflight(settings.builder), sourcesOf(settings, tag, tagged));
  const { repository, prefix, commit, commitTime, dockerfile, license, go } = sources;
  const published = publishedOf(known.releases);
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
      standingOf(known).filter((candidate) => !settings.withdrawn.includes(candidate)),
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

/** @throws naming everything that keeps the setting `withdrawn` from being carried out */
function refuseWithdrawals(
  { withdrawn, release }: Settings,
  stack: string,
  { releases, recorded }: Known,
  update: Pick<Withdrawals, "releasing" | "hasReleased">,
): void {
  const problems = withdrawalProblems({
    ...update,
    withdrawn,
    // One that somebody deleted can be withdrawn all the same: its channels move on.
    published: [...publishedOf(releases), ...Object.keys(recorded.digests)],
    marked: publishedOf(releases.filter(({ body }) => markOf(body)?.stack === stack)),
    pushedTag: release.kind === "version" ? undefined : release.tag,
  });
  if (problems.length > 0) {
    throw new Error(problems.join("\n"));
  }
}
