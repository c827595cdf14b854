import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, makeClone, type Request, writes } from "./clone.ts";
import { operate } from "./order.ts";
import { openWorld, type World } from "./world.ts";

// One stack over time, as a maintainer lives it: each test goes on where the one before it ended.
describe("the releases of one stack", () => {
  let clone: Clone;
  // What the first release asked the two services for.
  let asked: Record<"github" | "registry", readonly Request[]>;
  // biome-ignore lint/suspicious/noExplicitAny: stack outputs as a reader of --json sees them
  const released: Record<string, any> = {};

  beforeAll(async () => {
    clone = await makeClone("story", "everything");
  });
  afterAll(() => clone.remove());

  async function inWorld<T>(look: (world: World) => Promise<T>): Promise<T> {
    await using world = await openWorld(clone.path);
    return await look(world);
  }

  /** Everything that readers can see of a version: digests of the image, the tag and each asset's bytes. */
  const published = (version: string) => inWorld((world) => world.published(version));

  test("1.0.0 is released with one command", async () => {
    const { outputs } = await clone.start();
    released["1.0.0"] = outputs;
    asked = {
      github: await clone.githubRequests(),
      // The bare /v2/ is the rehearsal's own question whether the registry is up.
      registry: (await clone.registryRequests()).filter(({ path }) => path !== "/v2/"),
    };

    expect(Object.keys(outputs).sort()).toEqual([
      "artifacts",
      "channels",
      "commit",
      "image",
      "release",
      "tag",
      "version",
    ]);
    expect(outputs).toMatchObject({
      version: "1.0.0",
      tag: "v1.0.0",
      commit: await clone.git("rev-parse", "HEAD"),
      channels: { latest: "1.0.0", "1": "1.0.0", "1.0": "1.0.0" },
    });
    expect(outputs.artifacts.map(({ name }: { name: string }) => name)).toEqual([
      "mount-monitor-linux-amd64",
      "mount-monitor-linux-arm64",
    ]);
    expect(Object.keys(outputs.release.assets).sort()).toEqual([
      "artifacts.json",
      "checksums.txt",
      "metadata.json",
      "mount-monitor-linux-amd64",
      "mount-monitor-linux-arm64",
    ]);
  });

  test("binary in the image, in the release and in checksums.txt are the same bytes", async () => {
    await inWorld(async (world) => {
      const assets = world.assets("v1.0.0");
      for (const { name, architecture, checksum, size } of released["1.0.0"].artifacts) {
        const bytes = assets[name];
        expect(sha256(bytes)).toBe(checksum);
        expect(bytes?.length).toBe(size);
        expect(assets["checksums.txt"]?.toString()).toContain(`${checksum}  ${name}\n`);
        expect(await world.binaryInImage("v1.0.0", `linux/${architecture}`, "mount-monitor")).toBe(checksum);
      }
    });
  });

  test("sha256sum -c accepts the downloaded checksums.txt and binaries", async () => {
    const { directory, assets } = await inWorld((world) => world.download("v1.0.0"));
    expect(assets).toHaveLength(5);
    const { stdout } = await execa("sha256sum", ["-c", "checksums.txt"], { cwd: directory });
    expect(stdout.split("\n").sort()).toEqual(["mount-monitor-linux-amd64: OK", "mount-monitor-linux-arm64: OK"]);
  });

  test("a foreign client reads the image for both platforms", async () => {
    const platforms = await inWorld((world) => world.inspectWithBuildx("v1.0.0"));
    expect(platforms).toEqual({
      digest: released["1.0.0"].image.digest,
      platforms: released["1.0.0"].image.digests,
    });
  });

  test("the released binary says its version, and the image has the labels and the user of the design", async () => {
    const { directory } = await inWorld((world) => world.download("v1.0.0"));
    const { stdout } = await execa("sh", [
      "-c",
      'chmod +x "$0" && "$0" --version',
      join(directory, `mount-monitor-linux-${hostArchitecture()}`),
    ]);
    expect(stdout).toBe("1.0.0");
    const config = await inWorld((world) => world.imageConfig("v1.0.0", "linux/arm64"));
    expect(config).toMatchObject({
      User: "65534:65534",
      Entrypoint: ["/mount-monitor"],
      ExposedPorts: { "8080/tcp": {} },
    });
    expect(config.Labels).toMatchObject({
      "org.opencontainers.image.version": "1.0.0",
      "org.opencontainers.image.revision": released["1.0.0"].commit,
      "org.opencontainers.image.created": "2026-01-02T03:04:05Z",
      "org.opencontainers.image.licenses": "Apache-2.0",
      "org.opencontainers.image.source": "https://github.com/octo-example/mount-monitor",
    });
  });

  test("nothing of where it ran is published", async () => {
    const texts = await inWorld(async (world) => {
      const assets = world.assets("v1.0.0");
      return ["metadata.json", "artifacts.json", "checksums.txt"]
        .map((name) => String(assets[name]))
        .concat(world.notes("v1.0.0"));
    });
    for (const text of texts) {
      expect(text).not.toMatch(/127\.0\.0\.1|localhost/);
      expect(text).not.toContain(clone.path);
    }
  });

  test("a release asks GitHub and the registry for at most 30 things each", () => {
    const ofRelease = asked.github.filter(({ path }) => /\/(releases|git|assets)\//.test(`${path}/`));
    expect(writes(ofRelease).length).toBeGreaterThan(5);
    expect(ofRelease.length).toBeLessThanOrEqual(30);
    // Setting up the repository is another matter, done once: nothing of a release is among it.
    const others = asked.github.filter((request) => !ofRelease.includes(request));
    const setUp =
      /\/(contents|commits|actions|environments|rulesets|immutable-releases)\/|^\/orgs\/|^\/repos\/[^/]+\/[^/]+\/$/;
    expect(others.filter(({ path }) => !setUp.test(`${path}/`))).toEqual([]);
    expect(writes(asked.registry).length).toBeGreaterThan(5);
    expect(asked.registry.length).toBeLessThanOrEqual(30);
  });

  test("npm start again changes nothing", async () => {
    const before = (await clone.githubRequests()).length;
    const { outputs, shown } = await clone.start();
    expect(outputs).toEqual(released["1.0.0"]);
    expect(shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    expect(writes((await clone.githubRequests()).slice(before))).toEqual([]);
  });

  test("1.1.0 is previewed to the byte: checksums, digest and channels, without a replacement or a delete", async () => {
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// 1.1.0\n`, "feat(watch): a line more");
    const before = (await clone.githubRequests()).length;
    const shown = await preview(["--version", "1.1.0"]);
    expect(writes((await clone.githubRequests()).slice(before))).toEqual([]);

    const { outputs } = await clone.start(["--version", "1.1.0"]);
    released["1.1.0"] = outputs;
    for (const { checksum } of outputs.artifacts) {
      expect(shown).toContain(checksum);
    }
    expect(shown).toContain(outputs.image.digest);
    expect(shown).toMatch(/tag\s*: "v1\.0\.0" => "v1\.1\.0"/);
    expect(outputs.channels).toEqual({ latest: "1.1.0", "1": "1.1.0", "1.0": "1.0.0", "1.1": "1.1.0" });
  });

  test("1.1.0 has the notes of what changed since 1.0.0", async () => {
    const notes = await inWorld(async (world) => world.notes("v1.1.0"));
    expect(notes).toContain("a line more");
    expect(notes).toContain("https://github.com/octo-example/mount-monitor/compare/v1.0.0...v1.1.0");
    expect(notes).toContain(`ghcr.io/octo-example/mount-monitor:v1.1.0@${released["1.1.0"].image.digest}`);
  });

  test("1.0.1 after it leaves latest, 1 and GitHub's Latest mark alone, and every byte of 1.0.0 and 1.1.0", async () => {
    const earlier = [await published("1.0.0"), await published("1.1.0")];
    await clone.git("checkout", "-q", "-b", "backport", released["1.0.0"].commit);
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// 1.0.1\n`, "fix: a line less");
    await preview(["--version", "1.0.1"]);
    const { outputs } = await clone.start(["--version", "1.0.1"]);
    released["1.0.1"] = outputs;

    expect(outputs.channels).toEqual({ latest: "1.1.0", "1": "1.1.0", "1.0": "1.0.1", "1.1": "1.1.0" });
    expect([await published("1.0.0"), await published("1.1.0")]).toEqual(earlier);
    await inWorld(async (world) => {
      expect(await world.latestRelease()).toBe("v1.1.0");
      expect(await world.digestOf("latest")).toBe(released["1.1.0"].image.digest);
      expect(await world.digestOf("1")).toBe(released["1.1.0"].image.digest);
      expect(await world.digestOf("1.0")).toBe(outputs.image.digest);
    });
  });

  test("1.2.0-rc.1 is a prerelease and moves no channel", async () => {
    await clone.git("checkout", "-q", "main");
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// rc\n`, "feat: try it");
    await preview(["--version", "1.2.0-rc.1"]);
    const { outputs } = await clone.start(["--version", "1.2.0-rc.1"]);
    expect(outputs.channels).toEqual(released["1.0.1"].channels);
    await inWorld(async (world) => {
      expect(world.release("v1.2.0-rc.1")).toMatchObject({ prerelease: true, draft: false });
      expect(await world.latestRelease()).toBe("v1.1.0");
      expect(await world.digestOf("latest")).toBe(released["1.1.0"].image.digest);
    });
  });

  test.each(["v1.2", "1.2", "01.2.0"])("version %s is refused before anything is started over", async (version) => {
    await expect(clone.start(["--version", version])).rejects.toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(`mount-monitor:version is ${JSON.stringify(version)}`),
    });
  });

  test("a version that is published from another commit is refused before the first write", async () => {
    const head = await clone.git("rev-parse", "HEAD");
    const before = (await clone.githubRequests()).length;
    await expect(clone.start(["--version", "1.0.0", "--commit", head])).rejects.toMatchObject({
      stderr: expect.stringContaining(
        `v1.0.0 is already published from commit ${released["1.0.0"].commit}, and this update asks for ${head}`,
      ),
    });
    expect(writes((await clone.githubRequests()).slice(before))).toEqual([]);
  });

  test("npm run artifacts shows the states of the storage", async () => {
    const { stdout } = await execa("npm", ["run", "--silent", "artifacts"], { cwd: clone.path });
    for (const { checksum } of released["1.0.0"].artifacts) {
      expect(stdout).toContain(checksum.slice(0, 12));
    }
    expect(stdout).toContain("consumed");
  });

  /** Deletes the image of a version in the registry's storage: tag, index, manifests, and the layers with the binaries. */
  async function loseImage(version: string): Promise<{ index: unknown; digest: string }> {
    const before = (await published(version)) as { index: { manifests: { digest: string }[] }; digest: string };
    const storage = join(clone.path, ".local/registry/docker/registry/v2");
    const repository = join(storage, "repositories/octo-example/mount-monitor");
    const manifests = before.index.manifests.map(({ digest }) => digest);
    const layers: string[] = [];
    for (const digest of manifests) {
      const blob = join(storage, "blobs/sha256", digest.slice(7, 9), digest.slice(7), "data");
      const manifest: { layers: { digest: string }[] } = JSON.parse(await readFile(blob, "utf8"));
      layers.push(...manifest.layers.map((layer) => layer.digest));
    }
    await rm(join(repository, "_manifests/tags", `v${version}`), { recursive: true });
    for (const digest of [before.digest, ...manifests]) {
      await rm(join(repository, "_manifests/revisions/sha256", digest.slice(7)), { recursive: true });
    }
    for (const digest of layers) {
      await rm(join(repository, "_layers/sha256", digest.slice(7)), { recursive: true });
      await rm(join(storage, "blobs/sha256", digest.slice(7, 9), digest.slice(7)), { recursive: true });
    }
    await rm(join(clone.path, ".artifacts"), { recursive: true, force: true });
    return before;
  }

  test("an older release whose image somebody deleted, layers and all, is seen by refresh, and made again by the next update", async () => {
    const before = await loseImage("1.0.0");
    const seen = await operate(clone.path, "refresh");
    expect(seen.said).toMatch(/Ledger release-ledger updated .*\[diff: .*~drift/);
    expect((await operate(clone.path, "preview")).said).toContain("mount-monitor:v1.0.0 is missing from the registry");
    expect((await operate(clone.path, "up")).said).toMatch(/\+?\s*1 updated\n\s+\d+ unchanged/);
    // Downloads are counted.
    expect(await published("1.0.0")).toEqual({ ...before, release: expect.anything() });
    expect(await inWorld((world) => world.binaryInImage("v1.0.0", "linux/arm64", "mount-monitor"))).toBe(
      released["1.0.0"].artifacts.find(({ architecture }: { architecture: string }) => architecture === "arm64")
        .checksum,
    );
    expect((await operate(clone.path, "refresh")).said).toMatch(/Resources:\n\s+\d+ unchanged\n/);
  });

  test("the same of the release that is named: it is declared, and pushed as at first", async () => {
    const before = await loseImage("1.0.0");
    const { outputs } = await clone.start(["--version", "1.0.0"]);
    expect(outputs.image).toEqual(released["1.0.0"].image);
    expect(await published("1.0.0")).toEqual({ ...before, release: expect.anything() });
    const highest = await inWorld((world) => Promise.all([world.digestOf("latest"), world.digestOf("v1.1.0")]));
    expect(highest[0]).toBe(highest[1]);
  });

  /** The preview's text; none of them may replace or delete anything. */
  async function preview(args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await clone.spawn(["--preview", ...args]);
    const shown = `${stdout}${stderr}`;
    expect(shown).not.toMatch(/\bto (replace|delete)\b/);
    expect(shown).toMatch(/\bto update\b/);
    return shown;
  }
});

function sha256(bytes: Uint8Array | undefined): string {
  return createHash("sha256")
    .update(bytes ?? "")
    .digest("hex");
}

function hostArchitecture(): string {
  return process.arch === "x64" ? "amd64" : process.arch;
}
