import { expect, test } from "vitest";
import { artifactTable } from "../../src/commands/artifacts.ts";
import type { ArtifactEntry } from "../../src/model/artifact-life.ts";

const entry: ArtifactEntry = {
  key: "c".repeat(64),
  name: "tool-linux-amd64",
  architecture: "amd64",
  version: "1.2.3",
  commit: "d".repeat(40),
  state: "uploaded",
  checksum: "a".repeat(64),
  size: 123,
  createdAt: "2026-01-01T00:00:00.000Z",
  usedAt: "2026-01-02T00:00:00.000Z",
};
const { checksum: _checksum, size: _size, ...unfinished } = entry;
const cells = (line: string | undefined) => line?.split(/ {2,}/);

test("a line for each artifact, under a head", () => {
  const [head, line, ...others] = artifactTable([entry], () => true).split("\n");
  expect(cells(head)).toEqual(["artifact", "version", "state", "size", "SHA-256", "commit", "used"]);
  expect(cells(line)).toEqual([
    "tool-linux-amd64",
    "1.2.3",
    "uploaded",
    "123",
    "a".repeat(64),
    "dddddddddddd",
    "2026-01-02T00:00:00.000Z",
  ]);
  expect(others).toEqual([]);
  expect(line?.indexOf("1.2.3")).toBe(head?.indexOf("version"));
});

test.each<[string, ArtifactEntry, boolean]>([
  ["in-use", { ...entry, state: "in-use" }, false],
  ["building", { ...unfinished, state: "building", pid: 7 }, true],
  ["building (its process has ended)", { ...unfinished, state: "building", pid: 7 }, false],
  ["consumed (deleted)", { ...entry, state: "consumed", deletedAt: "2026-04-02T00:00:00.000Z" }, false],
  ["expired", { ...entry, state: "expired", deletedAt: "2026-04-02T00:00:00.000Z" }, false],
])("shows %s", (state, shown, runs) => {
  const [, line] = artifactTable([shown], (pid) => pid === 7 && runs).split("\n");
  expect(cells(line)?.[2]).toBe(state);
});

test("an empty storage", () => {
  expect(artifactTable([], () => true)).toBe("the artifact storage is empty");
});
