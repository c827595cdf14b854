import { describe, expect, test } from "vitest";
import { releaseSummary } from "../../src/model/release-summary.ts";

const OUTPUTS = {
  version: "1.2.0",
  tag: "v1.2.0",
  commit: "1".repeat(40),
  artifacts: [
    { name: "app-linux-amd64", path: "sha256/aa", architecture: "amd64", version: "1.2.0", size: 10, checksum: "aa" },
    { name: "app-linux-arm64", path: "sha256/bb", architecture: "arm64", version: "1.2.0", size: 11, checksum: "bb" },
  ],
  image: {
    reference: "ghcr.io/octo/app",
    tag: "v1.2.0",
    digest: "sha256:cc",
    platforms: ["linux/amd64"],
    digests: { "linux/amd64": "sha256:dd" },
  },
  release: { url: "https://github.com/octo/app/releases/tag/v1.2.0", id: 7, assets: { "checksums.txt": "ee" } },
  channels: { latest: "1.2.0", "1": "1.2.0" },
};

describe("releaseSummary", () => {
  test("has a table for each thing that was published", () => {
    const shown = releaseSummary(OUTPUTS, "v1.2.0");
    expect(shown.startsWith(`### [v1.2.0](${OUTPUTS.release.url})\n\nFrom commit \`${OUTPUTS.commit}\`.\n\n`)).toBe(
      true,
    );
    expect(shown).toContain(
      "| artifact | platform | size | SHA-256 |\n| --- | --- | --- | --- |\n| `app-linux-amd64` | `linux/amd64` | `10` | `aa` |\n| `app-linux-arm64` | `linux/arm64` | `11` | `bb` |",
    );
    expect(shown).toContain("| `ghcr.io/octo/app:v1.2.0` | `sha256:cc` |\n| `linux/amd64` | `sha256:dd` |");
    expect(shown).toContain("| `checksums.txt` | `ee` |");
    expect(shown).toContain("| `latest` | `1.2.0` |");
    expect(shown).not.toContain("made no release");
  });

  test("what somebody wrote into a tag does nothing in it", () => {
    const tag = "v1`<img src=x>@octocat";
    const safe = "v1\\`&lt;img src=x&gt;@&#8203;octocat";
    expect(releaseSummary(OUTPUTS, tag)).toContain(`Tag ${safe} made no release.`);
    expect(releaseSummary({ release: null, reason: `tag ${tag} is no version` }, tag)).toBe(
      `### No release\n\ntag ${safe} is no version.\n`,
    );
  });

  test("a tag that is no version's made no release", () => {
    expect(releaseSummary(OUTPUTS, "v1.2")).toContain("Tag v1.2 made no release.");
    expect(releaseSummary({ release: null, reason: "tag v1.2 is no version" }, "v1.2")).toBe(
      "### No release\n\ntag v1.2 is no version.\n",
    );
  });

  test("other outputs are refused", () => {
    expect(() => releaseSummary({}, undefined)).toThrow();
  });
});
