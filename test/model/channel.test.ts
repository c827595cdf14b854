import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { channels, isLatest, latestOf, strandedChannels } from "../../src/model/channel.ts";
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

/** Versions that are published, with those of them that are withdrawn. */
const withdrawing = fc
  .uniqueArray(anyVersion, { maxLength: 12 })
  .chain((published) => fc.tuple(fc.constant(published), fc.subarray(published)));

describe("withdrawn versions", () => {
  test.each<[string, readonly string[], readonly string[], ReturnType<typeof channels>]>([
    [
      "a channel moves back to the highest one of its line that remains",
      ["1.1.2", "1.1.3", "1.2.0"],
      ["1.2.0"],
      [
        { channel: "latest", version: "1.1.3", withdrawn: ["1.2.0"] },
        { channel: "1", version: "1.1.3", withdrawn: ["1.2.0"] },
        { channel: "1.1", version: "1.1.3" },
      ],
    ],
    [
      "one that is not the highest of its line moves nothing",
      ["1.0.0", "1.0.1", "1.0.2"],
      ["1.0.1"],
      ["latest" as const, "1" as const, "1.0" as const].map((channel) => ({ channel, version: "1.0.2" })),
    ],
    [
      "10 is more than 9 also on the way back",
      ["1.9.0", "1.10.0", "1.11.0"],
      ["1.11.0"],
      [
        { channel: "latest", version: "1.10.0", withdrawn: ["1.11.0"] },
        { channel: "1", version: "1.10.0", withdrawn: ["1.11.0"] },
        { channel: "1.9", version: "1.9.0" },
        { channel: "1.10", version: "1.10.0" },
      ],
    ],
    ["a prerelease does not stand in for a stable version", ["1.0.0-rc.1", "1.0.0"], ["1.0.0"], []],
    ["a prerelease that is withdrawn moves nothing", ["1.0.0-rc.1"], ["1.0.0-rc.1"], []],
    ["what was never published moves nothing", [], ["1.0.0"], []],
  ])("%s", (_name, published, withdrawn, expected) => {
    expect(channels(published, withdrawn)).toEqual(expected);
  });

  test("are as if they had never been published, to every channel that is left", () => {
    fc.assert(
      fc.property(withdrawing, ([published, withdrawn]) => {
        const remaining = published.filter((version) => !withdrawn.includes(version));
        expect(channels(published, withdrawn).map(({ channel, version }) => ({ channel, version }))).toEqual(
          channels(remaining),
        );
      }),
    );
  });

  test("are named where a channel passes over them, and nowhere else", () => {
    fc.assert(
      fc.property(withdrawing, ([published, withdrawn]) => {
        for (const { channel, version, withdrawn: above } of channels(published, withdrawn)) {
          const higher = withdrawn.filter(
            (candidate) =>
              !isPrerelease(candidate) &&
              compareVersions(candidate, version) > 0 &&
              (channel === "latest" || `${candidate}.`.startsWith(`${channel}.`)),
          );
          expect(above ?? []).toEqual(higher.toSorted(compareVersions));
          expect(above).not.toEqual([]);
        }
      }),
    );
  });

  test("lose no channel: each is left with a version, or stranded with all of its own", () => {
    fc.assert(
      fc.property(withdrawing, ([published, withdrawn]) => {
        const stranded = strandedChannels(published, withdrawn);
        const named = [...channels(published, withdrawn), ...stranded].map(({ channel }) => channel);
        expect(named.toSorted()).toEqual(
          channels(published)
            .map(({ channel }) => channel)
            .toSorted(),
        );
        for (const { channel, withdrawn: line } of stranded) {
          expect(line.at(-1)).toBe(channels(published).find((target) => target.channel === channel)?.version);
        }
      }),
    );
  });

  test("come back: the list alone decides, not its history", () => {
    fc.assert(
      fc.property(withdrawing, fc.gen(), ([published, withdrawn], gen) => {
        const order = gen(fc.shuffledSubarray, withdrawn, { minLength: withdrawn.length });
        expect(channels(published, order)).toEqual(channels(published, withdrawn));
        expect(channels(published, [])).toEqual(channels(published));
      }),
    );
  });

  test("never move a channel backwards unless the version that it held is withdrawn now", () => {
    fc.assert(
      fc.property(withdrawing, fc.gen(), anyVersion, ([published, before], gen, added) => {
        const now = gen(fc.subarray, published);
        const later = channels([...published, added], now);
        for (const held of channels(published, before)) {
          const next = later.find(({ channel }) => channel === held.channel);
          if (next && compareVersions(next.version, held.version) < 0) {
            expect(next.withdrawn).toContain(held.version);
          }
        }
      }),
    );
  });
});

describe("latestOf", () => {
  test.each([
    [[], undefined],
    [["1.0.0-rc.1"], undefined],
    [["1.9.0", "1.10.0", "2.0.0-rc.1"], "1.10.0"],
  ])("%j: %s", (published, expected) => {
    expect(latestOf(published)).toBe(expected);
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
