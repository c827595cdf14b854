import { describe, expect, test } from "vitest";
import { packText } from "../../src/model/packed-text.ts";
import {
  overwrittenSecrets,
  recalledMetadata,
  recordedReleases,
  recordedUrns,
  workflowLooks,
} from "../../src/plan/recorded-state.ts";

const [EARLIER, LATER] = ["2026-01-02T03:04:05Z", "2026-02-03T04:05:06Z"];
const state = (outputs: unknown) => ({
  "urn:other": { type: "github:index/actionsEnvironmentSecret:ActionsEnvironmentSecret", outputs: { written: {} } },
  "urn:check": { type: "pulumi-nodejs:dynamic/release:SecretCheck", outputs },
});

test("the state knows the secrets that somebody else has written: those that are settled, and what the refresh saw since", () => {
  const settled = { KEY: EARLIER, OTHER: EARLIER };
  expect(overwrittenSecrets(state({ written: {}, settled, foreign: { KEY: LATER } }))).toEqual({
    KEY: LATER,
    OTHER: EARLIER,
  });
});

test("it knows none where nothing looks at secrets, or nothing was seen", () => {
  expect(overwrittenSecrets({})).toEqual({});
  expect(overwrittenSecrets(state({ written: { KEY: EARLIER }, settled: {}, foreign: {} }))).toEqual({});
});

test("it knows its resources, and how often workflows that differ were looked at", () => {
  expect(recordedUrns(state({}))).toEqual(["urn:other", "urn:check"]);
  expect(workflowLooks({})).toBe(0);
  expect(workflowLooks(state({ blobs: { "x.yml": "1" } }))).toBe(0);
  expect(workflowLooks(state({ blobs: { "x.yml": "1" }, pending: {}, look: 2 }))).toBe(2);
});

describe("the state knows what was published", () => {
  const here = { repository: "octo/demo", image: "ghcr.io/octo/demo" };
  const release = { repository: "Octo/Demo", tag: "v1.1.0", releaseId: 7, files: { "metadata.json": "{}" } };
  const digest = `sha256:${"1".repeat(64)}`;
  const ledger = { ...here, releases: { "1.0.0": { commit: "c", digest, checksums: {} } } };

  test("the release that its resources stand for, and every line of the ledger", () => {
    expect(recordedReleases(state(release), here)).toEqual({ current: "v1.1.0", digests: {} });
    expect(recordedReleases(state(ledger), here)).toEqual({ current: undefined, digests: { "1.0.0": digest } });
  });

  test("the record of a release, from its resource or from the ledger, of this place alone", () => {
    const line = { digest, metadata: packText("packed") };
    const lines = { ...ledger, releases: { "1.0.0": line } };
    expect(recalledMetadata(state(release), "v1.1.0", here)).toBe("{}");
    expect(recalledMetadata(state(release), "v1.0.0", here)).toBeUndefined();
    expect(recalledMetadata(state({ ...release, repository: "octo/other" }), "v1.1.0", here)).toBeUndefined();
    expect(recalledMetadata(state(lines), "v1.0.0", here)).toBe("packed");
    expect(recalledMetadata(state(lines), "v1.1.0", here)).toBeUndefined();
    expect(recalledMetadata(state({ ...lines, repository: "octo/other" }), "v1.0.0", here)).toBeUndefined();
    expect(recalledMetadata(state({ ...lines, image: "ghcr.io/octo/other" }), "v1.0.0", here)).toBeUndefined();
  });

  test.each([
    ["of a release that was not published yet", { ...release, releaseId: undefined }],
    ["of a release in another repository", { ...release, repository: "octo/other" }],
    ["of a ledger of another repository", { ...ledger, repository: "octo/other" }],
    ["of a ledger of another image", { ...ledger, image: "ghcr.io/octo/other" }],
    ["of other resources", { tag: "v1.2.0", digest: "sha256:" }],
  ])("nothing %s", (_, outputs) => {
    expect(recordedReleases(state(outputs), here)).toEqual({ current: undefined, digests: {} });
  });
});
