import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  compareVersions,
  highestOf,
  isPrerelease,
  parseTag,
  parseVersion,
  releaseOf,
  tagOf,
} from "../../src/model/version.ts";
import { anyVersion } from "./arbitrary.ts";

describe("parseVersion", () => {
  test.each(["0.0.0", "1.0.0", "1.10.0", "1.2.0-rc.1", "1.0.0-alpha", "1.0.0-0", "1.0.0--", "1.0.0-0a", "999999.0.1"])(
    "takes %s as it is",
    (version) => {
      expect(parseVersion(version)).toEqual({ ok: true, version });
    },
  );

  test.each([
    ["", "MAJOR.MINOR.PATCH"],
    ["1", "MAJOR.MINOR.PATCH"],
    ["1.2", "MAJOR.MINOR.PATCH"],
    ["1.2.3.4", "MAJOR.MINOR.PATCH"],
    ["01.2.3", "MAJOR.MINOR.PATCH"],
    ["1.02.3", "MAJOR.MINOR.PATCH"],
    ["1.2.03", "MAJOR.MINOR.PATCH"],
    ["1.2.x", "MAJOR.MINOR.PATCH"],
    ["1.2.3-", "MAJOR.MINOR.PATCH"],
    ["1.2.3-rc_1", "MAJOR.MINOR.PATCH"],
    [" 1.2.3", "MAJOR.MINOR.PATCH"],
    ["1.2.3\n", "MAJOR.MINOR.PATCH"],
    ["1.2.3 ", "MAJOR.MINOR.PATCH"],
    ["１.2.3", "MAJOR.MINOR.PATCH"],
    ["1.2.3;id", "MAJOR.MINOR.PATCH"],
    ["=1.2.3", "MAJOR.MINOR.PATCH"],
    ["-1.2.3", "MAJOR.MINOR.PATCH"],
    ["1.2.3-rc.01", "leading zero"],
    ["1.2.3-rc..1", "empty part"],
    ["1.2.3-.rc", "empty part"],
    ["99999999999999999.0.0", "too large"],
    ["v1.2.3", 'write "1.2.3"'],
    ["1.2.3+build", "registry tag cannot carry it"],
    ["1.2.3-rc.1+build.5", "registry tag cannot carry it"],
    [`1.2.3-${"a".repeat(122)}`, "at most 127 characters"],
  ])("refuses %j", (text, problem) => {
    expect(parseVersion(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test("takes the longest version that a registry tag can carry", () => {
    const version = `1.2.3-${"a".repeat(121)}`;
    expect(tagOf(version)).toHaveLength(128);
    expect(parseVersion(version)).toEqual({ ok: true, version });
  });

  test("refuses build metadata after any version, as a version and as a tag", () => {
    fc.assert(
      fc.property(anyVersion, fc.stringMatching(/^[0-9A-Za-z-]{1,8}(\.[0-9A-Za-z-]{1,8})?$/), (version, build) => {
        const problem = expect.stringContaining("because a registry tag cannot carry it");
        expect(parseVersion(`${version}+${build}`)).toEqual({ ok: false, problem });
        expect(releaseOf(`v${version}+${build}`)).toEqual({ kind: "none", reason: problem });
      }),
    );
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parseVersion(text).ok === "boolean"));
  });
});

describe("tags", () => {
  test("round trip", () => {
    fc.assert(
      fc.property(anyVersion, (version) => {
        expect(parseTag(tagOf(version))).toEqual({ ok: true, version });
      }),
    );
  });

  test.each([
    "1.2.3",
    "V1.2.3",
    "release-1.2.3",
    "vv1.2.3",
    "v1.2",
    "v1",
    "v",
    "",
    "latest",
    "v1.2.3+1",
    "refs/tags/v1.2.3",
  ])("%j makes no release and says why", (tag) => {
    expect(releaseOf(tag)).toEqual({
      kind: "none",
      reason: expect.stringContaining(`${JSON.stringify(tag)} makes no release: `),
    });
  });

  test("a version tag makes a release", () => {
    expect(releaseOf("v1.2.0-rc.1")).toEqual({ kind: "release", version: "1.2.0-rc.1" });
  });

  test("a huge tag is not repeated in full", () => {
    const meaning = releaseOf("x".repeat(1_000_000));
    expect(meaning.kind === "none" && meaning.reason.length < 300).toBe(true);
  });
});

describe("order", () => {
  test("is semver's, not the alphabet's", () => {
    const ordered = [
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0",
      "1.9.0",
      "1.10.0",
      "2.0.0",
    ];
    expect([...ordered].reverse().sort(compareVersions)).toEqual(ordered);
  });

  test("the highest of none is absent", () => {
    expect(highestOf([])).toBeUndefined();
    expect(highestOf(["1.9.0", "1.10.0", "1.10.0-rc.1"])).toBe("1.10.0");
  });

  test.each([
    ["1.0.0", false],
    ["1.0.0-rc.1", true],
    ["1.0.0--", true],
  ])("%s is a prerelease: %s", (version, expected) => {
    expect(isPrerelease(version)).toBe(expected);
  });
});
