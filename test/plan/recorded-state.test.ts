import { expect, test } from "vitest";
import { overwrittenSecrets, releasedTag } from "../../src/plan/recorded-state.ts";

const [EARLIER, LATER] = ["2026-01-02T03:04:05Z", "2026-02-03T04:05:06Z"];
const state = (outputs: unknown) => async () => ({
  "urn:other": { type: "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret", outputs: { written: {} } },
  "urn:check": { type: "pulumi-nodejs:dynamic/release:SecretCheck", outputs },
});

test("the state knows the secrets that somebody else has written: those that are settled, and what the refresh saw since", async () => {
  const settled = { KEY: EARLIER, OTHER: EARLIER };
  expect(await overwrittenSecrets("prod", state({ written: {}, settled, foreign: { KEY: LATER } }))).toEqual({
    KEY: LATER,
    OTHER: EARLIER,
  });
});

test("it knows none where nothing looks at secrets, or nothing was seen", async () => {
  expect(await overwrittenSecrets("prod", async () => ({}))).toEqual({});
  expect(await overwrittenSecrets("prod", state({ written: { KEY: EARLIER }, settled: {}, foreign: {} }))).toEqual({});
});

test("the state knows the tag of the release that was published, and of no other", async () => {
  const release = { tag: "v1.1.0", releaseId: 7, files: { "metadata.json": "{}" } };
  expect(await releasedTag("prod", state(release))).toBe("v1.1.0");
  expect(await releasedTag("prod", state({ tag: "v1.2.0", digest: "sha256:" }))).toBeUndefined();
});
