import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assetChecksums, textAssets } from "../../src/model/assets.ts";
import { missing, other } from "../../src/model/difference.ts";
import {
  contradictions,
  imageDifferences,
  type LedgerEntry,
  type ListedRelease,
  platformDigests,
  releaseDifferences,
  sorted,
  tagDifferences,
} from "../../src/model/ledger.ts";
import { packText } from "../../src/model/packed-text.ts";
import { compareVersions } from "../../src/model/version.ts";
import { anyVersion } from "./arbitrary.ts";
import { FACTS } from "./facts.ts";

const files = textAssets(FACTS);
const line: LedgerEntry = {
  commit: FACTS.commit,
  digest: FACTS.image.digest,
  checksums: assetChecksums({ ...FACTS, files }),
  metadata: packText(files["metadata.json"] ?? ""),
};
const { metadata: _, ...lineOfOlderCode } = line;
const AMD64 = "mount-monitor-linux-amd64";

/** The release as it was published, with some assets changed; `digests: false` for a server that tells none. */
function listed(changed: Record<string, object | undefined> = {}, digests = true): ListedRelease {
  const sizes = Object.fromEntries(FACTS.artifacts.map(({ name, size }) => [name, size]));
  const assets = Object.entries(line.checksums).map(([name, checksum]) => ({
    name,
    state: "uploaded",
    size: sizes[name] ?? Buffer.byteLength(files[name] ?? ""),
    digest: digests ? `sha256:${checksum}` : undefined,
  }));
  return {
    prerelease: false,
    assets: assets.flatMap((asset) =>
      asset.name in changed && changed[asset.name] === undefined ? [] : [{ ...asset, ...changed[asset.name] }],
    ),
  };
}

const differences = (release: ListedRelease, of = line) => releaseDifferences("1.1.0", of, release);

describe("a published release", () => {
  test.each([true, false])("is what its line says (digests: %s)", (digests) => {
    expect(differences(listed({}, digests))).toEqual([]);
    expect(differences(listed({}, digests), lineOfOlderCode)).toEqual([]);
  });

  test.each(Object.keys(line.checksums))("lacks %s, or has only a broken upload of it", (name) => {
    const gone = [missing(`asset ${name} of v1.1.0 is missing, recorded is SHA-256 ${line.checksums[name]}`)];
    expect(differences(listed({ [name]: undefined }))).toEqual(gone);
    expect(differences(listed({ [name]: { state: "starter" } }))).toEqual(gone);
  });

  test("has another asset of the same size", () => {
    expect(differences(listed({ [AMD64]: { digest: `sha256:${"0".repeat(64)}` } }))).toEqual([
      other(`asset ${AMD64} of v1.1.0 has SHA-256 ${"0".repeat(64)}, recorded is ${line.checksums[AMD64]}`),
    ]);
  });

  test.each([
    [AMD64, 4_000_000],
    ["metadata.json", Buffer.byteLength(files["metadata.json"] ?? "")],
  ])("has another size of %s, where the server tells no digest", (name, size) => {
    const release = listed({ [name]: { size: size + 1 } }, false);
    expect(differences(release)).toEqual([
      other(`asset ${name} of v1.1.0 has ${size + 1} bytes, recorded are ${size}`),
    ]);
    // Older code did not record it.
    expect(differences(release, lineOfOlderCode)).toEqual([]);
  });

  test("has an asset more, or another mark", () => {
    const release = listed();
    const more = { name: "x\u202e", state: "uploaded", size: 1, digest: undefined };
    expect(differences({ prerelease: true, assets: [...release.assets, more] })).toEqual([
      other("release v1.1.0 is marked as a prerelease, recorded is not marked as a prerelease"),
      other('asset "x\\u{202e}" of v1.1.0 does not belong to the release'),
    ]);
    expect(releaseDifferences("1.1.0-rc.1", line, listed())).toEqual([
      other("release v1.1.0-rc.1 is not marked as a prerelease, recorded is marked as a prerelease"),
    ]);
  });
});

describe("tags", () => {
  test("of git: missing, moved, as recorded", () => {
    const elsewhere = "f".repeat(40);
    expect(tagDifferences("1.1.0", line, undefined)).toEqual([
      missing(`tag v1.1.0 is missing, recorded is ${line.commit}`),
    ]);
    expect(tagDifferences("1.1.0", line, elsewhere)).toEqual([
      other(`tag v1.1.0 is at ${elsewhere}, recorded is ${line.commit}`),
    ]);
    expect(tagDifferences("1.1.0", line, line.commit)).toEqual([]);
  });

  test("of the image: missing, moved, without a platform, as recorded", () => {
    const found = (digest: string | undefined, lost?: string[]) =>
      imageDifferences("ghcr.io/o/d", "1.1.0", line, digest, lost);
    const elsewhere = `sha256:${"f".repeat(64)}`;
    expect(found(undefined, ["linux/arm64"])).toEqual([
      missing(`ghcr.io/o/d:v1.1.0 is missing from the registry, recorded is ${line.digest}`),
    ]);
    expect(found(elsewhere, ["linux/arm64"])).toEqual([
      other(`ghcr.io/o/d:v1.1.0 points at ${elsewhere}, recorded is ${line.digest}`),
    ]);
    expect(found(line.digest, ["linux/arm64"])).toEqual([
      missing("ghcr.io/o/d:v1.1.0 lacks the manifest of linux/arm64: it is missing from the registry"),
    ]);
    expect(found(line.digest)).toEqual([]);
  });
});

test("a line knows the platforms of its image, unless older code wrote it", () => {
  expect(platformDigests(line)).toEqual(FACTS.image.digests);
  expect(platformDigests(lineOfOlderCode)).toEqual({});
});

test("a release that is declared as another than its line says is named, part by part", () => {
  const declared = { ...line, commit: "c", digest: "d", checksums: { ...line.checksums, [AMD64]: "e", more: "f" } };
  expect(contradictions("1.1.0", declared, line)).toEqual([
    other(`commit of v1.1.0 is c, recorded is ${line.commit}`),
    other(`image of v1.1.0 is d, recorded is ${line.digest}`),
    other(`asset ${AMD64} of v1.1.0 is e, recorded is ${line.checksums[AMD64]}`),
    other("asset more of v1.1.0 is f, recorded is none"),
  ]);
  expect(contradictions("1.1.0", line, line)).toEqual([]);
});

test("lines are in the order of versions, whatever order they came in, and none is lost", () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyVersion), (versions) => {
      const entries = versions.map((version) => {
        const digest = createHash("sha256").update(version).digest("hex");
        return [version, { ...lineOfOlderCode, digest }] as const;
      });
      const lines = sorted(Object.fromEntries(entries));
      expect(lines).toEqual(Object.fromEntries(entries));
      expect(Object.keys(lines)).toEqual(versions.toSorted(compareVersions));
    }),
  );
});
