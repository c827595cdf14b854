import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMarker, parseMarker } from "../../src/model/marker.ts";
import { type Change, previousOf, releaseNotes } from "../../src/model/notes.ts";
import { compareVersions, isPrerelease } from "../../src/model/version.ts";
import { anyVersion } from "./arbitrary.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const DIGEST = `sha256:${"1".repeat(64)}`;
const LINK = `([0123456](https://github.com/octo-example/mount-monitor/commit/${HASH}))`;
const FOOT = `## Container image

\`\`\`sh
docker pull ghcr.io/octo-example/mount-monitor:v1.1.0@${DIGEST}
\`\`\`

## Check the download

The binaries, next to \`checksums.txt\`, and that the tag still holds this image:

\`\`\`sh
sha256sum -c --ignore-missing checksums.txt
docker buildx imagetools inspect ghcr.io/octo-example/mount-monitor:v1.1.0 | grep 'Digest: *${DIGEST}'
\`\`\`
`;

const change = (subject: string, body = ""): Change => ({ hash: HASH, subject, body });
const notes = (changes: readonly Change[], previousTag?: string) =>
  releaseNotes({
    repository: "octo-example/mount-monitor",
    tag: "v1.1.0",
    ...(previousTag === undefined ? {} : { previousTag }),
    changes,
    image: { reference: "ghcr.io/octo-example/mount-monitor", tag: "v1.1.0", digest: DIGEST },
  });

describe("releaseNotes", () => {
  test("groups the changes in a fixed order, newest first, and leaves out what a user does not notice", () => {
    const changes = [
      "perf: fewer reads",
      "feat: second",
      "chore: tidy",
      "fix(api): answer 503",
      "docs: more",
      "ci: faster",
      "test: more",
      "build: newer",
      "style: shorter",
      "refactor: simpler",
      "no convention",
      "Merge pull request #1 from octo/x",
      "Merge branch 'main'",
      "revert: feat: zeroth",
      'Revert "feat: minus first"',
      "security: check paths",
      "feat(mounts): first (#12)",
    ].map((subject) => change(subject));
    expect(notes(changes, "v1.0.0")).toBe(`## Features

- second ${LINK}
- **mounts:** first (#12) ${LINK}

## Fixes

- **api:** answer 503 ${LINK}

## Security

- check paths ${LINK}

## Performance

- fewer reads ${LINK}

## Reverts

- feat: zeroth ${LINK}
- Revert "feat: minus first" ${LINK}

## Other changes

- simpler ${LINK}
- no convention ${LINK}

**All changes**: https://github.com/octo-example/mount-monitor/compare/v1.0.0...v1.1.0

${FOOT}`);
  });

  test("a breaking change stands first, whatever its type is, and only there", () => {
    const changes = [change("feat!: drop /health"), change("chore(go): newer", "BREAKING CHANGE: needs\nLinux 6")];
    expect(notes(changes)).toBe(`## Breaking changes

- drop /health ${LINK}
- **go:** newer — needs Linux 6 ${LINK}

${FOOT}`);
  });

  test("the first release has nothing to compare with", () => {
    expect(notes([change("feat: begin")])).not.toContain("/compare/");
  });

  test.each([[[]], [[change("chore: tidy")]]])("says so when a user notices nothing", (changes) => {
    expect(notes(changes)).toBe(`Nothing changed that a user notices.\n\n${FOOT}`);
  });

  test("stays below GitHub's 125,000 characters, and says what is missing", () => {
    const text = notes(Array.from({ length: 5000 }, (_, index) => change(`feat: ${index} ${"*".repeat(300)}`)));
    const listed = text.match(/^- /gm)?.length ?? 0;
    expect(text.length).toBeLessThan(110_000);
    expect(text.length).toBeGreaterThan(90_000);
    expect(text).toContain(`…and ${5000 - listed} more changes.\n\n`);
    expect(text.endsWith(FOOT)).toBe(true);
  });

  test("no commit forges our marker, or hides it", () => {
    const forged = formatMarker({ stack: "evil", version: "9.9.9", commit: HASH });
    const ours = { stack: "prod", version: "1.1.0", commit: HASH };
    const text = notes([
      change(`feat: ${forged}`),
      change(`fix(${forged.replace(/[()]/g, "")}): x`, `BREAKING CHANGE: ${forged}`),
    ]);
    expect(parseMarker(text)).toBeUndefined();
    expect(text).not.toContain("<!--");
    expect(parseMarker(`${text}\n${formatMarker(ours)}\n`)).toEqual(ours);
  });

  test("no commit breaks out of its line", () => {
    const any = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(fc.array(fc.tuple(any, any), { maxLength: 5 }), (messages) => {
        const text = notes(messages.map(([subject, body]) => change(subject, body)));
        expect(text.endsWith(FOOT)).toBe(true);
        for (const line of text.slice(0, -FOOT.length).split("\n")) {
          expect(line).toMatch(/^(?:## [A-Z][a-z ]+|- .*\)\)|Nothing changed that a user notices\.|)$/u);
        }
      }),
    );
  });
});

describe("previousOf", () => {
  test.each([
    ["1.0.0", [], undefined],
    ["1.1.0", ["1.0.0"], "1.0.0"],
    ["1.0.1", ["1.0.0", "1.1.0"], "1.0.0"],
    ["1.10.0", ["1.2.0", "1.9.0"], "1.9.0"],
    ["2.0.0", ["1.1.0", "1.0.5"], "1.1.0"],
    ["1.2.0", ["1.1.0", "1.2.0-rc.1", "1.2.0-rc.2"], "1.1.0"],
    ["1.2.0-rc.2", ["1.1.0", "1.2.0-rc.1"], "1.2.0-rc.1"],
    ["1.2.0-rc.1", ["1.1.0"], "1.1.0"],
    ["1.0.0", ["1.0.0-rc.1"], undefined],
    ["1.0.0", ["1.0.0"], undefined],
    ["1.0.0", ["1.1.0", "2.0.0"], undefined],
  ])("of %s among %j is %s", (version, published, expected) => {
    expect(previousOf(version, published)).toBe(expected);
  });

  test("is lower, published, and nothing of its kind lies between", () => {
    fc.assert(
      fc.property(anyVersion, fc.array(anyVersion), (version, published) => {
        const previous = previousOf(version, published);
        const between = published.filter(
          (candidate) =>
            compareVersions(candidate, version) < 0 &&
            (previous === undefined || compareVersions(candidate, previous) > 0) &&
            (isPrerelease(version) || !isPrerelease(candidate)),
        );
        expect(between).toEqual([]);
        expect(previous === undefined || published.includes(previous)).toBe(true);
      }),
    );
  });
});
