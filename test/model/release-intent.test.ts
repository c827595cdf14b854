import { describe, expect, test } from "vitest";
import { pushedTag, releaseIntent } from "../../src/model/release-intent.ts";

describe("pushedTag", () => {
  test.each([
    ["a person", {}, undefined],
    ["Pulumi Deployments", { PULUMI_CI_TAG_NAME: "v1.2.3" }, "v1.2.3"],
    ["a tag in GitHub Actions", { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.2.3" }, "v1.2.3"],
    ["a branch with the name of a tag", { GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "v1.2.3" }, undefined],
    ["a name without its type", { GITHUB_REF_NAME: "v1.2.3" }, undefined],
    ["an empty variable", { PULUMI_CI_TAG_NAME: "" }, undefined],
    ["an empty name", { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "" }, undefined],
    ["a full name", { PULUMI_CI_TAG_NAME: "refs/tags/v1.2.3" }, "v1.2.3"],
    ["both the same", { PULUMI_CI_TAG_NAME: "v1.2.3", GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.2.3" }, "v1.2.3"],
    [
      "Deployments after a push to a branch",
      { PULUMI_CI_TAG_NAME: "v1.2.3", GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "main" },
      "v1.2.3",
    ],
  ])("%s", (_name, environment, tag) => {
    expect(pushedTag(environment)).toEqual({ ok: true, ...(tag === undefined ? {} : { tag }) });
  });

  test("two different tags are refused", () => {
    expect(pushedTag({ PULUMI_CI_TAG_NAME: "v1.2.3", GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.2.4" })).toEqual({
      ok: false,
      problem: 'PULUMI_CI_TAG_NAME is "v1.2.3" and GITHUB_REF_NAME is "v1.2.4": an update releases one tag',
    });
  });
});

describe("releaseIntent", () => {
  const commit = "a".repeat(40);
  const asked = (tag?: string, version?: string, id?: string) => releaseIntent({ tag, version, commit: id });

  test.each([
    ["a tag", asked("v1.2.3"), { kind: "tag", tag: "v1.2.3", version: "1.2.3" }],
    ["a tag and the same version", asked("v1.2.3", "1.2.3"), { kind: "tag", tag: "v1.2.3", version: "1.2.3" }],
    ["a tag has its own commit", asked("v1.2.3", undefined, commit), { kind: "tag", tag: "v1.2.3", version: "1.2.3" }],
    ["a version", asked(undefined, "1.2.3"), { kind: "version", version: "1.2.3" }],
    ["a version and a commit", asked(undefined, "1.2.3", commit), { kind: "version", version: "1.2.3", commit }],
    ["a tag of another version", asked("v1.2.4", "1.2.3"), undefined],
    [
      "a tag that is no release, whatever the version is",
      asked("nightly", "1.2.3"),
      { kind: "none", tag: "nightly", reason: expect.stringContaining('"nightly" makes no release') },
    ],
    [
      "a short tag",
      asked("v1.2"),
      { kind: "none", tag: "v1.2", reason: expect.stringContaining('"v1.2" makes no release') },
    ],
    ["nothing", asked(), { kind: "none", reason: "no version tag was pushed, and the setting version is not set" }],
    [
      "a commit alone",
      asked(undefined, undefined, commit),
      { kind: "none", reason: expect.stringContaining("version is not set") },
    ],
  ])("%s", (_name, found, expected) => {
    expect(found).toEqual(expected);
  });
});
