import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, makeClone } from "./clone.ts";
import { operate as perform } from "./order.ts";
import { openWorld } from "./world.ts";

const REPOSITORY = "octo-example/mount-monitor";

// What happens to a release afterwards: tampered with in the storage of GitHub and registry, not through our clients.
describe("a published release", { timeout: 600_000 }, () => {
  let clone: Clone;
  let before: unknown;
  let checksums: Buffer | undefined;
  let artifacts: Buffer | undefined;
  /** Hexadecimal digest of the manifest of linux/arm64. */
  let arm64: string;

  beforeAll(async () => {
    clone = await makeClone("drift");
    await clone.start();
    await using world = await openWorld(clone.path);
    before = await world.published("1.0.0");
    checksums = world.assets("v1.0.0")["checksums.txt"];
    const { index } = before as { index: { manifests: { digest: string; platform: { architecture: string } }[] } };
    arm64 = index.manifests.find(({ platform }) => platform.architecture === "arm64")?.digest.slice(7) ?? "";
  }, 300_000);
  afterAll(() => clone.remove());

  const operate = async (operation: "refresh" | "preview" | "up" | "destroy") =>
    (await perform(clone.path, operation)).said;

  const manifests = (...names: string[]) =>
    join(clone.path, ".local/registry/docker/registry/v2/repositories", REPOSITORY, "_manifests", ...names);
  const tags = (tag: string) => manifests("tags", tag);

  test("is not changed by a refresh when nobody touched it", async () => {
    expect(await operate("refresh")).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test("missing assets, the record of the release among them, and missing tags are seen by refresh, named by the preview, and restored byte by byte", async () => {
    {
      await using world = await openWorld(clone.path);
      world.tamper.deleteAsset(REPOSITORY, "v1.0.0", "mount-monitor-linux-arm64");
      world.tamper.deleteAsset(REPOSITORY, "v1.0.0", "metadata.json");
    }
    await rm(tags("v1.0.0"), { recursive: true });
    await rm(tags("latest"), { recursive: true });
    await rm(join(clone.path, ".artifacts"), { recursive: true });
    expect(await operate("refresh")).toMatch(/GithubRelease release-github updated .*\[diff: ~drift\]/);
    const shown = await operate("preview");
    expect(shown).toContain("asset mount-monitor-linux-arm64 of v1.0.0 is missing");
    expect(shown).toContain("asset metadata.json of v1.0.0 is missing");
    expect(shown).toMatch(/mount-monitor:v1\.0\.0 is missing from the registry/);
    expect(shown).toMatch(/mount-monitor:latest is missing from the registry/);

    expect(await operate("up")).toMatch(/\d+ updated/);
    await using world = await openWorld(clone.path);
    const after = await world.published("1.0.0");
    expect(contentOf(after)).toEqual(contentOf(before));
    expect(await world.digestOf("latest")).toBe(await world.digestOf("v1.0.0"));
    expect((await clone.start()).shown).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test("the manifest of one platform, deleted while its index stays, and the draft that GitHub makes of a release whose tag is deleted, are seen and restored byte by byte", async () => {
    {
      await using world = await openWorld(clone.path);
      world.tamper.deleteTag(REPOSITORY, "v1.0.0");
      Object.assign(world.release("v1.0.0"), { draft: true, publishedAt: null });
      world.tamper.save();
    }
    const deleted = manifests("revisions/sha256", arm64);
    const stored = join(
      clone.path,
      ".local/registry/docker/registry/v2/blobs/sha256",
      arm64.slice(0, 2),
      arm64,
      "data",
    );
    const bytes = await readFile(stored);
    await rm(deleted, { recursive: true });
    await rm(stored);
    expect(await operate("refresh")).toMatch(/Manifest image-manifest updated .*\[diff: ~drift\]/);
    const preview = await operate("preview");
    expect(preview).toContain("release v1.0.0 is missing from");
    expect(preview).toContain(`lacks the manifest of linux/arm64, sha256:${arm64.slice(0, 20)}`);
    expect(await operate("up")).toMatch(/Manifest image-manifest updated/);
    expect(await readFile(stored)).toEqual(bytes);
    expect((await readFile(join(deleted, "link"), "utf8")).trim()).toBe(`sha256:${arm64}`);
    {
      await using world = await openWorld(clone.path);
      expect(world.release("v1.0.0").draft).toBe(false);
      expect(contentOf(await world.published("1.0.0"))).toEqual(contentOf(before));
    }
    expect((await clone.start()).shown).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test("an asset with other bytes is seen by refresh, and never overwritten", async () => {
    const other = Buffer.from("something else");
    {
      await using world = await openWorld(clone.path);
      world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", "checksums.txt", other);
    }
    expect(await operate("refresh")).toMatch(/GithubRelease release-github updated .*\[diff: ~drift\]/);
    // The text is no longer one that checksums can be read from, so that the plan refuses it.
    expect(await operate("preview")).toContain("v1.0.0 is written once, and it is not what was published");
    await expect(clone.start()).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("checksums.txt"),
    });
    await using world = await openWorld(clone.path);
    expect(world.assets("v1.0.0")["checksums.txt"]).toEqual(other);
    world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", "checksums.txt", checksums ?? Buffer.alloc(0));
  });

  test("a text that the plan cannot know to be another is refused by what the state recorded, in the preview", async () => {
    {
      await using world = await openWorld(clone.path);
      artifacts = world.assets("v1.0.0")["artifacts.json"];
      world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", "artifacts.json", Buffer.from("[]\n"));
    }
    const shown = await operate("preview");
    expect(shown).toContain("asset artifacts.json of v1.0.0 has SHA-256");
    expect(shown).toContain("Two ways out: withdraw it");
    await using world = await openWorld(clone.path);
    expect(world.assets("v1.0.0")["artifacts.json"]?.toString()).toBe("[]\n");
    world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", "artifacts.json", artifacts ?? Buffer.alloc(0));
  });

  test("stays when the stack is destroyed", async () => {
    expect(await operate("destroy")).toMatch(/\d+ deleted/);
    await using world = await openWorld(clone.path);
    expect(contentOf(await world.published("1.0.0"))).toEqual(contentOf(before));
    expect(await world.digestOf("latest")).toBe(await world.digestOf("v1.0.0"));
  });

  test("is declared again by a stack that lost its state, without a write", async () => {
    const earlier = (await clone.githubRequests()).length;
    const { outputs } = await clone.start(["--version", "1.0.0"]);
    expect(outputs.version).toBe("1.0.0");
    expect((await clone.githubRequests()).slice(earlier).filter(({ method }) => method !== "GET")).toEqual([]);
  });

  test("that was deleted on GitHub with its tag, the newest and an older one, is published again by an update that names none", async () => {
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// 1.1.0\n`, "feat: go on");
    await clone.start(["--version", "1.1.0"]);
    const readable = async () => {
      await using world = await openWorld(clone.path);
      return {
        ...{ "1.0.0": contentOf(await world.published("1.0.0")), "1.1.0": contentOf(await world.published("1.1.0")) },
        notes: [world.notes("v1.0.0"), world.notes("v1.1.0")],
        latest: [await world.latestRelease(), await world.digestOf("latest")],
      };
    };
    const published = await readable();
    {
      await using world = await openWorld(clone.path);
      // What is left was published by another tool.
      const theirs = { ...world.release("v1.0.0"), id: 1, tagName: "v0.1.0", body: "by hand", assets: [] };
      world.tamper.repository(REPOSITORY).releases = [theirs];
      world.tamper.setTag(REPOSITORY, "v0.1.0", world.tamper.tags(REPOSITORY)["v1.0.0"] ?? "");
      for (const tag of ["v1.0.0", "v1.1.0"]) world.tamper.deleteTag(REPOSITORY, tag);
    }
    await rm(join(clone.path, ".artifacts"), { recursive: true });
    expect(await operate("refresh")).toMatch(/Ledger release-ledger updated .*\[diff: .*~drift/);
    const preview = await operate("preview");
    for (const tag of ["v1.0.0", "v1.1.0"]) expect(preview).toContain(`release ${tag} is missing from`);
    expect(preview).not.toMatch(/~ (?:version|digest) /);
    expect(await operate("up")).toMatch(/\d+ updated/);
    expect(await readable()).toEqual(published);
    expect(await operate("refresh")).toMatch(/Resources:\n\s+\d+ unchanged\n/);
    expect((await clone.start()).shown).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test("that differs is accepted by hand: the stack forgets its record, and records what is published", async () => {
    const theirs = Buffer.from("[]\n");
    {
      await using world = await openWorld(clone.path);
      world.tamper.setAssetBytes(REPOSITORY, "v1.1.0", "artifacts.json", theirs);
    }
    const refused = await perform(clone.path, "up");
    expect(refused.ok).toBe(false);
    expect(refused.said).toContain("pulumi state delete --target-dependents URN");
    const urn = "mount-monitor:release:Release$pulumi-nodejs:dynamic/release:GithubRelease::release-github";
    const order = { urn: `urn:pulumi:local::mount-monitor::${urn}` };
    expect(await perform(clone.path, "forget", order)).toMatchObject({ ok: true });
    // Without a record nobody says which release is meant: the last one that was published, which is the one made again.
    expect((await perform(clone.path, "up", { version: "1.1.0" })).said).toMatch(
      /\+ [5-9] created\n\s+\d+ unchanged\n/,
    );
    expect(await operate("refresh")).toMatch(/Resources:\n\s+\d+ unchanged\n/);
    await using world = await openWorld(clone.path);
    expect(world.assets("v1.1.0")["artifacts.json"]).toEqual(theirs);
  });
});

/** What readers get of a release: names, bytes and digests, without the ids that GitHub gives. */
function contentOf(published: unknown): unknown {
  const { commit, assets, digest, index } = published as Record<string, unknown>;
  return { commit, assets: [...(assets as [string, string][])].sort(), digest, index };
}
