import type * as pulumi from "@pulumi/pulumi";
import { mediaTypeOf } from "../model/assets.ts";
import { isLatest } from "../model/channel.ts";
import { sha256 } from "../model/checksums.ts";
import { type Difference, missing, other, refusals } from "../model/difference.ts";
import { formatMarker, type Marker, parseMarker, sameMarker } from "../model/marker.ts";
import { sameRepository } from "../model/place.ts";
import { shown } from "../model/quotation.ts";
import { parseTag } from "../model/version.ts";
import { markOf } from "../model/withdrawal.ts";
import { writtenOnce } from "../model/write-once.ts";
import { openStorage } from "../services/artifact-storage.ts";
import type { Asset, GitHub, NewDraft, Release } from "../services/github.ts";
import { ServiceError } from "../services/service-error.ts";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** A release and everything that readers can download from it. */
export interface GithubReleaseInputs {
  /** `owner/name`. */
  readonly repository: string;
  /** Stack that makes the release; with version and commit it tells our own drafts from others. */
  readonly stack: string;
  readonly tag: string;
  readonly version: string;
  /** 40 hex digits. */
  readonly commit: string;
  readonly title: string;
  /** Markdown. */
  readonly notes: string;
  readonly prerelease: boolean;
  /** Whether GitHub marks it as the latest release. */
  readonly latest: boolean;
  /** Text assets: name → text. */
  readonly files: Readonly<Record<string, string>>;
  /** Binary assets, read from the artifact storage: name → checksum (SHA-256 hex) and size in bytes. */
  readonly binaries: Readonly<Record<string, { readonly checksum: string; readonly size: number }>>;
}

/** What GitHub answered when the release was published. */
export interface GithubReleaseFacts {
  readonly releaseId: number;
  readonly url: string;
}

/**
 * The GitHub release as one resource: a draft is found or made, its assets are attached and compared, and it is
 * published last, so that a reader never sees half of it and immutable releases work.
 */
export class GithubRelease extends ReleaseResource {
  declare readonly releaseId: pulumi.Output<number>;
  declare readonly url: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<GithubReleaseInputs>, options: pulumi.CustomResourceOptions) {
    super("github-release", "GithubRelease", name, { ...inputs, releaseId: undefined, url: undefined }, options);
  }
}

/** An asset as it must be served. */
interface ExpectedAsset {
  readonly name: string;
  readonly contentType: string;
  readonly size: number;
  readonly checksum: string;
  readonly bytes: () => Promise<Uint8Array>;
}

/** @throws when the tag is published with other bytes or from another commit, or when a draft is not ours */
export const implementation: Implementation<GithubReleaseInputs, GithubReleaseFacts> = {
  facts: ["releaseId", "url"],

  async ensure(inputs, recorded) {
    const github = githubOf(inputs.repository);
    const assets = expectedAssets(inputs);
    refuse(inputs, recorded ? contradictions(inputs, recorded) : []);
    const [releases, tagged] = await Promise.all([github.releases(), github.tagCommit(inputs.tag)]);
    const ofTag = releases.filter(({ tagName }) => tagName === inputs.tag);
    const published = ofTag.find(({ draft }) => !draft);
    refuseOtherCommit(inputs, tagged, "optional");
    if (published) {
      refuse(inputs, refusals(markProblems(inputs, published)));
      const complete = await attach(github, published, assets);
      if (tagged === undefined) {
        await github.createTag(inputs.tag, inputs.commit);
      }
      await deleteOrphans(github, inputs, releases);
      return facts(complete);
    }
    const wasPublished = recorded !== undefined && isSameRelease(inputs, recorded);
    const draft = await attach(github, await draftOf(github, inputs, ofTag, wasPublished), assets);
    refuseOtherCommit(inputs, await github.tagCommit(inputs.tag), "optional");
    const release = await github
      .publish(draft, { latest: isStillLatest(inputs, draft, releases) })
      .catch(async (error: unknown) => {
        const isOver = wasPublished && error instanceof ServiceError && error.status === 422;
        if (isOver && !ofTag.some(({ id }) => id === draft.id)) {
          await github.deleteDraft(draft);
        }
        throw isOver
          ? error.saying(
              `${error.message}. It was published and deleted; GitHub gives the tag of an immutable release to no other: release the next version`,
            )
          : error;
      });
    refuseOtherCommit(inputs, await github.tagCommit(inputs.tag), "required");
    await deleteOrphans(github, inputs, await github.releases());
    await Promise.all(Object.values(inputs.binaries).map(({ checksum }) => openStorage().markConsumed(checksum)));
    return facts(release);
  },

  observe: differences,

  async conflicts(inputs, recorded) {
    if (!isSameRelease(inputs, recorded)) {
      return [];
    }
    const drift = recorded.drift?.length ? refusals(await differences(recorded)) : [];
    const problems = [...contradictions(inputs, recorded), ...drift];
    return problems.length === 0 ? [] : [writtenOnce(recorded.version, problems)];
  },
};

async function differences(recorded: GithubReleaseInputs): Promise<Difference[]> {
  const github = githubOf(recorded.repository);
  const [release, commit] = await Promise.all([github.releaseByTag(recorded.tag), github.tagCommit(recorded.tag)]);
  if (release === undefined || commit === undefined) {
    // Who may not see a repository is told 404 as well, for all that is in it.
    await github.repository();
  }
  const tag =
    commit === undefined
      ? [missing(`tag ${recorded.tag} is missing from ${recorded.repository}, recorded is ${recorded.commit}`)]
      : commit === recorded.commit
        ? []
        : [other(`tag ${recorded.tag} is at ${commit}, recorded is ${recorded.commit}`)];
  return release
    ? [...tag, ...markProblems(recorded, release), ...(await assetProblems(github, release, expectedAssets(recorded)))]
    : [...tag, missing(`release ${recorded.tag} is missing from ${recorded.repository}`)];
}

/** Releases that came after one that is published again keep GitHub's "Latest" from it; and so does a withdrawal. */
function isStillLatest(
  { version, latest }: GithubReleaseInputs,
  draft: Release,
  releases: readonly Release[],
): boolean {
  const standing = releases.filter(({ draft, prerelease, body }) => !draft && !prerelease && !markOf(body));
  const versions = standing.map(({ tagName }) => parseTag(tagName)).flatMap((tag) => (tag.ok ? [tag.version] : []));
  return latest && !markOf(draft.body) && isLatest(version, versions);
}

function isSameRelease(inputs: GithubReleaseInputs, recorded: GithubReleaseInputs): boolean {
  return inputs.tag === recorded.tag && sameRepository(inputs, recorded);
}

/** What is declared of a release that was recorded already must be what was recorded. */
function contradictions(inputs: GithubReleaseInputs, recorded: GithubReleaseInputs): string[] {
  if (!isSameRelease(inputs, recorded)) {
    return [];
  }
  const found = new Map(expectedAssets(inputs).map(({ name, checksum }) => [name, checksum]));
  return [
    ...(inputs.commit === recorded.commit
      ? []
      : [`tag ${recorded.tag} is at ${inputs.commit}, recorded is ${recorded.commit}`]),
    ...expectedAssets(recorded).flatMap(({ name, checksum }) =>
      found.get(name) === checksum
        ? []
        : [`asset ${name} of ${recorded.tag} has SHA-256 ${found.get(name) ?? "(none)"}, recorded is ${checksum}`],
    ),
  ];
}

function refuse({ version }: GithubReleaseInputs, problems: readonly string[]): void {
  if (problems.length > 0) {
    throw new Error(writtenOnce(version, problems));
  }
}

function facts(release: Release): GithubReleaseFacts {
  return { releaseId: release.id, url: release.htmlUrl };
}

/**
 * Our own draft of this release: adopted when an earlier run left one, made otherwise. The one that GitHub makes of a
 * published release whose tag is deleted keeps the title and the notes that somebody gave it.
 */
async function draftOf(
  github: GitHub,
  inputs: GithubReleaseInputs,
  ofTag: readonly Release[],
  wasPublished: boolean,
): Promise<Release> {
  const isOurs = (release: Release) => isMarkedFor(inputs, release);
  const foreign = ofTag.filter((release) => !isOurs(release));
  if (foreign.length > 0) {
    throw new Error(
      `${inputs.repository} has a draft of ${inputs.tag} that this stack did not make for ${inputs.commit}: ` +
        `${foreign.map(({ id, htmlUrl }) => `${id} (${htmlUrl})`).join(", ")}. Publish or delete it on GitHub, then run again.`,
    );
  }
  const wanted = {
    tag: inputs.tag,
    commit: inputs.commit,
    title: inputs.title,
    notes: `${inputs.notes}\n${formatMarker(markerOf(inputs))}\n`,
    prerelease: inputs.prerelease,
  };
  const oldestFirst = [...ofTag].sort((left, right) => left.id - right.id);
  const own = oldestFirst.find((draft) => isAsWanted(draft, wanted)) ?? (wasPublished ? oldestFirst[0] : undefined);
  for (const superfluous of oldestFirst.filter((draft) => draft !== own)) {
    await github.deleteDraft(superfluous);
  }
  return own ?? github.createDraft(wanted, isOurs);
}

/**
 * Deletes our own drafts of what is published: a request that was answered by an error, and sent again, may still have been
 * carried out, after everybody looked.
 */
async function deleteOrphans(github: GitHub, inputs: GithubReleaseInputs, releases: readonly Release[]): Promise<void> {
  for (const release of releases) {
    if (release.draft && release.tagName === inputs.tag && isMarkedFor(inputs, release)) {
      await github.deleteDraft(release);
    }
  }
}

function isMarkedFor(inputs: GithubReleaseInputs, { body }: Release): boolean {
  return sameMarker(parseMarker(body), markerOf(inputs));
}

function markerOf({ stack, version, commit }: GithubReleaseInputs): Marker {
  return { stack, version, commit };
}

// A draft that an older program made, or that was edited by hand, would be published as it is.
function isAsWanted(draft: Release, { commit, title, notes, prerelease }: NewDraft): boolean {
  return (
    draft.targetCommitish === commit &&
    draft.title === title &&
    sameText(draft.body, notes) &&
    draft.prerelease === prerelease
  );
}

// GitHub's editor ends lines as Windows does.
function sameText(left: string, right: string): boolean {
  return left.replaceAll("\r\n", "\n").trim() === right.trim();
}

/** Attaches what is missing and compares everything; a published release only ever gains what it lost. */
async function attach(github: GitHub, release: Release, expected: readonly ExpectedAsset[]): Promise<Release> {
  // What a broken upload left behind is nothing that was published.
  const broken = release.assets.filter((asset) => {
    const wanted = expected.find(({ name }) => name === asset.name);
    return wanted !== undefined && (asset.state !== "uploaded" || (release.draft && asset.size !== wanted.size));
  });
  for (const asset of broken) {
    await github.deleteAsset(asset);
  }
  release = { ...release, assets: release.assets.filter((asset) => !broken.includes(asset)) };
  const present = new Set(release.assets.map(({ name }) => name));
  const differing = await assetProblems(
    github,
    release,
    expected.filter(({ name }) => present.has(name)),
  );
  if (differing.length > 0) {
    throw new Error(
      writtenOnce(
        release.tagName.slice(1),
        differing.map(({ text }) => text),
      ),
    );
  }
  const absent = expected.filter(({ name }) => !present.has(name));
  if (absent.length === 0) {
    return release;
  }
  const uploaded = await Promise.all(
    absent.map(async (asset) => github.uploadAsset(release, { ...asset, bytes: await asset.bytes() })),
  );
  const complete = { ...release, assets: [...release.assets, ...uploaded] };
  const problems = await assetProblems(github, complete, expected);
  if (problems.length > 0) {
    throw new Error(
      `GitHub does not hold what was uploaded to ${release.tagName}:\n${problems.map(({ text }) => text).join("\n")}`,
    );
  }
  return complete;
}

async function assetProblems(
  github: GitHub,
  release: Release,
  expected: readonly ExpectedAsset[],
): Promise<Difference[]> {
  const unexpected = release.assets
    .filter(({ name }) => !expected.some((asset) => asset.name === name))
    .map(({ name }) => other(`asset ${shown(name)} of ${release.tagName} does not belong to the release`));
  const problems = await Promise.all(
    expected.map(async ({ name, size, checksum }) => {
      const asset = release.assets.find((candidate) => candidate.name === name);
      if (!asset) {
        return [missing(`asset ${name} of ${release.tagName} is missing`)];
      }
      const found = { state: asset.state, size: asset.size, checksum: await checksumOf(github, asset) };
      return found.state === "uploaded" && found.size === size && found.checksum === checksum
        ? []
        : [
            other(
              `asset ${name} of ${release.tagName} is ${shown(found.state)}, ${found.size} bytes, SHA-256 ${found.checksum}; ` +
                `recorded are ${size} bytes, SHA-256 ${checksum}`,
            ),
          ];
    }),
  );
  return [...problems.flat(), ...unexpected];
}

// GitHub gives the digest of the bytes that it holds; a server that does not is asked for the bytes.
async function checksumOf(github: GitHub, asset: Asset): Promise<string> {
  return asset.digest?.replace("sha256:", "") ?? sha256(await github.downloadAsset(asset));
}

function refuseOtherCommit(
  { tag, commit, repository }: GithubReleaseInputs,
  found: string | undefined,
  presence: "required" | "optional",
): void {
  if (found === undefined ? presence === "required" : found !== commit) {
    throw new Error(
      `tag ${tag} of ${repository} is ${found ? `at ${found}` : "missing"}, this release is ${commit}. ` +
        "A version tag never moves: put it back, or release the next version.",
    );
  }
}

function markProblems({ tag, prerelease }: GithubReleaseInputs, release: Release): Difference[] {
  const is = (mark: boolean) => `${mark ? "" : "not "}marked as a prerelease`;
  return release.prerelease === prerelease
    ? []
    : [other(`release ${tag} is ${is(release.prerelease)}, recorded is ${is(prerelease)}`)];
}

function expectedAssets({ files, binaries }: GithubReleaseInputs): ExpectedAsset[] {
  const texts = Object.entries(files).map(([name, text]) => {
    const bytes = Buffer.from(text, "utf8");
    return {
      name,
      contentType: mediaTypeOf(name),
      size: bytes.length,
      checksum: sha256(bytes),
      bytes: async () => bytes,
    };
  });
  const executables = Object.entries(binaries).map(([name, { checksum, size }]) => ({
    name,
    contentType: mediaTypeOf(name),
    size,
    checksum,
    bytes: () => openStorage().read(checksum),
  }));
  return [...executables, ...texts];
}
