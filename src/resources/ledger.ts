import type * as pulumi from "@pulumi/pulumi";
import pMap from "p-map";
import { type Difference, missing, refusals } from "../model/difference.ts";
import {
  contradictions,
  imageDifferences,
  type LedgerEntry,
  type Lines,
  platformDigests,
  releaseDifferences,
  sorted,
  tagDifferences,
} from "../model/ledger.ts";
import { samePlace } from "../model/place.ts";
import { tagOf, type Version } from "../model/version.ts";
import { writtenOnce } from "../model/write-once.ts";
import { AT_ONCE } from "../services/registry.ts";
import { githubOf, registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";
import { type AppendedRelease, entryOf, publishedEntries } from "./ledger-entry.ts";
import { restoreRelease } from "./ledger-repair.ts";
import { type ComparedPage, compared, foundIn } from "./seen-list.ts";

/** The release that is appended, and what the ledger is told besides. */
export interface LedgerInputs extends AppendedRelease {
  /** Versions that nobody is to use any more: whatever became of them keeps no update from going on. */
  readonly withdrawn?: readonly Version[];
}

/** All releases that the stack has made. */
export interface LedgerFacts {
  readonly releases: Lines;
  /** Pages of GitHub's lists as the last refresh saw them; absent after an update, because lines may have changed. */
  readonly seen?: SeenLists;
}

interface SeenLists {
  readonly releases: readonly ComparedPage<Difference>[];
  readonly tags: readonly ComparedPage<Difference>[];
}

/** What all releases of the stack were: appended on update, rebuilt from what is published when it is lost. */
export class Ledger extends ReleaseResource {
  declare readonly releases: pulumi.Output<Record<string, LedgerEntry>>;

  constructor(name: string, inputs: InputsOf<LedgerInputs>, options: pulumi.CustomResourceOptions) {
    super("ledger", "Ledger", name, { ...inputs, releases: undefined }, options);
  }
}

type Recorded = LedgerInputs & LedgerFacts;

/** @throws when a release is not what its line says, naming both */
export const implementation: Implementation<LedgerInputs, LedgerFacts> = {
  facts: ["releases", "seen"],

  async ensure(inputs, recorded) {
    const listed = await githubOf(inputs.repository).releases();
    // What was recorded counts; what is published and was not (a lost ledger, an update that died) is added.
    const known = linesOf(inputs, recorded);
    refuse(ownContradictions(inputs, known));
    const releases = sorted({
      ...(await publishedEntries(inputs, inputs.withdrawn ?? [], known, listed)),
      ...known,
      [inputs.version]: await entryOf(inputs, known[inputs.version], listed),
    });
    return recorded?.drift?.length ? { releases, drift: await restored({ ...inputs, releases }) } : { releases };
  },

  async observe(recorded) {
    const { differences, seen } = await look(recorded);
    return { differences: [...differences.values()].flat(), notes: { seen } };
  },

  async conflicts(inputs, recorded) {
    const releases = linesOf(inputs, recorded);
    const problems = ownContradictions(inputs, releases);
    const differences = recorded.drift?.length ? (await look({ ...inputs, releases })).differences : [];
    return sentences([...problems, ...differences]);
  },
};

/** What was recorded of the place that the stack publishes to now. */
function linesOf(inputs: LedgerInputs, recorded: (LedgerInputs & Partial<LedgerFacts>) | undefined): Lines {
  return (recorded && samePlace(inputs, recorded) && recorded.releases) || {};
}

function ownContradictions(inputs: LedgerInputs, known: Lines): [Version, Difference[]][] {
  const line = known[inputs.version];
  return line ? [[inputs.version, contradictions(inputs.version, inputs, line)]] : [];
}

function refuse(differences: Iterable<[Version, readonly Difference[]]>): void {
  const problems = sentences(differences);
  if (problems.length > 0) {
    throw new Error(problems.join("\n"));
  }
}

function sentences(differences: Iterable<[Version, readonly Difference[]]>): string[] {
  return [...differences].flatMap(([version, found]) => {
    const problems = refusals(found);
    return problems.length === 0 ? [] : [writtenOnce(version, problems)];
  });
}

/**
 * Restores what is missing of any release; what differs is refused before the first write.
 * @returns what could not be restored, with what to do about it
 */
async function restored(recorded: Recorded): Promise<string[]> {
  const { differences } = await look(recorded);
  refuse(differences);
  const reasons = new Map<Version, string[]>();
  for (const [version] of differences) {
    const line = recorded.releases[version];
    reasons.set(version, line ? await restoreRelease(recorded, version, line) : []);
  }
  const remaining = differences.size === 0 ? differences : (await look(recorded)).differences;
  return [...remaining].flatMap(([version, found]) =>
    found.map(({ text }) => {
      const why = reasons.get(version)?.length ? ` (${reasons.get(version)?.join("; ")})` : "";
      return `${text}; this update could not restore it${why}: pulumi config set mount-monitor:version ${version}, then pulumi up, makes it again`;
    }),
  );
}

/**
 * Compares every line with what is published: the lists of releases and tags, which carry commits and digests, and one
 * question to the registry, without a body, for each image and each of its platforms. An unchanged page is not sent again.
 */
async function look({ repository, image, version: declared, releases, withdrawn = [], seen }: Recorded): Promise<{
  differences: Map<Version, Difference[]>;
  seen: SeenLists;
}> {
  const github = githubOf(repository);
  const registry = await registryOf(image);
  const watched = Object.entries(releases).filter(([version]) => !withdrawn.includes(version));
  // The platforms of the release that is declared are looked at by the resource that restores them.
  const platforms = watched.flatMap(([version, line]) =>
    version === declared
      ? []
      : Object.entries(platformDigests(line)).map(([platform, digest]) => ({ version, platform, digest })),
  );
  const asked = [...watched.map(([version]) => tagOf(version)), ...platforms.map(({ digest }) => digest)];
  const [releasePages, tagPages, images] = await Promise.all([
    github.releasePages(seen?.releases ?? []),
    github.tagPages(seen?.tags ?? []),
    pMap(asked, (reference) => registry.digestOf(reference), { concurrency: AT_ONCE }),
  ]);
  const lost = platforms.filter((_, index) => images[watched.length + index] === undefined);
  const lostOf = (version: Version) =>
    lost.filter((entry) => entry.version === version).map(({ platform }) => platform);
  const lines = new Map(watched);
  const lists = {
    releases: compared(releasePages, seen?.releases, (release, version) => {
      const line = lines.get(version);
      return line && !release.draft ? releaseDifferences(version, line, release) : undefined;
    }),
    tags: compared(tagPages, seen?.tags, ({ commit }, version) => {
      const line = lines.get(version);
      return line && tagDifferences(version, line, commit);
    }),
  };
  const [published, tagged] = [foundIn(lists.releases), foundIn(lists.tags)];
  const differences = watched.map(([version, line], index): [Version, Difference[]] => [
    version,
    [
      ...(published.get(version) ?? [missing(`release ${tagOf(version)} is missing from ${repository}`)]),
      ...(tagged.get(version) ?? tagDifferences(version, line, undefined)),
      ...imageDifferences(image, version, line, images[index], lostOf(version)),
    ],
  ]);
  return { differences: new Map(differences.filter(([, found]) => found.length > 0)), seen: lists };
}
