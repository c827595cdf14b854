import { quoted } from "./quotation.ts";
import { releaseOf, type Version } from "./version.ts";

/** What this update is asked to release. */
export type ReleaseIntent =
  /** A version tag was pushed. */
  | { readonly kind: "tag"; readonly tag: string; readonly version: Version }
  /** The setting `version` says it; `commit` is the full commit id, the tag's or HEAD when absent. */
  | { readonly kind: "version"; readonly version: Version; readonly commit?: string }
  /** Nothing new: what is published already stays as it is. `tag` is the pushed one that makes no release. */
  | { readonly kind: "none"; readonly reason: string; readonly tag?: string };

/** The pushed tag as a CI environment names it. */
export type PushedTag = { readonly ok: true; readonly tag?: string } | { readonly ok: false; readonly problem: string };

/** Environment variables that are read. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The tag that started this update; absent for a branch, a pull request or a person.
 * @see https://www.pulumi.com/docs/pulumi-cloud/deployments/reference/ `PULUMI_CI_TAG_NAME`
 * @see https://docs.github.com/en/actions/reference/workflows-and-actions/variables `GITHUB_REF_NAME`
 */
export function pushedTag(environment: Environment): PushedTag {
  const pulumi = plainTag(environment.PULUMI_CI_TAG_NAME);
  const github = environment.GITHUB_REF_TYPE === "tag" ? plainTag(environment.GITHUB_REF_NAME) : undefined;
  if (pulumi !== undefined && github !== undefined && pulumi !== github) {
    return {
      ok: false,
      problem: `PULUMI_CI_TAG_NAME is ${quoted(pulumi)} and GITHUB_REF_NAME is ${quoted(github)}: an update releases one tag`,
    };
  }
  const tag = pulumi ?? github;
  return { ok: true, ...(tag === undefined ? {} : { tag }) };
}

/** What is released; absent when the tag is another version's than the setting `version`. */
export function releaseIntent(asked: {
  readonly tag: string | undefined;
  readonly version: Version | undefined;
  readonly commit: string | undefined;
}): ReleaseIntent | undefined {
  const { tag, version, commit } = asked;
  if (tag !== undefined) {
    const meaning = releaseOf(tag);
    if (meaning.kind === "none") {
      return { ...meaning, tag };
    }
    return version === undefined || version === meaning.version
      ? { kind: "tag", tag, version: meaning.version }
      : undefined;
  }
  return version === undefined
    ? { kind: "none", reason: "no version tag was pushed, and the setting version is not set" }
    : { kind: "version", version, ...(commit === undefined ? {} : { commit }) };
}

function plainTag(name: string | undefined): string | undefined {
  return name?.replace(/^refs\/tags\//, "") || undefined;
}
