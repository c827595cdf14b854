import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { forgetIntent, recordIntent, withIntent } from "../../rehearsal/intent.ts";
import { parseOptions } from "../../rehearsal/options.ts";

const COMMIT = "c".repeat(40);
const intent = { version: "1.1.0", commit: COMMIT, source: undefined, settings: { artifactRetentionDays: "7" } };

let local: string;
let reports: string[];
const resumed = (...args: string[]) => withIntent(parseOptions(args), local, (line) => reports.push(line));

beforeEach(async () => {
  local = await mkdtemp(join(tmpdir(), "intent-"));
  reports = [];
});

test("a plain start goes on with what was begun, and says so", async () => {
  await recordIntent(local, intent);
  expect(await resumed("--json")).toEqual({
    ...parseOptions(["--json"]),
    version: "1.1.0",
    commit: COMMIT,
    settings: { artifactRetentionDays: "7" },
  });
  expect(reports).toEqual([`going on with 1.1.0 from commit ${COMMIT}, which an earlier start did not complete`]);
});

test("of another module: with its source, and with what this start sets itself", async () => {
  await recordIntent(local, { ...intent, source: "../other" });
  expect(await resumed("--set", "builder=mine")).toMatchObject({
    source: "../other",
    settings: { artifactRetentionDays: "7", builder: "mine" },
  });
});

test.each([[["--version", "1.2.0"]], [["--source", "../other"]], [["--reset"]]])(
  "a start with %j says itself what it wants",
  async (args) => {
    await recordIntent(local, intent);
    expect(await resumed(...args)).toEqual(parseOptions(args));
    expect(reports).toEqual([]);
  },
);

test("without a record, or after it is forgotten, nothing is taken up", async () => {
  expect(await resumed()).toEqual(parseOptions([]));
  await forgetIntent(local);
  await recordIntent(local, intent);
  await forgetIntent(local);
  expect(await resumed()).toEqual(parseOptions([]));
  expect(await readdir(local)).toEqual([]);
});

test("a record that is none is refused", async () => {
  await writeFile(join(local, "intent.json"), '{"version":1}');
  await expect(resumed()).rejects.toThrow();
});
