import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ARCHITECTURES,
  artifactName,
  artifactPath,
  type BinaryArtifact,
  checkArtifactSet,
  isChecksum,
  parseArtifact,
} from "../../src/model/artifact.ts";
import { anyVersion, hexadecimal } from "./arbitrary.ts";

const checksum = { amd64: "a".repeat(64), arm64: "b".repeat(64) };
const amd64 = artifact("amd64");
const arm64 = artifact("arm64");
const expected = { binaryName: "mount-monitor", architectures: ["amd64", "arm64"], version: "1.2.3" } as const;

function artifact(architecture: "amd64" | "arm64", changes: Partial<BinaryArtifact> = {}): BinaryArtifact {
  return {
    name: `mount-monitor-linux-${architecture}`,
    path: `sha256/${checksum[architecture]}`,
    architecture,
    version: "1.2.3",
    checksum: checksum[architecture],
    size: 10,
    ...changes,
  };
}

test("the name and the path of an artifact", () => {
  expect(artifactName("mount-monitor", "arm64")).toBe("mount-monitor-linux-arm64");
  expect(artifactPath(checksum.amd64)).toBe(`sha256/${"a".repeat(64)}`);
});

describe("a set of artifacts", () => {
  test("is complete, in any order", () => {
    expect(checkArtifactSet([arm64, amd64], expected)).toEqual([]);
  });

  test.each<[string, readonly BinaryArtifact[], string[]]>([
    ["a missing one", [amd64], ["the binary for arm64 (mount-monitor-linux-arm64) is missing"]],
    [
      "none at all",
      [],
      [
        "the binary for amd64 (mount-monitor-linux-amd64) is missing",
        "the binary for arm64 (mount-monitor-linux-arm64) is missing",
      ],
    ],
    [
      "two for one architecture",
      [amd64, arm64, arm64],
      ["there are 2 binaries for arm64, and exactly one is released"],
    ],
    [
      "an architecture that is not released",
      [amd64, arm64, { ...amd64, name: "mount-monitor-linux-386", architecture: "386" }],
      ['mount-monitor-linux-386 (386): architecture "386" is not one of amd64, arm64'],
    ],
    [
      "a wrong name",
      [amd64, artifact("arm64", { name: "mount-monitor-arm64" })],
      ['mount-monitor-arm64 (arm64): its name must be "mount-monitor-linux-arm64"'],
    ],
    [
      "a wrong version",
      [artifact("amd64", { version: "v1.2.3" }), arm64],
      ['mount-monitor-linux-amd64 (amd64): version "v1.2.3" must be "1.2.3"'],
    ],
    [
      "a malformed checksum",
      [artifact("amd64", { checksum: "A".repeat(64) }), arm64],
      [`mount-monitor-linux-amd64 (amd64): checksum "${"A".repeat(64)}" is not a SHA-256 in 64 lower-case hex digits`],
    ],
    [
      "a path of one machine",
      [artifact("amd64", { path: "/home/someone/bin" }), arm64],
      [`mount-monitor-linux-amd64 (amd64): path "/home/someone/bin" must be "sha256/${"a".repeat(64)}"`],
    ],
    ...[0, -1, 1.5, Number.NaN].map((size): [string, readonly BinaryArtifact[], string[]] => [
      `a size of ${size}`,
      [artifact("amd64", { size }), arm64],
      [`mount-monitor-linux-amd64 (amd64): size ${size} is not a number of bytes`],
    ]),
    [
      "all problems at once",
      [artifact("amd64", { name: "x", version: "2.0.0", checksum: "", size: 0 })],
      [
        "the binary for arm64 (mount-monitor-linux-arm64) is missing",
        'x (amd64): its name must be "mount-monitor-linux-amd64"',
        'x (amd64): version "2.0.0" must be "1.2.3"',
        'x (amd64): checksum "" is not a SHA-256 in 64 lower-case hex digits',
        "x (amd64): size 0 is not a number of bytes",
      ],
    ],
  ])("%s", (_, artifacts, problems) => {
    expect(checkArtifactSet(artifacts, expected)).toEqual(problems);
  });
});

test.each([
  ["a".repeat(64), true],
  ["a".repeat(63), false],
  ["a".repeat(65), false],
  [`${"a".repeat(63)}g`, false],
  [`${"a".repeat(64)}\n`, false],
  [`sha256:${"a".repeat(64)}`, false],
])("whether %j is a checksum: %s", (text, is) => {
  expect(isChecksum(text)).toBe(is);
});

describe("the JSON of an artifact", () => {
  test("is read as it was written", () => {
    const record = fc.record({
      name: fc.string(),
      path: fc.string(),
      architecture: fc.constantFrom(...ARCHITECTURES),
      version: anyVersion,
      checksum: hexadecimal(64),
      size: fc.nat(),
    });
    fc.assert(
      fc.property(record, (made) => {
        expect(parseArtifact(JSON.stringify(made))).toEqual(made);
      }),
    );
  });

  test.each([
    "",
    "null",
    "[]",
    '"text"',
    "{",
    JSON.stringify({ ...amd64, size: "10" }),
    JSON.stringify({ ...amd64, architecture: "pdp11" }),
    JSON.stringify({ ...amd64, checksum: undefined }),
  ])("is refused: %j", (text) => {
    expect(() => parseArtifact(text)).toThrow(
      `a build printed ${JSON.stringify(text)}, which is not the JSON of a Binary Artifact`,
    );
  });
});
