import { watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Lane, Running } from "./lane.ts";
import { observe } from "./observation.ts";
import { openPool, type Pool } from "./pool.ts";
import { type Boundary, boundariesOf, type Outcome, print, problemsAfter, sweep, writes } from "./sweep.ts";

let pool: Pool;

beforeAll(async () => {
  pool = await openPool();
});
afterAll(() => pool[Symbol.asyncDispose]());

describe("an update that is killed is completed by the next one, with the same bytes", { timeout: 1_800_000 }, () => {
  test("killed as a whole at every boundary of its requests", async () => {
    const { requests, published } = clean();
    // Lanes are alike: what one counts is what the other meets.
    for (const lane of pool.lanes)
      expect(lane.clean).toMatchObject({ requests: { length: requests.length }, published });
    const outcomes = await sweep(pool, boundariesOf(requests), (running) => running.kill());
    expectConverged("SIGKILL of everything", `${requests.length} requests`, outcomes);
  });

  test("killed without its plugins, which live on and carry out what they have begun", async () => {
    // Before a request or after it is all the same here: the plugin that sends it lives, and completes it.
    const boundaries = clean()
      .requests.filter(writes)
      .map((_request, index): Boundary => ({ nth: index + 1, when: "before", counted: "writes" }));
    const outcomes = await sweep(pool, boundaries, async (running) => running.killEngine(), "live on");
    expectConverged("SIGKILL of the CLI and the program only", `${boundaries.length} requests that write`, outcomes);
  });

  test("killed at every write of the engine's state", async () => {
    const [lane] = pool.lanes;
    const count = lane ? await stateWrites(lane) : 0;
    const outcomes = await Promise.all(
      Array.from({ length: count }, (_, index) => pool.run((taken) => killAtStateWrite(taken, index + 1))),
    );
    expect(count).toBeGreaterThan(10);
    expectConverged("SIGKILL at a write of the engine's state", `${count} writes`, outcomes);
  });
});

function clean(): Lane["clean"] {
  const [lane] = pool.lanes;
  if (!lane) throw new Error("the pool has no lane");
  return lane.clean;
}

function expectConverged(fault: string, counted: string, outcomes: readonly Outcome[]): void {
  const problems = outcomes.flatMap((outcome) => outcome.problems.map((problem) => `${outcome.boundary}: ${problem}`));
  const met = outcomes.filter((outcome) => outcome.met).length;
  observe({
    row: "sweep",
    fault: `${fault} (${counted})`,
    observed: `${met} of ${outcomes.length} boundaries met, ${outcomes.length - problems.length} converge`,
  });
  expect(problems).toEqual([]);
  expect(outcomes.filter((outcome) => !outcome.met)).toEqual([]);
}

/** How often the engine replaces its state in an update that nothing comes in between. */
async function stateWrites(lane: Lane): Promise<number> {
  await lane.reset("built");
  const seen = await watched(lane, () => {});
  const running = lane.begin();
  expect((await running.ended).code).toBe(0);
  return seen.stop();
}

async function killAtStateWrite(lane: Lane, nth: number): Promise<Outcome> {
  await lane.reset("built");
  let running: Running | undefined;
  const seen = await watched(lane, (count) => {
    if (count === nth) void running?.kill();
  });
  running = lane.begin();
  const { code } = await running.ended;
  seen.stop();
  const problems = await problemsAfter(lane, await lane.update({ operations: ["up", "preview"] }));
  const outcome = { boundary: `${String(nth).padStart(2)} write of the state`, met: code === "SIGKILL", problems };
  print(outcome);
  return outcome;
}

/** Counts the files that take the place of the state, as the engine writes them. */
async function watched(lane: Lane, written: (count: number) => void): Promise<{ stop(): number }> {
  const directory = join(lane.local, "state/.pulumi/stacks/mount-monitor");
  await mkdir(directory, { recursive: true });
  let count = 0;
  const watcher = watch(directory, (event, name) => {
    if (event === "rename" && name === "local.json") written(++count);
  });
  return {
    stop() {
      watcher.close();
      return count;
    },
  };
}
