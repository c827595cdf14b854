import type * as pulumi from "@pulumi/pulumi";
import { other } from "../model/difference.ts";
import { parseTag, tagOf, type Version } from "../model/version.ts";
import { isMarked, markOf, markWithdrawn, unmarkWithdrawn } from "../model/withdrawal.ts";
import type { GitHub, Release } from "../services/github.ts";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";
import { type ComparedPage, compared, foundIn } from "./seen-list.ts";

/** Which releases are withdrawn, and which one GitHub shows as the latest. */
export interface WithdrawalsInputs {
  /** `owner/name`. */
  readonly repository: string;
  /** Stack that marks them; it takes only its own marks away. */
  readonly stack: string;
  readonly withdrawn: readonly Version[];
  /** Version that GitHub marks as "Latest"; absent when no stable version is left: GitHub's mark then stays where it is. */
  readonly latest?: Version;
}

export interface WithdrawalsFacts {
  /** Pages of GitHub's lists as the last refresh saw them; absent after an update, because marks may have changed. */
  readonly seen?: {
    readonly releases: readonly ComparedPage<string>[];
    readonly latest: readonly ComparedPage<string>[];
  };
}

/**
 * The marks of withdrawn releases on GitHub: in title and notes, which is all that is ever changed of a published
 * release, and GitHub's own "Latest". What is no longer withdrawn gets back the title and the notes that it had.
 */
export class Withdrawals extends ReleaseResource {
  declare readonly withdrawn: pulumi.Output<string[]>;

  constructor(name: string, inputs: InputsOf<WithdrawalsInputs>, options: pulumi.CustomResourceOptions) {
    super("withdrawals", "Withdrawals", name, inputs, options);
  }
}

/** A withdrawn release that somebody deleted needs no mark. @throws when the latest one is not published */
export const implementation: Implementation<WithdrawalsInputs, WithdrawalsFacts> = {
  facts: ["seen"],

  async ensure({ repository, stack, withdrawn, latest }) {
    const github = githubOf(repository);
    const published = await publishedVersions(github);
    if (latest !== undefined && !published.has(latest)) {
      throw new Error(
        `${repository} has no release ${tagOf(latest)} any more, which is to be the latest: have it published again (pulumi refresh, then pulumi up), ` +
          `or withdraw it: pulumi config set --path 'mount-monitor:withdrawn[${withdrawn.length}]' ${latest}`,
      );
    }
    for (const [version, release] of published) {
      if (isStale(release, version, withdrawn, stack)) {
        const { title, body } = unmarkWithdrawn(release, version);
        await github.updateRelease(release.id, { title, notes: body });
      }
    }
    const target = latest === undefined ? undefined : published.get(latest);
    if (target && (await github.latestRelease())?.id !== target.id) {
      await github.updateRelease(target.id, { latest: true });
    }
    for (const version of withdrawn) {
      const release = published.get(version);
      if (release && !isMarked(release)) {
        const { title, body } = markWithdrawn(release, version, stack);
        await github.updateRelease(release.id, { title, notes: body });
      }
    }
    return {};
  },

  async observe({ repository, stack, withdrawn, latest, seen }) {
    const github = githubOf(repository);
    const [releasePages, latestPages] = await Promise.all([
      github.releasePages(seen?.releases ?? []),
      github.latestPages(seen?.latest ?? []),
    ]);
    const lists = {
      releases: compared(releasePages, seen?.releases, (release, version) =>
        release.draft ? undefined : markProblems(release, version, withdrawn, stack),
      ),
      latest: compared<Release, string>(latestPages, seen?.latest, () => []),
    };
    const marks = foundIn(lists.releases);
    const [marked] = foundIn(lists.latest).keys();
    const differences = [
      ...[...marks.values()].flat(),
      ...(latest === undefined || marked === latest
        ? []
        : [
            `GitHub marks ${marked === undefined ? "no version" : tagOf(marked)} as the latest, recorded is v${latest}`,
          ]),
    ];
    return { differences: differences.map(other), notes: { seen: lists } };
  },
};

/** What is wrong with the mark of a release; undefined where it needs none, and has none of ours. */
function markProblems(
  release: Release,
  version: Version,
  withdrawn: readonly Version[],
  stack: string,
): string[] | undefined {
  if (withdrawn.includes(version)) {
    return isMarked(release) ? [] : [`release v${version} is not marked as withdrawn`];
  }
  return isStale(release, version, withdrawn, stack)
    ? [`release v${version} is marked as withdrawn, and is not`]
    : undefined;
}

/** A mark of ours that is no longer wanted: also one that a lost state does not remember. */
function isStale({ body }: Release, version: Version, withdrawn: readonly Version[], stack: string): boolean {
  return !withdrawn.includes(version) && markOf(body)?.stack === stack;
}

async function publishedVersions(github: GitHub): Promise<ReadonlyMap<Version, Release>> {
  const releases = (await github.releases()).filter(({ draft }) => !draft);
  return new Map(
    releases.flatMap((release) => {
      const parsed = parseTag(release.tagName);
      return parsed.ok ? [[parsed.version, release] as const] : [];
    }),
  );
}
