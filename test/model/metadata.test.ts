import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { artifactsJson, metadataJson, parseMetadata, type ReleaseFacts, SCHEMA } from "../../src/model/metadata.ts";
import { anyVersion, hexadecimal } from "./arbitrary.ts";
import { FACTS } from "./facts.ts";

const anyFacts: fc.Arbitrary<ReleaseFacts> = fc
  .record({
    version: anyVersion,
    previous: fc.option(anyVersion, { nil: undefined }),
    commit: hexadecimal(40),
    flags: fc.tuple(fc.boolean(), fc.boolean()),
    texts: fc.tuple(fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" })),
    labels: fc.dictionary(fc.stringMatching(/^[a-z.]{1,12}$/), fc.string()),
    verifyArgs: fc.array(fc.string()),
    time: fc.date({ min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true }),
    checksums: fc.tuple(hexadecimal(64), hexadecimal(64)),
    size: fc.integer({ min: 1, max: 2 ** 40 }),
  })
  .map(({ version, previous, commit, flags, texts, labels, verifyArgs, time, checksums, size }) => {
    const { previousTag: _, ...facts } = FACTS;
    return {
      ...facts,
      version,
      tag: `v${version}`,
      ...(previous === undefined ? {} : { previousTag: `v${previous}` }),
      commit,
      commitTime: time.toISOString(),
      prerelease: flags[0],
      latest: flags[1],
      title: texts[0],
      notes: texts[1],
      dockerfile: texts[2],
      labels,
      source: { ...FACTS.source, verifyArgs },
      image: { ...FACTS.image, tag: `v${version}` },
      artifacts: FACTS.artifacts.map((artifact, index) => {
        const checksum = checksums[index] ?? "";
        return { ...artifact, version, checksum, path: `sha256/${checksum}`, size };
      }),
    };
  });

/** The text of metadata.json after an edit of its value. */
function edited(edit: (metadata: Record<string, unknown> & { release: Record<string, unknown> }) => void): string {
  const metadata = JSON.parse(metadataJson(FACTS));
  edit(metadata);
  return JSON.stringify(metadata);
}

describe("metadataJson", () => {
  test("has GoReleaser's keys, in its order, and one of our own", () => {
    const { release, ...outer } = JSON.parse(metadataJson(FACTS));
    expect(Object.entries(outer)).toEqual([
      ["project_name", "mount-monitor"],
      ["tag", "v1.1.0"],
      ["previous_tag", "v1.0.0"],
      ["version", "1.1.0"],
      ["commit", "0123456789abcdef0123456789abcdef01234567"],
      ["date", "2026-03-01T10:00:00Z"],
      ["runtime", { goos: "linux", goarch: "amd64" }],
    ]);
    expect(release).toEqual({ schema: SCHEMA, ...FACTS });
  });

  test("round trip", () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(parseMetadata(metadataJson(facts))).toEqual(facts);
        expect(metadataJson(parseMetadata(metadataJson(facts)))).toBe(metadataJson(facts));
      }),
    );
  });

  test("depends on the values alone: neither on the order of keys nor on what is no fact", () => {
    const reversed = Object.fromEntries(Object.entries(FACTS).reverse()) as unknown as ReleaseFacts;
    const labels = Object.fromEntries(Object.entries(FACTS.labels).reverse());
    const more = { ...reversed, labels, home: "/root", image: { ...FACTS.image, port: 5000 } };
    expect(metadataJson(more)).toBe(metadataJson(FACTS));
  });

  test("ends with one line feed and has no previous tag for the first release", () => {
    const { previousTag: _, ...first } = FACTS;
    expect(metadataJson(first)).toMatch(/[^\n]\n$/);
    expect(JSON.parse(metadataJson(first)).previous_tag).toBe("");
    expect(parseMetadata(metadataJson(first))).not.toHaveProperty("previousTag");
  });

  test("refuses to write facts that could not be read back", () => {
    expect(() => metadataJson({ ...FACTS, commit: "HEAD" })).toThrow("is not a full commit id");
  });
});

describe("parseMetadata", () => {
  test.each([
    ["text", "not json", "metadata.json is not JSON"],
    ["nothing", "", "metadata.json is not JSON"],
    ["null", "null", "metadata.json: "],
    [
      "another tool's file",
      '{"tag":"v1.0.0","previous_tag":"","version":"1.0.0","commit":"x","date":"x"}',
      "release: ",
    ],
    [
      "a newer schema",
      edited(({ release }) => Object.assign(release, { schema: 2 })),
      "has schema 2, and this program reads up to 1",
    ],
    ["a schema 0", edited(({ release }) => Object.assign(release, { schema: 0 })), "release.schema: "],
    [
      "a binary that is named by a path",
      edited(({ release }) => Object.assign(release, { source: { ...FACTS.source, binaryName: "../../x" } })),
      "release.source.binaryName: a name has letters and digits",
    ],
    ["no commit", edited(({ release }) => delete release.commit), "release.commit: "],
    [
      "a short commit",
      edited(({ release }) => Object.assign(release, { commit: "0123456" })),
      "release.commit: is not a full commit id",
    ],
    ["a text for a flag", edited(({ release }) => Object.assign(release, { latest: "yes" })), "release.latest: "],
    [
      "another outer version",
      edited((metadata) => Object.assign(metadata, { version: "1.0.0" })),
      'version: is "1.0.0", expected "1.1.0"',
    ],
    ["another outer commit", edited((metadata) => Object.assign(metadata, { commit: "f".repeat(40) })), "commit: is "],
    ["another outer date", edited((metadata) => Object.assign(metadata, { date: "x" })), 'date: is "x"'],
    [
      "a tag of another version",
      edited(({ release }) => Object.assign(release, { version: "1.1.1" })),
      'release.tag: is "v1.1.0", expected "v1.1.1"',
    ],
    ["no artifacts", edited(({ release }) => Object.assign(release, { artifacts: [] })), "release.artifacts: are for "],
    [
      "an image without a platform",
      edited(({ release }) => Object.assign(release, { image: { ...FACTS.image, platforms: ["linux/amd64"] } })),
      'release.image.digests: is "linux/amd64,linux/arm64", expected "linux/amd64"',
    ],
    [
      "a malformed digest",
      edited(({ release }) => Object.assign(release, { image: { ...FACTS.image, digest: "sha256:1" } })),
      "release.image.digest: is not sha256:",
    ],
    [
      "an unknown architecture",
      edited(({ release }) => Object.assign(release, { artifacts: [{ ...FACTS.artifacts[0], architecture: "vax" }] })),
      "release.artifacts.0.architecture: ",
    ],
    [
      "a binary of another version",
      edited(({ release }) =>
        Object.assign(release, { artifacts: FACTS.artifacts.map((artifact) => ({ ...artifact, version: "1.0.0" })) }),
      ),
      'version "1.0.0" must be "1.1.0"',
    ],
  ])("refuses %s", (_name, text, problem) => {
    expect(() => parseMetadata(text)).toThrow(problem);
  });

  test("lists all problems", () => {
    const text = edited(({ release }) => {
      delete release.notes;
      Object.assign(release, { go: "", commitTime: "today" });
    });
    expect(() => parseMetadata(text)).toThrow(/release\.go: .*\n[\s\S]*release\.commitTime: [\s\S]*release\.notes: /);
  });

  test("passes over keys that it does not know", () => {
    expect(parseMetadata(edited(({ release }) => Object.assign(release, { later: true })))).toEqual(FACTS);
  });
});

describe("artifactsJson", () => {
  test("lists the binaries, the checksums and the image as GoReleaser does", () => {
    expect(artifactsJson(FACTS)).toMatch(/[^\n]\n$/);
    expect(JSON.parse(artifactsJson(FACTS))).toEqual([
      {
        name: "mount-monitor-linux-amd64",
        path: "mount-monitor-linux-amd64",
        goos: "linux",
        goarch: "amd64",
        goamd64: "v1",
        target: "linux_amd64_v1",
        internal_type: 2,
        type: "Binary",
        extra: {
          Binary: "mount-monitor",
          Checksum: `sha256:${"a".repeat(64)}`,
          Format: "binary",
          ID: "mount-monitor",
          Size: 4_000_000,
        },
      },
      {
        name: "mount-monitor-linux-arm64",
        path: "mount-monitor-linux-arm64",
        goos: "linux",
        goarch: "arm64",
        goarm64: "v8.0",
        target: "linux_arm64_v8.0",
        internal_type: 2,
        type: "Binary",
        extra: {
          Binary: "mount-monitor",
          Checksum: `sha256:${"b".repeat(64)}`,
          Format: "binary",
          ID: "mount-monitor",
          Size: 3_900_000,
        },
      },
      { name: "checksums.txt", path: "checksums.txt", internal_type: 12, type: "Checksum" },
      {
        name: "ghcr.io/octo-example/mount-monitor:v1.1.0",
        path: "ghcr.io/octo-example/mount-monitor:v1.1.0",
        internal_type: 38,
        type: "Docker Image",
        extra: {
          Digest: `sha256:${"1".repeat(64)}`,
          ID: "mount-monitor",
          Platforms: ["linux/amd64", "linux/arm64"],
        },
      },
    ]);
  });
});
