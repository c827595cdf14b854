import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { assetChecksums, platformChecksums, textAssets } from "../../src/model/assets.ts";
import { parseChecksums } from "../../src/model/checksums.ts";
import { parseMetadata } from "../../src/model/metadata.ts";
import { FACTS } from "./facts.ts";

const [AMD64, ARM64] = ["a".repeat(64), "b".repeat(64)];

describe("the assets of a release", () => {
  const files = textAssets(FACTS);

  test("are its binaries and three texts", () => {
    expect(Object.keys(files)).toEqual(["artifacts.json", "checksums.txt", "metadata.json"]);
    expect(parseMetadata(files["metadata.json"] ?? "")).toEqual(FACTS);
    expect(files["checksums.txt"]).toBe(`${AMD64}  mount-monitor-linux-amd64\n${ARM64}  mount-monitor-linux-arm64\n`);
    expect(parseChecksums(files["checksums.txt"] ?? "").ok).toBe(true);
  });

  test("depend on the facts alone", () => {
    const { version, artifacts, ...rest } = FACTS;
    expect(textAssets({ artifacts, ...rest, version })).toEqual(files);
  });

  test("have the checksums of their bytes, in UTF-8", () => {
    const recorded = { ...FACTS, files: { "artifacts.json": "ä\n", "checksums.txt": "" } };
    expect(assetChecksums(recorded)).toEqual({
      "mount-monitor-linux-amd64": AMD64,
      "mount-monitor-linux-arm64": ARM64,
      "artifacts.json": createHash("sha256")
        .update(Buffer.from([0xc3, 0xa4, 0x0a]))
        .digest("hex"),
      "checksums.txt": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    });
  });
});

test("every platform holds the binary of its architecture", () => {
  expect(platformChecksums(FACTS)).toEqual({ "linux/amd64": AMD64, "linux/arm64": ARM64 });
  expect(platformChecksums({ ...FACTS, artifacts: FACTS.artifacts.toReversed() })).toEqual(platformChecksums(FACTS));
});
