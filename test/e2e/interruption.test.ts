import { once } from "node:events";
import { readdir, readFile, readlink, watch, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTime } from "../../src/services/liveness.ts";
import { type Clone, makeClone, type Outcome, type Running } from "./clone.ts";
import { openWorld } from "./world.ts";

// The same release where nothing came in between: what every interrupted one has to end as.
let undisturbed: Outcome;

beforeAll(async () => {
  const clone = await makeClone("undisturbed");
  undisturbed = await clone.start();
  await clone.remove();
});

describe("a signal", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("signal");
  });
  afterAll(() => clone.remove());

  test.each([
    {
      when: "before the services are up",
      signal: "SIGTERM",
      code: 143,
      reached: (start: Running) => begun(clone, start),
    },
    { when: "when the update begins", signal: "SIGINT", code: 130, reached: showing("Updating (local)") },
    { when: "during the builds", signal: "SIGTERM", code: 143, reached: showing("binaries-amd64 creating") },
    { when: "during the push", signal: "SIGINT", code: 130, reached: showing("image-push creating") },
    { when: "before GitHub shows it", signal: "SIGTERM", code: 143, reached: showing("image-manifest creating") },
  ] as const)("$signal $when leaves no process and no open port", async ({ signal, code, reached }) => {
    const start = clone.launch();
    await reached(start);
    process.kill(start.pid, signal);
    const ended = await start.ended();
    expect(ended.code, ended.shown).toBe(code);
    await expectNothingLeft(clone);
  });

  test("a plain start completes the release, with the same bytes", async () => {
    const { outputs, shown } = await clone.start();
    expect(shown).toContain("going on with 1.0.0 from commit");
    expect(bytesOf(outputs)).toEqual(bytesOf(undisturbed.outputs));
    expect((await clone.start()).shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    await expectNothingLeft(clone);
  });
});

describe("a reader that goes away", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("reader");
  });
  afterAll(() => clone.remove());

  test("ends nothing: the release is completed", async () => {
    const { stdout } = await execa("sh", ["-c", "{ npm start --silent 2>&1; echo $? > .local/code; } | head -n 1"], {
      cwd: clone.path,
    });
    expect(stdout).toMatch(/./);
    expect(await readFile(join(clone.path, ".local/code"), "utf8")).toBe("0\n");
    await expectNothingLeft(clone);
    await using world = await openWorld(clone.path);
    expect(world.release("v1.0.0")).toMatchObject({ draft: false, assets: Array(5).fill({ state: "uploaded" }) });
  });
});

describe("Ctrl-C at a terminal, which every process of the group gets", () => {
  let clone: Clone;

  beforeAll(async () => {
    clone = await makeClone("terminal");
  });
  afterAll(() => clone.remove());

  test("while GitHub lets an upload wait: the wait is shown, the release is finished, and nothing after it is begun", async () => {
    const limit = { status: 429, headers: { "retry-after": "2" }, body: { message: "slow down" } };
    const faults = [{ method: "POST", surface: "uploads", path: "**", nth: 2, action: limit }];
    const start = clone.launch([], { REHEARSAL_FAULTS: JSON.stringify(faults) });
    await start.shows("GitHub asks to wait 2 s");
    process.kill(-start.pid, "SIGINT");
    const { code, shown } = await start.ended();
    expect(code).toBe(130);
    expect(shown.match(/\^C received.*/g)).toEqual([expect.stringContaining("^C received; cancelling")]);
    // The engine shows it at once, not when the resource is done.
    expect(shown.indexOf("GitHub asks to wait 2 s")).toBeLessThan(shown.indexOf("release-github created"));
    expect(shown).not.toContain("release-ledger creating");
    expect(await pendingOperations(clone)).toEqual([]);
    await expectNothingLeft(clone);
    await using world = await openWorld(clone.path);
    expect(world.release("v1.0.0")).toMatchObject({ draft: false, assets: Array(5).fill({ state: "uploaded" }) });
  });

  test("a plain start does the rest, with the same bytes", async () => {
    const { outputs, shown } = await clone.start();
    expect(shown).not.toContain("release-github updating");
    expect(bytesOf(outputs)).toEqual(bytesOf(undisturbed.outputs));
    await expectChannels(clone, { latest: "1.0.0", "1": "1.0.0", "1.0": "1.0.0" });
  });
});

describe("SIGKILL", () => {
  let clone: Clone;
  let commit: string;

  beforeAll(async () => {
    clone = await makeClone("kill");
  });
  afterAll(() => clone.remove());

  /** Starts, kills as soon as it shows something, and gives the ids of what it had started. */
  async function killed(args: readonly string[], shows: string, whom: "group" | "process"): Promise<number[]> {
    const start = clone.launch(args);
    await start.shows(shows);
    const recorded: { pid: number; started: string }[] = JSON.parse(
      await readFile(join(clone.path, ".local/processes.json"), "utf8"),
    );
    expect(recorded).toHaveLength(2);
    process.kill(whom === "group" ? -start.pid : start.pid, "SIGKILL");
    expect((await start.ended()).code).toBe("SIGKILL");
    return recorded.map(({ pid }) => pid);
  }

  async function expectGone(ids: readonly number[]): Promise<void> {
    expect(await Promise.all(ids.map((pid) => startTime(pid)))).toEqual(ids.map(() => undefined));
  }

  test("in the middle of the first release: the next start completes it", async () => {
    const ids = await killed([], "image-push creating", "group");
    const { outputs } = await clone.start();
    await expectGone(ids);
    expect(bytesOf(outputs)).toEqual(bytesOf(undisturbed.outputs));
    await expectWhole(["v1.0.0"]);
  });

  test.each([
    { args: ["--version", "1.1.0"], shows: "image-push updating", whom: "group" },
    { args: [], shows: "release-github updating", whom: "process" },
    { args: [], shows: "channels-latest updating", whom: "group" },
  ] as const)("of the $whom in 1.1.0, at $shows", async ({ args, shows, whom }) => {
    commit ??= await clone.commit(
      "app/cmd/mount-monitor/main.go",
      (text) => `${text}\n// 1.1.0\n`,
      "feat: a line more",
    );
    await killed(args, shows, whom);
  });

  test("a plain start completes 1.1.0, from the commit that it was begun with", async () => {
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// later\n`, "feat: not in 1.1.0");
    const { outputs } = await clone.start();
    expect(outputs).toMatchObject({ version: "1.1.0", commit });
    await expectChannels(clone, { latest: "1.1.0", "1": "1.1.0", "1.0": "1.0.0", "1.1": "1.1.0" });
    await expectWhole(["v1.0.0", "v1.1.0"]);
    await using world = await openWorld(clone.path);
    for (const { name, architecture, checksum } of outputs.artifacts) {
      expect(await world.binaryInImage("v1.1.0", `linux/${architecture}`, "mount-monitor")).toBe(checksum);
      expect(String(world.assets("v1.1.0")["checksums.txt"])).toContain(`${checksum}  ${name}\n`);
    }
  });

  test("that cut a file of the state short: the next start goes on without it, or from the copy before it", async () => {
    const before = await clone.start();
    const state = join(clone.path, ".local/state/.pulumi/stacks/mount-monitor/local.json");
    await writeFile(`${state}.attrs`, "");
    expect((await clone.start()).outputs).toEqual(before.outputs);
    await writeFile(state, "");
    expect((await clone.start()).outputs).toEqual(before.outputs);
    await expectWhole(["v1.0.0", "v1.1.0"]);
  });

  /** One published release for each tag, five assets each, nothing left to do, and nothing pending in the state. */
  async function expectWhole(tags: readonly string[]): Promise<void> {
    expect((await clone.start()).shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    await expectNothingLeft(clone);
    expect(await pendingOperations(clone)).toEqual([]);
    await using world = await openWorld(clone.path);
    expect(
      world
        .releases()
        .map(({ tagName, draft, assets }) => ({ tagName, draft, states: assets.map((asset) => asset.state) }))
        .sort((left, right) => left.tagName.localeCompare(right.tagName)),
    ).toEqual(tags.map((tagName) => ({ tagName, draft: false, states: Array(5).fill("uploaded") })));
  }
});

/** Channel → version, as the registry has them. */
async function expectChannels({ path }: Clone, channels: Readonly<Record<string, string>>): Promise<void> {
  await using world = await openWorld(path);
  for (const [channel, version] of Object.entries(channels)) {
    expect([channel, await world.digestOf(channel)]).toEqual([channel, await world.digestOf(`v${version}`)]);
  }
}

function showing(text: string): (start: Running) => Promise<void> {
  return (start) => start.shows(text);
}

/** Waits until a start has written into its directory: its handlers are there by then, its services are not. */
async function begun(clone: Clone, start: Running): Promise<void> {
  const ending = new AbortController();
  start.ended().then(() => ending.abort());
  for await (const _ of watch(join(clone.path, ".local"), { signal: ending.signal })) return;
}

async function pendingOperations({ path }: Clone): Promise<unknown> {
  const state = await readFile(join(path, ".local/state/.pulumi/stacks/mount-monitor/local.json"), "utf8");
  return JSON.parse(state).checkpoint.latest.pending_operations ?? [];
}

/** What a release consists of, without the port of its registry. */
function bytesOf({ commit, artifacts, image, release }: Outcome["outputs"]): unknown {
  return { commit, artifacts, digest: image.digest, digests: image.digests, assets: release.assets };
}

/** No recorded process, none that works in the clone's directory, and nobody who answers on its ports. */
async function expectNothingLeft({ path }: Clone): Promise<void> {
  expect(await readFile(join(path, ".local/processes.json"), "utf8").catch(() => "[]\n")).toBe("[]\n");
  expect(await processesIn(path)).toEqual([]);
  const ports: Record<string, number> = JSON.parse(
    await readFile(join(path, ".local/ports.json"), "utf8").catch(() => "{}"),
  );
  for (const port of Object.values(ports)) {
    const socket = connect(port, "127.0.0.1");
    await expect(once(socket, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  }
}

/** Command lines of the processes that work in a directory. Source: proc(5) */
async function processesIn(directory: string): Promise<string[]> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    ids.map(async (id) => {
      // One that has ended in the meantime works nowhere.
      const place = await readlink(`/proc/${id}/cwd`).catch(() => "");
      return `${place}/`.startsWith(`${directory}/`)
        ? [(await readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ")]
        : [];
    }),
  );
  return found.flat();
}
