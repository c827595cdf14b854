import semver from "semver";
import { quoted } from "./quotation.ts";

/** Semantic version `MAJOR.MINOR.PATCH[-prerelease]`, without a leading `v` and without build metadata. */
export type Version = string;

/** A version, or one sentence that says what is wrong with the text. */
export type ParsedVersion =
  | { readonly ok: true; readonly version: Version }
  | { readonly ok: false; readonly problem: string };

/** What a tag means: a release, or none and why. */
export type TagMeaning =
  | { readonly kind: "release"; readonly version: Version }
  | { readonly kind: "none"; readonly reason: string };

// A registry tag has at most 128 characters, and ours starts with `v`.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
const LONGEST = 127;
// https://semver.org/#spec-item-2 and 9; numbers have no leading zero, build metadata is left out on purpose.
const GRAMMAR = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$/;

/**
 * A strict semantic version. Build metadata is refused: a registry tag cannot carry a `+`.
 * @see https://semver.org
 */
export function parseVersion(text: string): ParsedVersion {
  const problem = problemOf(text);
  return problem === undefined ? { ok: true, version: text } : { ok: false, problem };
}

/** The version of a tag `vMAJOR.MINOR.PATCH[-prerelease]`. */
export function parseTag(tag: string): ParsedVersion {
  return tag.startsWith("v")
    ? parseVersion(tag.slice(1))
    : { ok: false, problem: "a version tag starts with v, as in v1.2.3" };
}

/** The version tag of a version: `v1.2.3`. */
export function tagOf(version: Version): `v${Version}` {
  return `v${version}`;
}

/** What a pushed tag means. Only `vMAJOR.MINOR.PATCH[-prerelease]` makes a release; any other tag makes none. */
export function releaseOf(tag: string): TagMeaning {
  const parsed = parseTag(tag);
  return parsed.ok
    ? { kind: "release", version: parsed.version }
    : { kind: "none", reason: `tag ${quoted(tag)} makes no release: ${parsed.problem}` };
}

/**
 * Precedence by semver's rules: negative when `left` is lower, 0 when equal.
 * @throws TypeError when one of them is not a version
 * @see https://semver.org/#spec-item-11
 */
export function compareVersions(left: Version, right: Version): -1 | 0 | 1 {
  return semver.compare(left, right);
}

/** Whether the version is a prerelease such as `1.2.0-rc.1`. */
export function isPrerelease(version: Version): boolean {
  return version.includes("-");
}

/** The highest of some versions; absent when there is none. */
export function highestOf(versions: readonly Version[]): Version | undefined {
  return versions.reduce<Version | undefined>(
    (highest, version) => (highest === undefined || compareVersions(version, highest) > 0 ? version : highest),
    undefined,
  );
}

function problemOf(text: string): string | undefined {
  if (text.length > LONGEST) {
    return `a version has at most ${LONGEST} characters, because a registry tag has at most ${LONGEST + 1}`;
  }
  if (text.startsWith("v")) {
    const rest = text.slice(1);
    return `a version has no leading v${GRAMMAR.test(rest) ? `, write ${quoted(rest)}` : ""}`;
  }
  if (text.includes("+")) {
    return "build metadata (+) cannot be released, because a registry tag cannot carry it";
  }
  if (!GRAMMAR.test(text)) {
    return "a version is MAJOR.MINOR.PATCH[-prerelease] in numbers without leading zeros, as in 1.2.3 or 1.2.0-rc.1";
  }
  return semver.valid(text) === text
    ? undefined
    : "its numbers are too large, or its prerelease has an empty part or one with a leading zero";
}
