import { beforeEach, describe, expect, test } from "vitest";
import { missing, other } from "../../src/model/difference.ts";
import { parseMarker } from "../../src/model/marker.ts";
import { markWithdrawn } from "../../src/model/withdrawal.ts";
import { type GithubReleaseInputs, implementation } from "../../src/resources/github-release.ts";
import { openStorage } from "../../src/services/artifact-storage.ts";
import {
  bodyOf,
  COMMIT,
  emptyDirectory,
  OTHER_COMMIT,
  STACK,
  sha256Hex,
  startTestGitHub,
  type TestGitHub,
} from "./services.ts";

const BYTES = Buffer.from("the amd64 binary");
const BINARY = "mount-monitor-linux-amd64";
const CHECKSUM = sha256Hex(BYTES);
const FILES = { "checksums.txt": `${CHECKSUM}  ${BINARY}\n`, "metadata.json": '{"ä": 1}\n' };
const WITHDRAWN = markWithdrawn({ title: "v1.1.0", body: "" }, "1.1.0", STACK).body;
const NAMES = [BINARY, "checksums.txt", "metadata.json"];
/** One request for each thing that is done, when nothing is there. */
const UPLOADS = NAMES.map(() => "POST /releases/ID/assets");

let github: TestGitHub;
let inputs: GithubReleaseInputs;

beforeEach(async () => {
  await emptyDirectory();
  github = await startTestGitHub();
  await store(BYTES);
  inputs = {
    repository: github.repository,
    stack: STACK,
    tag: "v1.0.0",
    version: "1.0.0",
    commit: COMMIT,
    title: "v1.0.0",
    notes: "the notes",
    prerelease: false,
    latest: true,
    files: FILES,
    binaries: { [BINARY]: { checksum: CHECKSUM, size: BYTES.length } },
  };
});

async function store(bytes: Uint8Array): Promise<void> {
  const [checksum, size] = [sha256Hex(bytes), bytes.length];
  const artifact = {
    name: BINARY,
    path: `sha256/${checksum}`,
    architecture: "amd64",
    version: "1.0.0",
    checksum,
    size,
  } as const;
  await openStorage().restore(artifact, COMMIT, bytes);
  await openStorage().use(checksum);
}

/** A whole release of ours as GitHub shows it; `change` is what somebody did to it before it was published. */
async function published(change: (draft: { id: number; upload_url: string }) => Promise<void> = async () => {}) {
  const draft = await github.draft();
  await github.attach(draft, BINARY, BYTES);
  for (const [name, text] of Object.entries(FILES)) {
    await github.attach(draft, name, text);
  }
  await change(draft);
  await github.publish(draft);
  github.history.length = 0;
  return draft.id;
}

function stored() {
  const releases = github.inspect.releases(github.repository);
  expect(releases).toHaveLength(1);
  return releases[0];
}

function assets() {
  return Object.fromEntries(stored()?.assets.map(({ name, state, sha256 }) => [name, `${state} ${sha256}`]) ?? []);
}

const COMPLETE = Object.fromEntries(
  [[BINARY, BYTES] as const, ...Object.entries(FILES)].map(([name, bytes]) => [name, `uploaded ${sha256Hex(bytes)}`]),
);

async function refusal(): Promise<string> {
  return implementation.ensure(inputs, undefined).then(
    () => "nothing was refused",
    (error: Error) => error.message,
  );
}

describe("a release that is not there", () => {
  test.each([{ immutable: false }, { immutable: true }])(
    "is drafted, filled and published last: %o",
    async ({ immutable }) => {
      github.inspect.repository(github.repository).immutableReleases = immutable;
      const facts = await implementation.ensure(inputs, undefined);
      expect(github.requests()).toEqual([
        "GET /releases",
        "GET /git/ref/tags%2Fv1.0.0",
        "POST /releases",
        ...UPLOADS,
        "GET /git/ref/tags%2Fv1.0.0",
        "PATCH /releases/ID",
        "GET /git/ref/tags%2Fv1.0.0",
        "GET /releases",
      ]);
      const release = stored();
      expect(release).toMatchObject({
        id: facts.releaseId,
        tagName: "v1.0.0",
        name: "v1.0.0",
        draft: false,
        prerelease: false,
        immutable,
      });
      expect(facts.url).toBe(`${github.url}/${github.repository}/releases/tag/v1.0.0`);
      expect(parseMarker(release?.body)).toEqual({ stack: STACK, version: "1.0.0", commit: COMMIT });
      expect(release?.body?.startsWith("the notes\n")).toBe(true);
      expect(assets()).toEqual(COMPLETE);
      expect(github.inspect.tags(github.repository)).toEqual({ "v1.0.0": COMMIT });
      expect(github.inspect.assetBytes(github.repository, "v1.0.0", BINARY)).toEqual(BYTES);
      expect(await implementation.observe({ ...inputs, ...facts })).toEqual([]);
    },
  );

  test("marks its binaries as consumed once it is published", async () => {
    await implementation.ensure(inputs, undefined);
    expect((await openStorage().entries()).map(({ state }) => state)).toEqual(["consumed"]);
  });

  test("leaves the binaries in use when it is not published", async () => {
    github.misbehave({ method: "PATCH", path: "**", action: { status: 422, body: { message: "no" } } });
    await refusal();
    expect((await openStorage().entries()).map(({ state }) => state)).toEqual(["in-use"]);
    expect(stored()?.draft).toBe(true);
  });

  test.each([
    { latest: true, mark: "true" },
    { latest: false, mark: "false" },
  ])("says itself whether it is the latest: $latest", async ({ latest, mark }) => {
    await implementation.ensure({ ...inputs, latest }, undefined);
    expect(github.history.find(({ method }) => method === "PATCH")?.summary).toBe(
      JSON.stringify({ draft: false, make_latest: mark }),
    );
  });

  test.each([
    ["a higher one that is published keeps the mark", { tag_name: "v1.1.0", body: "" }, "false"],
    ["not a higher one that is withdrawn", { tag_name: "v1.1.0", body: WITHDRAWN }, "true"],
    ["not a higher prerelease", { tag_name: "v1.1.0", body: "", prerelease: true }, "true"],
    ["not a lower one", { tag_name: "v0.9.0", body: "" }, "true"],
    ["nor what is no version", { tag_name: "nightly", body: "" }, "true"],
  ])("that was deleted is the latest again unless others came after it: %s", async (_, other, mark) => {
    await github.publish(await github.draft(other));
    github.history.length = 0;
    await implementation.ensure(inputs, { ...inputs, releaseId: 1, url: "" });
    expect(github.history.find(({ method }) => method === "PATCH")?.summary).toBe(
      JSON.stringify({ draft: false, make_latest: mark }),
    );
  });

  test.each([
    ["withdrawn", "[withdrawn] v1.0.0", "false"],
    ["not withdrawn", "v1.0.0", "true"],
  ])(
    "that GitHub made a draft of, because its tag was deleted, is the latest only if it is %s",
    async (_, name, mark) => {
      const body = mark === "true" ? bodyOf("the notes") : `${WITHDRAWN}${bodyOf("the notes")}`;
      const draft = await github.draft({ name, body });
      github.history.length = 0;
      await implementation.ensure(inputs, { ...inputs, releaseId: draft.id, url: "" });
      expect(stored()).toMatchObject({ id: draft.id, name, body });
      expect(github.history.find(({ method }) => method === "PATCH")?.summary).toBe(
        JSON.stringify({ draft: false, make_latest: mark }),
      );
    },
  );

  test("is a prerelease from the draft on", async () => {
    await implementation.ensure({ ...inputs, prerelease: true, latest: false }, undefined);
    expect(stored()).toMatchObject({ prerelease: true, draft: false });
    expect(github.inspect.repository(github.repository).latestReleaseId).toBeNull();
  });

  test("uses a tag that is there already at its commit", async () => {
    github.inspect.setTag(github.repository, "v1.0.0", COMMIT);
    await implementation.ensure(inputs, undefined);
    expect(stored()?.draft).toBe(false);
  });

  test("leaves other releases alone, drafts of other tags included", async () => {
    const other = await github.draft({ tag_name: "v0.9.0", body: "by hand" });
    await implementation.ensure(inputs, undefined);
    expect(github.inspect.releases(github.repository, "v0.9.0")).toMatchObject([{ id: other.id, draft: true }]);
  });

  test("fails before the draft is published when a binary was changed on disk", async () => {
    const other = { ...inputs, binaries: { [BINARY]: { checksum: CHECKSUM, size: BYTES.length + 1 } } };
    await expect(implementation.ensure(other, undefined)).rejects.toThrow(`${BINARY} has ${BYTES.length} bytes`);
    expect(stored()?.draft).toBe(true);
  });

  test("says which binary the storage does not have", async () => {
    const other = { ...inputs, binaries: { [BINARY]: { checksum: "0".repeat(64), size: 1 } } };
    await expect(implementation.ensure(other, undefined)).rejects.toThrow(
      `SHA-256 ${"0".repeat(64)} is not in the artifact storage`,
    );
    expect(stored()?.draft).toBe(true);
  });
});

describe("a tag", () => {
  test("that moves while the release is made leaves it a draft", async () => {
    github.hooks.onResponse = ({ method, path }) => {
      if (method === "POST" && path.endsWith("/assets")) {
        github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
      }
    };
    expect(await refusal()).toBe(
      `tag v1.0.0 of ${github.repository} is at ${OTHER_COMMIT}, this release is ${COMMIT}. ` +
        "A version tag never moves: put it back, or release the next version.",
    );
    expect(stored()?.draft).toBe(true);
    expect(github.writes()).not.toContain("PATCH /releases/ID");
  });

  test("that is elsewhere from the start is refused", async () => {
    github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
    expect(await refusal()).toContain(`is at ${OTHER_COMMIT}`);
    expect(github.writes()).toEqual([]);
  });

  test.each([
    ["moved", () => github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT), `is at ${OTHER_COMMIT}`],
  ])("that was %s after publishing is refused, and nothing is written", async (_, change, expected) => {
    await published();
    change();
    expect(await refusal()).toContain(`tag v1.0.0 of ${github.repository} ${expected}, this release is ${COMMIT}`);
    expect(github.writes()).toEqual([]);
  });
});

describe("a tag that was deleted", () => {
  test("after publishing is made again at its commit, and no other write", async () => {
    await published();
    github.inspect.deleteTag(github.repository, "v1.0.0");
    await implementation.ensure(inputs, { ...inputs, releaseId: 1, url: "" });
    expect(github.inspect.tags(github.repository)).toEqual({ "v1.0.0": COMMIT });
    expect(github.writes()).toEqual(["POST /git/refs"]);
  });

  test("is made once, also when the reply is lost", async () => {
    await published();
    github.inspect.deleteTag(github.repository, "v1.0.0");
    github.misbehave({ method: "POST", path: "/repos/*/*/git/refs", action: { applyAndDropReply: true } });
    await implementation.ensure(inputs, undefined);
    expect(github.inspect.tags(github.repository)).toEqual({ "v1.0.0": COMMIT });
    expect(github.writes()).toEqual(["POST /git/refs"]);
  });
});

describe("a draft", () => {
  test("of our own is adopted with the assets that it has", async () => {
    const draft = await github.draft();
    await github.attach(draft, BINARY, BYTES);
    github.history.length = 0;
    const facts = await implementation.ensure(inputs, undefined);
    expect(facts.releaseId).toBe(draft.id);
    expect(assets()).toEqual(COMPLETE);
    expect(github.writes()).toEqual([...UPLOADS.slice(1), "PATCH /releases/ID"]);
  });

  test("of our own that is complete is only published", async () => {
    const draft = await github.draft();
    for (const [name, bytes] of [[BINARY, BYTES] as const, ...Object.entries(FILES)]) {
      await github.attach(draft, name, bytes);
    }
    github.history.length = 0;
    await implementation.ensure(inputs, undefined);
    expect(github.writes()).toEqual(["PATCH /releases/ID"]);
  });

  test.each([
    ["its notes", { body: bodyOf("notes of an older program") }],
    ["its title", { name: "by hand" }],
    ["its mark as a prerelease", { prerelease: true }],
    ["the commit that its tag would be made at", { target_commitish: OTHER_COMMIT }],
  ])("of our own that differs in %s is made again", async (_, change) => {
    const draft = await github.draft(change);
    github.history.length = 0;
    const { releaseId } = await implementation.ensure(inputs, undefined);
    expect(releaseId).not.toBe(draft.id);
    expect(stored()).toMatchObject({ id: releaseId, name: "v1.0.0", body: bodyOf("the notes"), prerelease: false });
    expect(github.inspect.tags(github.repository)).toEqual({ "v1.0.0": COMMIT });
    expect(github.writes()).toEqual(["DELETE /releases/ID", "POST /releases", ...UPLOADS, "PATCH /releases/ID"]);
  });

  test("of our own that is carried out late, after GitHub answered 502 and was asked again, is deleted", async () => {
    github.misbehave({ method: "POST", path: "/repos/*/*/releases", action: { status: 502 } });
    let late: number | undefined;
    github.hooks.onBoundary = async ({ method }, boundary) => {
      if (method === "PATCH" && boundary === "before") late = (await github.draft()).id;
      return undefined;
    };
    const { releaseId } = await implementation.ensure(inputs, undefined);
    expect(late).not.toBe(releaseId);
    expect(github.requests()).toContain("DELETE /releases/ID");
    expect(stored()).toMatchObject({ id: releaseId, draft: false });
  });

  test("of our own beside the published release is deleted, and nobody else's", async () => {
    const id = await published();
    await github.draft();
    const other = await github.draft({ body: bodyOf("the notes", { stack: "staging" }) });
    github.history.length = 0;
    await implementation.ensure(inputs, undefined);
    expect(github.inspect.releases(github.repository).map((release) => release.id)).toEqual([id, other.id]);
    expect(github.writes()).toEqual(["DELETE /releases/ID"]);
  });

  test("of our own on a later page is found", async () => {
    const draft = await github.draft();
    for (let count = 0; count < 101; count++) {
      await github.draft({ tag_name: `v0.0.${count}`, body: "other" });
    }
    github.history.length = 0;
    expect((await implementation.ensure(inputs, undefined)).releaseId).toBe(draft.id);
    expect(github.writes()).not.toContain("POST /releases");
  });

  test("of our own that is there twice: the first one is kept, the others are deleted before it is published", async () => {
    const [first, second] = [await github.draft(), await github.draft()];
    await github.attach(second, BINARY, BYTES);
    github.history.length = 0;
    expect((await implementation.ensure(inputs, undefined)).releaseId).toBe(first.id);
    expect(github.writes()).toEqual(["DELETE /releases/ID", ...UPLOADS, "PATCH /releases/ID"]);
    expect(assets()).toEqual(COMPLETE);
  });

  test("of our own loses an asset of the wrong size, and gets the right one", async () => {
    const draft = await github.draft();
    await github.attach(draft, BINARY, BYTES.subarray(1));
    await github.attach(draft, "checksums.txt", FILES["checksums.txt"]);
    github.history.length = 0;
    await implementation.ensure(inputs, undefined);
    expect(assets()).toEqual(COMPLETE);
    expect(github.writes()).toEqual(["DELETE /releases/assets/ID", ...UPLOADS.slice(1), "PATCH /releases/ID"]);
  });

  test("of our own with other bytes of the same size is refused", async () => {
    const draft = await github.draft();
    const other = Buffer.from("THE amd64 binary");
    await github.attach(draft, BINARY, other);
    github.history.length = 0;
    const message = await refusal();
    expect(message).toContain(
      `asset ${BINARY} of v1.0.0 is uploaded, ${BYTES.length} bytes, SHA-256 ${sha256Hex(other)}`,
    );
    expect(message).toContain(`recorded are ${BYTES.length} bytes, SHA-256 ${CHECKSUM}`);
    expect(github.writes()).toEqual([]);
  });

  test("of our own with an asset that does not belong to it is refused", async () => {
    await github.attach(await github.draft(), "extra.txt", "by hand");
    github.history.length = 0;
    expect(await refusal()).toContain("asset extra.txt of v1.0.0 does not belong to the release");
    expect(github.writes()).toEqual([]);
  });

  test.each([
    ["nobody's", "by hand"],
    ["another stack's", bodyOf("the notes", { stack: "staging" })],
    ["another commit's", bodyOf("the notes", { commit: OTHER_COMMIT })],
  ])("of somebody else (%s) is named, and nothing is written", async (_, body) => {
    const [own, foreign] = [await github.draft(), await github.draft({ body })];
    github.history.length = 0;
    const message = await refusal();
    expect(message).toContain(
      `${github.repository} has a draft of v1.0.0 that this stack did not make for ${COMMIT}: ${foreign.id} (`,
    );
    expect(message).not.toContain(`${own.id} (`);
    expect(message).toContain("Publish or delete it on GitHub, then run again.");
    expect(github.writes()).toEqual([]);
  });
});

describe("a release that was immutable and is deleted", () => {
  const recorded = () => ({ ...inputs, releaseId: 1, url: "" });
  const REFUSED =
    /^GitHub answered 422 to PATCH .*tag_name was used by an immutable release.* GitHub gives the tag of an immutable release to no other: release the next version$/;

  test("is not published again: GitHub refuses its tag, no draft is left, and the error says what to do", async () => {
    github.inspect.repository(github.repository).immutableTags.push("v1.0.0");
    await expect(implementation.ensure(inputs, recorded())).rejects.toThrow(REFUSED);
    expect(github.inspect.releases(github.repository)).toEqual([]);
  });

  test("keeps a draft that was there before", async () => {
    const { id } = await github.draft();
    github.inspect.repository(github.repository).immutableTags.push("v1.0.0");
    await expect(implementation.ensure(inputs, recorded())).rejects.toThrow(REFUSED);
    expect(github.inspect.releases(github.repository)).toEqual([expect.objectContaining({ id, draft: true })]);
  });

  test("is no reason to remove a draft of what was never published", async () => {
    github.inspect.repository(github.repository).immutableTags.push("v1.0.0");
    await expect(implementation.ensure(inputs, undefined)).rejects.toThrow(/used by an immutable release$/);
    expect(github.inspect.releases(github.repository)).toEqual([expect.objectContaining({ draft: true })]);
  });
});

describe("a reply that is lost", () => {
  test.each([
    ["of the draft", "POST", "/repos/*/*/releases", "POST /releases"],
    ["of an upload", "POST", "/repos/*/*/releases/*/assets", "POST /releases/ID/assets"],
    ["of publishing", "PATCH", "/repos/*/*/releases/*", "PATCH /releases/ID"],
  ])("%s does not double what was done", async (_, method, path, request) => {
    github.misbehave({ method, path, action: { applyAndDropReply: true } });
    await implementation.ensure(inputs, undefined);
    expect(stored()?.draft).toBe(false);
    expect(assets()).toEqual(COMPLETE);
    const expected = ["POST /releases", ...UPLOADS, "PATCH /releases/ID"];
    expect(github.writes().filter((write) => write === request)).toEqual(expected.filter((write) => write === request));
  });

  test("leaves a broken upload that is replaced", async () => {
    github.misbehave({
      method: "POST",
      path: "/repos/*/*/releases/*/assets",
      action: { status: 502, body: "bad gateway", leaveStarter: true },
    });
    await implementation.ensure(inputs, undefined);
    expect(assets()).toEqual(COMPLETE);
    expect(github.writes()).toContain("DELETE /releases/assets/ID");
  });
});

describe("a release that is published", () => {
  test("with the same bytes is not written to", async () => {
    const id = await published();
    expect(await implementation.ensure(inputs, undefined)).toEqual({
      releaseId: id,
      url: `${github.url}/${github.repository}/releases/tag/v1.0.0`,
    });
    expect(github.writes()).toEqual([]);
  });

  test("with the same bytes is not written to although it is immutable", async () => {
    github.inspect.repository(github.repository).immutableReleases = true;
    await published();
    await implementation.ensure(inputs, undefined);
    expect(github.writes()).toEqual([]);
  });

  test("with other bytes is refused: every difference is named", async () => {
    await published();
    const other = Buffer.from("another binary");
    github.inspect.setAssetBytes(github.repository, "v1.0.0", BINARY, other);
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "checksums.txt", Buffer.from("changed"));
    const message = await refusal();
    expect(message).toContain(
      `asset ${BINARY} of v1.0.0 is uploaded, ${other.length} bytes, SHA-256 ${sha256Hex(other)}`,
    );
    expect(message).toContain(`asset checksums.txt of v1.0.0 is uploaded, 7 bytes, SHA-256 ${sha256Hex("changed")}`);
    expect(message).not.toContain("metadata.json");
    expect(github.writes()).toEqual([]);
  });

  test("with an asset that does not belong to it is refused, and nothing is restored", async () => {
    await published();
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "extra.txt", Buffer.from("by hand"));
    github.inspect.deleteAsset(github.repository, "v1.0.0", BINARY);
    expect(await refusal()).toContain("asset extra.txt of v1.0.0 does not belong to the release");
    expect(github.writes()).toEqual([]);
  });

  test("with another mark as a prerelease is refused", async () => {
    await published();
    expect(
      await implementation.ensure({ ...inputs, prerelease: true }, undefined).catch(({ message }) => message),
    ).toContain("release v1.0.0 is not marked as a prerelease");
    expect(github.writes()).toEqual([]);
  });

  test("and lost an asset gets that one back, and no other write", async () => {
    await published();
    github.inspect.deleteAsset(github.repository, "v1.0.0", BINARY);
    await implementation.ensure(inputs, undefined);
    expect(assets()).toEqual(COMPLETE);
    expect(github.writes()).toEqual(["POST /releases/ID/assets"]);
  });

  test("keeps a title and notes that a withdrawal changed", async () => {
    await published();
    Object.assign(stored() ?? {}, { name: "v1.0.0 (withdrawn)", body: bodyOf("withdrawn") });
    const facts = await implementation.ensure(inputs, undefined);
    expect(github.writes()).toEqual([]);
    expect(await implementation.observe({ ...inputs, ...facts })).toEqual([]);
  });
});

describe("a refresh", () => {
  const observe = () => implementation.observe({ ...inputs, releaseId: 1, url: "" });

  test("says that the release is missing; a draft is none", async () => {
    const gone = [
      missing(`tag v1.0.0 is missing from ${github.repository}, recorded is ${COMMIT}`),
      missing(`release v1.0.0 is missing from ${github.repository}`),
    ];
    expect(await observe()).toEqual(gone);
    await github.draft();
    expect(await observe()).toEqual(gone);
  });

  test("says all that was changed by hand", async () => {
    await published();
    github.inspect.deleteAsset(github.repository, "v1.0.0", "metadata.json");
    github.inspect.setAssetBytes(github.repository, "v1.0.0", BINARY, Buffer.from("other"));
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "extra.txt", Buffer.from("x"));
    github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
    Object.assign(stored() ?? {}, { prerelease: true });
    expect(await observe()).toEqual([
      other(`tag v1.0.0 is at ${OTHER_COMMIT}, recorded is ${COMMIT}`),
      other("release v1.0.0 is marked as a prerelease, recorded is not marked as a prerelease"),
      other(
        `asset ${BINARY} of v1.0.0 is uploaded, 5 bytes, SHA-256 ${sha256Hex("other")}; ` +
          `recorded are ${BYTES.length} bytes, SHA-256 ${CHECKSUM}`,
      ),
      missing("asset metadata.json of v1.0.0 is missing"),
      other("asset extra.txt of v1.0.0 does not belong to the release"),
    ]);
    expect(github.writes()).toEqual([]);
  });

  test("says that the tag is gone", async () => {
    await published();
    github.inspect.deleteTag(github.repository, "v1.0.0");
    expect(await observe()).toEqual([
      missing(`tag v1.0.0 is missing from ${github.repository}, recorded is ${COMMIT}`),
    ]);
  });

  test("fails when GitHub refuses to answer", async () => {
    github.misbehave({ path: "/repos/*/*/releases/tags/*", action: { status: 403, body: { message: "forbidden" } } });
    await expect(observe()).rejects.toThrow("403");
  });

  test("fails when GitHub hides the repository from the token: that is nothing missing", async () => {
    await published();
    expect(await observe()).toEqual([]);
    for (const path of ["/repos/*/*/releases/tags/*", "/repos/*/*/git/ref/*", "/repos/*/*"]) {
      github.misbehave({ path, action: { status: 404, body: { message: "Not Found" } } });
    }
    await expect(observe()).rejects.toThrow(
      /^GitHub answered 404 to GET \S+: Not Found\. Check the setting repository, and that the token may see it/,
    );
  });
});

describe("what was recorded", () => {
  const recorded = () => ({ ...inputs, releaseId: 1, url: "" });

  test("is not replaced by what somebody put in its place: preview and update refuse, naming both", async () => {
    await published();
    const text = "changed by hand\n";
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "checksums.txt", Buffer.from(text));
    // A program that takes the published texts for the facts declares this.
    const declared = { ...inputs, files: { ...FILES, "checksums.txt": text } };
    const message =
      "v1.0.0 is written once, and it is not what was published; nothing was changed:\n" +
      `asset checksums.txt of v1.0.0 has SHA-256 ${sha256Hex(text)}, recorded is ${sha256Hex(FILES["checksums.txt"])}\n` +
      "Two ways out: withdraw it (add 1.0.0 to the setting mount-monitor:withdrawn) and release the next version; or settle it by hand";
    const [conflict, ...others] = (await implementation.conflicts?.(declared, recorded())) ?? [];
    expect(conflict?.startsWith(message)).toBe(true);
    expect(others).toEqual([]);
    await expect(implementation.ensure(declared, recorded())).rejects.toThrow(message);
    expect(github.writes()).toEqual([]);
  });

  test.each<[string, () => void, string]>([
    ["a moved tag", () => github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT), `is at ${OTHER_COMMIT}`],
    ["a mark", () => Object.assign(stored() ?? {}, { prerelease: true }), "is marked as a prerelease"],
    [
      "other bytes",
      () => github.inspect.setAssetBytes(github.repository, "v1.0.0", BINARY, Buffer.from("x")),
      `SHA-256 ${sha256Hex("x")}; recorded are ${BYTES.length} bytes, SHA-256 ${CHECKSUM}`,
    ],
  ])("is compared again in a preview after a refresh saw %s, and not without drift", async (_, change, expected) => {
    await published();
    change();
    expect(await implementation.conflicts?.(inputs, { ...recorded(), drift: ["x"] })).toEqual([
      expect.stringContaining(expected),
    ]);
    expect(await implementation.conflicts?.({ ...inputs, tag: "v1.1.0" }, { ...recorded(), drift: ["x"] })).toEqual([]);
    expect(await implementation.conflicts?.(inputs, recorded())).toEqual([]);
  });

  test("is restored where it is missing: no conflict", async () => {
    await published();
    github.inspect.deleteAsset(github.repository, "v1.0.0", BINARY);
    github.inspect.deleteTag(github.repository, "v1.0.0");
    expect(await implementation.conflicts?.(inputs, { ...recorded(), drift: ["x"] })).toEqual([]);
  });

  test("is another's business when the repository is another", async () => {
    const elsewhere = { ...inputs, repository: "octo/elsewhere", commit: OTHER_COMMIT, releaseId: 1, url: "" };
    expect(await implementation.conflicts?.(inputs, { ...elsewhere, drift: ["moved"] })).toEqual([]);
    await implementation.ensure(inputs, elsewhere);
    expect(stored()).toMatchObject({ draft: false, tagName: "v1.0.0" });
  });

  test("is another's business when the version is another", async () => {
    expect(await implementation.conflicts?.({ ...inputs, tag: "v1.1.0", commit: OTHER_COMMIT }, recorded())).toEqual(
      [],
    );
  });
});

describe("an upload to a published release that broke", () => {
  test("leaves nothing that was published: it is replaced", async () => {
    await published();
    github.inspect.deleteAsset(github.repository, "v1.0.0", BINARY);
    Object.assign(stored()?.assets[0] ?? {}, { state: "starter", size: 0, sha256: null });
    await implementation.ensure(inputs, undefined);
    expect(assets()).toEqual(COMPLETE);
  });
});
