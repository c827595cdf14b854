import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Clone, makeClone, type Request, writes } from "./clone.ts";
import { openWorld, type World } from "./world.ts";

const WITHDRAWN = ["--set", 'withdrawn=["1.1.0"]'];

// A bad release is taken back, and given back: each test goes on where the one before it ended.
describe("a withdrawn release", () => {
  let clone: Clone;
  let released: { channels: unknown; digests: Record<string, string>; page: unknown };
  let everything: unknown;

  beforeAll(async () => {
    clone = await makeClone("withdrawal");
    await clone.start(["--version", "1.0.1"]);
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// 1.1.0\n`, "feat: one that is bad");
    const { outputs } = await clone.start(["--version", "1.1.0"]);
    everything = await inWorld(contents);
    released = await inWorld(async (world) => ({
      channels: outputs.channels,
      digests: { "1.0.1": await world.digestOf("v1.0.1"), "1.1.0": await world.digestOf("v1.1.0") },
      page: pageOf(world),
    }));
  });
  afterAll(() => clone.remove());

  async function inWorld<T>(look: (world: World) => T | Promise<T>): Promise<T> {
    await using world = await openWorld(clone.path);
    return await look(world);
  }

  /** What both services were sent meanwhile that changes something, and what was shown. */
  async function during(act: () => Promise<string>): Promise<{ shown: string; written: readonly string[] }> {
    const [github, registry] = [(await clone.githubRequests()).length, (await clone.registryRequests()).length];
    const shown = await act();
    const seen = (requests: readonly Request[]) =>
      writes(requests).map(({ method, path }) => `${method} ${path.replace(/^.*(?=\/(?:releases|manifests)\/)/, "")}`);
    return {
      shown,
      written: [
        ...seen((await clone.githubRequests()).slice(github)),
        ...seen((await clone.registryRequests()).slice(registry)),
      ],
    };
  }

  const start = (...args: string[]) => during(async () => (await clone.start(args)).shown);
  const preview = (...args: string[]) =>
    during(async () => {
      const { stdout, stderr } = await clone.spawn(["--preview", ...args]);
      return `${stdout}${stderr}`;
    });
  const failing = (...args: string[]) =>
    during(() =>
      clone.start(args).then(
        () => expect.fail("it did not fail"),
        ({ stderr }) => stderr,
      ),
    );
  const release = (world: World, tag: string) => `PATCH /releases/${world.release(tag).id}`;

  test("is previewed: every channel that moves, with the version that it leaves and the one that it gets", async () => {
    const { shown, written } = await preview(...WITHDRAWN);
    expect(written).toEqual([]);
    expect(shown).toMatch(/channels-latest[\s\S]*?~ version *: "1\.1\.0" => "1\.0\.1"/);
    expect(shown).toMatch(/channels-1\]?[\s\S]*?~ version *: "1\.1\.0" => "1\.0\.1"/);
    expect(shown).toMatch(/channels-withdrawals[\s\S]*?~ latest *: "1\.1\.0" => "1\.0\.1"/);
    expect(shown).toContain("channel 1.1 stays at 1.1.0, which is withdrawn");
    expect(shown).not.toMatch(/\bto (replace|delete|create)\b/);
  });

  test("loses its channels and GitHub's Latest to the highest one that remains, without a build", async () => {
    const { shown, written } = await start(...WITHDRAWN);
    await inWorld(async (world) => {
      for (const channel of ["latest", "1", "1.0"]) {
        expect(await world.digestOf(channel)).toBe(released.digests["1.0.1"]);
      }
      expect(await world.digestOf("1.1")).toBe(released.digests["1.1.0"]);
      expect(await world.latestRelease()).toBe("v1.0.1");
      expect(world.release("v1.1.0").name).toBe("[withdrawn] v1.1.0");
      expect(world.notes("v1.1.0")).toMatch(
        /^<!-- .* -->\n> \[!WARNING\]\n> Version 1\.1\.0 is withdrawn: do not use it any more\./,
      );
      // Two writes on GitHub, two in the registry; nothing was built, pushed or deleted.
      expect([...written].sort()).toEqual(
        [release(world, "v1.0.1"), release(world, "v1.1.0"), "PUT /manifests/1", "PUT /manifests/latest"].sort(),
      );
      expect(contents(world)).toEqual(everything);
    });
    expect(shown).toMatch(/\b5 updated\b/);
    expect(shown).not.toMatch(/binaries-|image-push/);
  });

  test("stays withdrawn with 0 changes, and says so in the outputs", async () => {
    const before = (await clone.githubRequests()).length;
    const { outputs, shown } = await clone.start(WITHDRAWN);
    expect(shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    expect(outputs).toMatchObject({
      version: "1.1.0",
      channels: { latest: "1.0.1", "1": "1.0.1", "1.0": "1.0.1", "1.1": "1.1.0" },
      withdrawn: ["1.1.0"],
    });
    expect(writes((await clone.githubRequests()).slice(before))).toEqual([]);
  });

  test("is written once all the same: other bytes are refused, and so is what was never published", async () => {
    const head = await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// other\n`, "fix: it");
    const other = await failing("--version", "1.1.0", "--commit", head, ...WITHDRAWN);
    expect(other).toMatchObject({ shown: expect.stringContaining("v1.1.0 is already published from"), written: [] });

    const unknown = await failing("--version", "1.2.0", "--set", 'withdrawn=["1.2.0","1.3.0"]');
    expect(unknown.shown).toContain('mount-monitor:withdrawn names "1.2.0", and this update releases it');
    expect(unknown.shown).toContain('mount-monitor:withdrawn names "1.3.0", and v1.3.0 is not published');
    expect(unknown.written).toEqual([]);

    const tagged = await during(() =>
      clone.start([], { PULUMI_CI_TAG_NAME: "nightly" }).then(
        () => expect.fail("it did not fail"),
        ({ stderr }) => stderr,
      ),
    );
    expect(tagged.shown).toContain('mount-monitor:withdrawn does not name "1.1.0", which is withdrawn now');
    expect(tagged.written).toEqual([]);
  });

  test("comes back byte by byte when it is taken out of the list", async () => {
    const { shown, written } = await start();
    await inWorld(async (world) => {
      for (const channel of ["latest", "1", "1.1"]) {
        expect(await world.digestOf(channel)).toBe(released.digests["1.1.0"]);
      }
      expect(await world.digestOf("1.0")).toBe(released.digests["1.0.1"]);
      expect(await world.latestRelease()).toBe("v1.1.0");
      expect(pageOf(world)).toEqual(released.page);
      expect([...written].sort()).toEqual(
        [release(world, "v1.1.0"), release(world, "v1.1.0"), "PUT /manifests/1", "PUT /manifests/latest"].sort(),
      );
      expect(contents(world)).toEqual(everything);
    });
    expect(shown).toMatch(/\b5 updated\b/);
    const { outputs, shown: again } = await clone.start();
    expect(again).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    expect(outputs.channels).toEqual(released.channels);
    expect(outputs).not.toHaveProperty("withdrawn");
  });

  test("was never deleted, nor anything of it", async () => {
    const requests = [...(await clone.githubRequests()), ...(await clone.registryRequests())];
    expect(requests.filter(({ method }) => method === "DELETE")).toEqual([]);
  });
});

/** Titles and notes of all releases. */
function pageOf(world: World): unknown {
  return world.releases().map(({ tagName, name, body }) => ({ tagName, name, body }));
}

/** Everything of the releases that a withdrawal may not change. */
function contents(world: World): unknown {
  return world.releases().map(({ name: _, body: __, updatedAt: ___, assets, ...release }) => ({
    ...release,
    assets: assets.map(({ downloads: _, ...asset }) => asset),
  }));
}
