import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import fc from "fast-check";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { missing, other } from "../../src/model/difference.ts";
import { githubOf, registryOf } from "../../src/resources/clients.ts";
import {
  create,
  diff,
  diffOf,
  type Implementation,
  read,
  remove,
  STATE_SCHEMA,
  update,
} from "../../src/resources/dynamic.ts";
import { configure, startTestGitHub, startTestRegistry } from "./services.ts";

type Values = Record<string, unknown>;

const value = fc.jsonValue({ maxDepth: 3 });
/** Inputs as a program gives them, with the provider's text. */
const inputs = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,6}$/), value, { minKeys: 1, maxKeys: 6 })
  .map((plain) => ({ ...plain, __provider: "text" }));

function shuffled(nested: unknown): unknown {
  return nested !== null && typeof nested === "object" && !Array.isArray(nested)
    ? Object.fromEntries(
        Object.entries(nested)
          .reverse()
          .map(([key, inner]) => [key, shuffled(inner)]),
      )
    : Array.isArray(nested)
      ? nested.map(shuffled)
      : nested;
}

describe("a difference", () => {
  test("is none for the inputs that were recorded, whatever else was, in any order, with any provider", () => {
    fc.assert(
      fc.property(inputs, value, fc.string(), (plain, fact, provider) => {
        const recorded = { ...plain, ReleaseFact: fact, drift: [], __provider: provider };
        expect(diffOf(recorded, shuffled(plain) as Values)).toEqual({ changes: false, replaces: [] });
      }),
    );
  });

  test("is any input that changed, and never a replacement", () => {
    fc.assert(
      fc.property(inputs, value, (plain, other) => {
        const [[key, before] = ["", ""]] = Object.entries(plain);
        fc.pre(key !== "__provider" && typeof other !== "object" && JSON.stringify(before) !== JSON.stringify(other));
        expect(diffOf({ ...plain, drift: [] }, { ...plain, [key]: other })).toEqual({ changes: true, replaces: [] });
      }),
    );
  });

  test.each<[string, Values, Values, boolean]>([
    ["a nested value", { files: { a: "1", b: "2" } }, { files: { a: "1", b: "3" } }, true],
    ["a nested key that is gone", { files: { a: "1", b: "2" } }, { files: { a: "1" } }, true],
    ["the order of a list", { platforms: ["a", "b"] }, { platforms: ["b", "a"] }, true],
    ["an input that older code did not record", {}, { commit: "a" }, true],
    ["a fact that only the state has", { releaseId: 1 }, {}, false],
    ["a number and its text", { size: 1 }, { size: "1" }, true],
    ["a list that older code did not record, and is empty", { tag: "v1" }, { tag: "v1", withdrawn: [] }, false],
    ["a list that older code did not record", { tag: "v1" }, { tag: "v1", withdrawn: ["1.0.0"] }, true],
    ["nothing recorded and null", {}, { previous: null }, true],
    ["drift that a refresh saw", { tag: "v1", drift: ["tag v1 is gone"] }, { tag: "v1" }, true],
    ["no drift", { tag: "v1", drift: [] }, { tag: "v1" }, false],
    ["a state without drift, as older code wrote it", { tag: "v1" }, { tag: "v1" }, false],
    ["the input drift itself", { drift: [] }, { drift: [] }, false],
  ])("%s", (_, olds, news, changes) => {
    expect(diffOf(olds, news)).toEqual({ changes, replaces: [] });
  });
});

describe("the removal of a resource", () => {
  test("takes back what it knows how to, with what was recorded, and nothing else", async () => {
    const taken = vi.fn(async () => {});
    const kept = { facts: [], ensure: async () => ({}), observe: async () => [] };
    await remove(kept, { tag: "v1" });
    await remove({ ...kept, remove: taken }, { tag: "v1", drift: [] });
    expect(taken.mock.calls).toEqual([[{ tag: "v1", drift: [] }]]);
  });
});

describe("the state", () => {
  const implementation = {
    facts: ["releaseId"],
    ensure: vi.fn<Implementation<Values, Values>["ensure"]>(async () => ({ releaseId: 1 })),
    observe: vi.fn<Implementation<Values, Values>["observe"]>(async () => ["tag v1 is gone"]),
  };

  test("of a new resource is its inputs and facts, without the provider's text", async () => {
    expect(await create("guard", implementation, { tag: "v1", __provider: "text", drift: [] })).toEqual({
      id: "guard",
      outs: { tag: "v1", releaseId: 1, drift: [], schema: 1 },
    });
    expect(implementation.ensure).toHaveBeenLastCalledWith({ tag: "v1" }, undefined);
  });

  test("of an update is the new inputs and facts; what was recorded is known to it", async () => {
    const olds = { tag: "v1", releaseId: 1, drift: ["tag v1 is gone"] };
    expect(await update(implementation, olds, { tag: "v2", __provider: "text" })).toEqual({
      outs: { tag: "v2", releaseId: 1, drift: [], schema: 1 },
    });
    expect(implementation.ensure).toHaveBeenLastCalledWith({ tag: "v2" }, olds);
  });

  test("after a refresh is what was recorded, with what was seen beside it", async () => {
    const recorded = { tag: "v1", releaseId: 1, drift: [], __provider: "text" };
    const seen = await read("guard", implementation, recorded);
    expect(seen).toEqual({
      id: "guard",
      props: { ...recorded, drift: ["tag v1 is gone"] },
      // Drift is an input, so that the next preview shows it; facts are none.
      inputs: { tag: "v1", drift: ["tag v1 is gone"], __provider: "text" },
    });
    expect(diffOf(seen.props ?? {}, recorded)).toEqual({ changes: true, replaces: [] });
    implementation.observe.mockResolvedValueOnce([]);
    expect((await read("guard", implementation, { ...recorded, drift: ["before"] })).props).toEqual(recorded);
  });

  test("carries the number of its schema, which is no input", async () => {
    const { outs = {} } = await create("guard", implementation, { tag: "v1" });
    expect(outs.schema).toBe(STATE_SCHEMA);
    implementation.observe.mockResolvedValueOnce([]);
    const seen = await read("guard", implementation, outs);
    expect(seen.props?.schema).toBe(STATE_SCHEMA);
    expect(seen.inputs).toEqual({ tag: "v1", drift: [] });
  });

  test("of a newer schema is refused by everything that reads it, naming both numbers", async () => {
    const newer = { tag: "v1", drift: [], schema: STATE_SCHEMA + 1 };
    const message = `the stack's state has schema ${STATE_SCHEMA + 1}, and this program reads up to ${STATE_SCHEMA}: use the newer program`;
    vi.clearAllMocks();
    await expect(diff(async () => implementation, newer, { tag: "v1" })).rejects.toThrow(message);
    await expect(update(implementation, newer, { tag: "v2" })).rejects.toThrow(message);
    await expect(read("guard", implementation, newer)).rejects.toThrow(message);
    expect(implementation.ensure).not.toHaveBeenCalled();
    expect(implementation.observe).not.toHaveBeenCalled();
  });

  test("that older code wrote, without a number, is read, and is no difference", async () => {
    expect(await diff(async () => implementation, { tag: "v1", drift: [] }, { tag: "v1" })).toEqual({
      changes: false,
      replaces: [],
    });
    implementation.observe.mockResolvedValueOnce([]);
    expect((await read("guard", implementation, { tag: "v1" })).props).toEqual({ tag: "v1", drift: [] });
    expect((await update(implementation, { tag: "v1" }, { tag: "v2" })).outs).toMatchObject({ schema: STATE_SCHEMA });
  });

  test("takes up notes of a refresh, which are no difference", async () => {
    const noting: Implementation<Values, Values> = {
      ...implementation,
      observe: async () => ({ differences: [missing("gone")], notes: { releaseId: 2 } }),
    };
    const seen = await read("guard", noting, { tag: "v1", releaseId: 1, drift: [] });
    expect(seen.props).toEqual({ tag: "v1", releaseId: 2, drift: ["gone"] });
    expect(seen.inputs).toEqual({ tag: "v1", drift: ["gone"] });
  });

  test("says of drift that an update could not mend", async () => {
    implementation.ensure.mockResolvedValueOnce({ releaseId: 1, drift: ["still gone"] });
    const { outs = {} } = await update(implementation, { drift: ["gone"] }, { tag: "v1" });
    expect(outs.drift).toEqual(["still gone"]);
    expect(diffOf(outs, { tag: "v1", drift: [] })).toEqual({ changes: true, replaces: [] });
  });

  test("stays as it was when something fails", async () => {
    implementation.ensure.mockRejectedValueOnce(new Error("refused"));
    await expect(update(implementation, {}, {})).rejects.toThrow("refused");
    implementation.observe.mockRejectedValueOnce(new Error("no network"));
    await expect(read("guard", implementation, {})).rejects.toThrow("no network");
  });
});

describe("a preview", () => {
  const conflicts = vi.fn(async () => ["v1 is another"]);
  const load = vi.fn(
    async (): Promise<Implementation<Values, Values>> => ({
      facts: [],
      ensure: async () => ({}),
      observe: async () => [other("v1 is another")],
      conflicts,
    }),
  );
  const recorded = { tag: "v1", drift: [], __provider: "text" };

  test("does not even load the code when nothing changed", async () => {
    expect(await diff(load, recorded, { tag: "v1", __provider: "text" })).toEqual({ changes: false, replaces: [] });
    expect(load).not.toHaveBeenCalled();
  });

  test("refuses what the update could only refuse", async () => {
    await expect(diff(load, recorded, { tag: "v2", __provider: "text" })).rejects.toThrow("v1 is another");
    expect(conflicts).toHaveBeenLastCalledWith({ tag: "v2" }, recorded);
  });

  test("is not what ends a refresh: that shows the difference, and the next preview refuses it", async () => {
    const { props = {} } = await read("guard", await load(), recorded);
    const asked = conflicts.mock.calls.length;
    expect(await diff(load, { ...props }, recorded)).toEqual({ changes: true, replaces: [] });
    expect(conflicts.mock.calls).toHaveLength(asked);
    await expect(diff(load, { ...props }, { tag: "v1" })).rejects.toThrow("v1 is another");
  });
});

describe("the clients", () => {
  test("are made from the stack's configuration, once for each place", async () => {
    const [github, registry] = [await startTestGitHub(), await startTestRegistry()];
    expect(await githubOf(github.repository).releases()).toEqual([]);
    expect(github.history[0]?.credential).toBe(true);
    expect(await (await registryOf(registry.image)).digestOf("v1.0.0")).toBeUndefined();
    configure({ githubUrl: "https://github.invalid" });
    expect(githubOf(github.repository)).toBe(githubOf(github.repository));
    expect(await registryOf(registry.image)).toBe(await registryOf(registry.image));
    expect(githubOf(`${github.repository}-other`)).not.toBe(githubOf(github.repository));
  });
});

describe("the provider's text in the state", () => {
  test("is the same from any directory, and has neither a path nor the code of a resource", async () => {
    const [here, there] = [process.cwd(), await mkdtemp(join(tmpdir(), "release clone "))];
    onTestFinished(() => rm(there, { recursive: true, force: true }));
    await Promise.all([
      cp("src", join(there, "src"), { recursive: true }),
      cp("package.json", join(there, "package.json")),
      symlink(join(here, "node_modules"), join(there, "node_modules")),
      cp("test/resources/provider-text.ts", join(there, "provider-text.ts")),
    ]);
    await writeFile(join(there, "src/later.ts"), "");
    const [one, other] = await Promise.all([
      execa("node", ["test/resources/provider-text.ts"]),
      execa("node", ["provider-text.ts"], {
        cwd: there,
        env: { HOME: there, GITHUB_TOKEN: "ghp_secret", TZ: "Asia/Tokyo" },
      }),
    ]);
    expect(one.stdout).toBe(other.stdout);
    const { texts, said }: Record<"texts" | "said", Record<string, string>> = JSON.parse(one.stdout);
    expect(Object.values(said)).toEqual(
      Array.from({ length: 8 }, () => ({
        functions: ["configure", "create", "delete", "diff", "read", "update"],
        same: { changes: false, replaces: [] },
        changed: { changes: true, replaces: [] },
        deleted: "nothing",
      })),
    );
    expect(Object.keys(texts).sort()).toEqual(
      [
        "Channel",
        "GithubRelease",
        "Guard",
        "ImmutableReleases",
        "Ledger",
        "Manifest",
        "Withdrawals",
        "WorkflowCheck",
      ].map((type) => `pulumi-nodejs:dynamic/release:${type}`),
    );
    for (const text of Object.values(texts)) {
      expect(text).toContain("exports.handler");
      // The only slashes are those of the path below the project, which is looked up when it runs.
      expect(text.replace("}/src/resources/$", "")).not.toContain("/");
      expect(text).not.toContain("ensure(");
    }
  });
});
