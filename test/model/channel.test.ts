import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channels, isLatest } from "../../src/model/channel.ts";
import { compareVersions, isPrerelease } from "../../src/model/version.ts";
import { anyVersion, prereleaseVersion, stableVersion } from "./arbitrary.ts";

const targets = (...versions: string[]) =>
  Object.fromEntries(channels(versions).map(({ channel, version }) => [channel, version]));

describe("channels", () => {
  test("none before the first release", () => {
    expect(channels([])).toEqual([]);
  });

  test("a release holds latest, its major and its minor, in this order", () => {
    expect(channels(["1.0.0"])).toEqual([
      { channel: "latest", version: "1.0.0" },
      { channel: "1", version: "1.0.0" },
      { channel: "1.0", version: "1.0.0" },
    ]);
  });

  test.each([
    [
      "a fix of an older line leaves latest alone",
      ["1.0.0", "1.1.0", "1.0.1"],
      { latest: "1.1.0", "1": "1.1.0", "1.0": "1.0.1", "1.1": "1.1.0" },
    ],
    ["a prerelease moves none", ["1.0.0", "1.2.0-rc.1"], { latest: "1.0.0", "1": "1.0.0", "1.0": "1.0.0" }],
    ["only prereleases: no channel", ["1.0.0-rc.1", "1.0.0-rc.2"], {}],
    ["10 is more than 9", ["1.10.0", "1.9.0"], { latest: "1.10.0", "1": "1.10.0", "1.9": "1.9.0", "1.10": "1.10.0" }],
    [
      "lines of several majors",
      ["2.0.0", "1.4.2"],
      { latest: "2.0.0", "2": "2.0.0", "2.0": "2.0.0", "1": "1.4.2", "1.4": "1.4.2" },
    ],
  ])("%s", (_name, versions, expected) => {
    expect(targets(...versions)).toEqual(expected);
  });

  test("the order of publication does not matter", () => {
    fc.assert(
      fc.property(
        fc
          .uniqueArray(anyVersion, { maxLength: 12 })
          .chain((versions) =>
            fc.tuple(fc.constant(versions), fc.shuffledSubarray(versions, { minLength: versions.length })),
          ),
        ([versions, shuffled]) => {
          expect(channels(shuffled)).toEqual(channels(versions));
        },
      ),
    );
  });

  test("none ever moves backwards when a version is added, and none disappears", () => {
    fc.assert(
      fc.property(fc.array(anyVersion, { maxLength: 12 }), anyVersion, (versions, added) => {
        const before = targets(...versions);
        const after = targets(...versions, added);
        for (const [channel, version] of Object.entries(before)) {
          expect(compareVersions(after[channel] ?? "0.0.0-0", version)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test("each holds the highest stable version with its prefix", () => {
    fc.assert(
      fc.property(fc.array(anyVersion, { maxLength: 12 }), (versions) => {
        for (const [channel, version] of Object.entries(targets(...versions))) {
          const line = versions.filter(
            (candidate) =>
              !isPrerelease(candidate) && (channel === "latest" || `${candidate}.`.startsWith(`${channel}.`)),
          );
          expect(line.toSorted(compareVersions).at(-1)).toBe(version);
        }
      }),
    );
  });

  test("a prerelease changes nothing", () => {
    fc.assert(
      fc.property(fc.array(anyVersion), prereleaseVersion, (versions, added) => {
        expect(channels([...versions, added])).toEqual(channels(versions));
      }),
    );
  });
});

describe("isLatest", () => {
  test.each([
    ["1.0.0", [], true],
    ["1.1.0", ["1.0.0"], true],
    ["1.0.1", ["1.0.0", "1.1.0"], false],
    ["1.2.0-rc.1", ["1.1.0"], false],
    ["1.0.0-rc.1", [], false],
    ["1.0.0", ["1.1.0-rc.1"], true],
    ["1.1.0", ["1.1.0"], true],
  ])("%s after %j: %s", (version, before, expected) => {
    expect(isLatest(version, before)).toBe(expected);
  });

  test("agrees with the channel", () => {
    fc.assert(
      fc.property(stableVersion, fc.array(anyVersion), (version, before) => {
        expect(isLatest(version, before)).toBe(targets(...before, version).latest === version);
      }),
    );
  });
});
