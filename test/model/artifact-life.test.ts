import { describe, expect, test } from "vitest";
import { type ArtifactEntry, type ArtifactState, moved, parseEntry, retired } from "../../src/model/artifact-life.ts";

const DAY = 86_400_000;
const BORN = Date.parse("2026-01-01T00:00:00.000Z");
const STATES = ["building", "uploaded", "in-use", "consumed", "expired"] as const;
const LEGAL = ["building uploaded", "uploaded in-use", "uploaded expired", "in-use consumed"];

function entry(state: ArtifactState, changes: Partial<ArtifactEntry> = {}): ArtifactEntry {
  return {
    key: "c".repeat(64),
    name: "tool-linux-amd64",
    architecture: "amd64",
    version: "1.2.3",
    commit: "d".repeat(40),
    state,
    checksum: "a".repeat(64),
    size: 10,
    createdAt: "2026-01-01T00:00:00.000Z",
    usedAt: "2026-01-01T00:00:00.000Z",
    ...changes,
  };
}

test.each(STATES.flatMap((from) => STATES.map((to) => [from, to] as const)))("from %s to %s", (from, to) => {
  if (LEGAL.includes(`${from} ${to}`)) {
    expect(moved(entry(from), to, BORN + DAY)).toEqual({ ...entry(to), usedAt: "2026-01-02T00:00:00.000Z" });
  } else {
    expect(() => moved(entry(from), to, BORN)).toThrow(
      `artifact tool-linux-amd64 1.2.3 is ${from} and cannot become ${to}`,
    );
  }
});

describe("retention", () => {
  const over = BORN + 90 * DAY + 1;

  test("an artifact that nobody used expires", () => {
    expect(retired(entry("uploaded"), 90, over)).toEqual(entry("expired", { deletedAt: new Date(over).toISOString() }));
  });

  test("one that was consumed stays consumed, without its bytes", () => {
    expect(retired(entry("consumed"), 90, over)).toEqual(
      entry("consumed", { deletedAt: new Date(over).toISOString() }),
    );
  });

  test.each<ArtifactState>(["in-use", "building", "expired"])("one that is %s is left alone", (state) => {
    expect(retired(entry(state), 90, over)).toBeUndefined();
  });

  test("not a millisecond too early", () => {
    expect(retired(entry("uploaded"), 90, over - 1)).toBeUndefined();
  });

  test("counts from the last use", () => {
    const used = entry("uploaded", { usedAt: "2026-01-02T00:00:00.000Z" });
    expect(retired(used, 90, over)).toBeUndefined();
  });

  test("is over only once", () => {
    expect(retired(entry("consumed", { deletedAt: "2026-01-01T00:00:00.000Z" }), 90, over)).toBeUndefined();
  });
});

describe("the JSON of an entry", () => {
  test.each(STATES)("%s is read as it was written", (state) => {
    expect(parseEntry(JSON.stringify(entry(state)))).toEqual(entry(state));
  });

  const { checksum: _checksum, size: _size, ...unfinished } = entry("building");

  test("one that is building has no checksum yet", () => {
    expect(parseEntry(JSON.stringify(unfinished))).toEqual(unfinished);
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    JSON.stringify({ ...unfinished, state: "uploaded" }),
    JSON.stringify({ ...entry("uploaded"), state: "toString" }),
    JSON.stringify({ ...entry("uploaded"), checksum: "abc" }),
    JSON.stringify({ ...entry("uploaded"), usedAt: "yesterday" }),
    JSON.stringify({ ...entry("uploaded"), name: "" }),
    JSON.stringify({ ...entry("uploaded"), architecture: "pdp11" }),
  ])("%s is none", (text) => {
    expect(parseEntry(text)).toBeUndefined();
  });
});
