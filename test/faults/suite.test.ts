import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { killWhileBuilding, POINTS } from "./building.ts";
import { describeMishap, mishapsOf, release } from "./chance.ts";
import { laterRelease } from "./later-release.ts";
import { observe } from "./observation.ts";
import { twoUpdates } from "./pair.ts";
import { openPool, type Pool } from "./pool.ts";
import { type Moment, writesOf } from "./recording.ts";
import { scenarios } from "./rows.ts";
import { firstSettings, laterSettings } from "./settings.ts";
import { type Boundary, boundariesOf, killedRelease, type Outcome, operationsOf, partOf, sweep } from "./sweep.ts";

const MISHAPS = 50;
const PAIRS = 10;
/** Twice the processors that it is meant for: an update waits a part of its time. */
const LANES = 4;
/** Until then an update has ended. */
const LONGEST_OFFSET_MS = 4_000;
const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));

let pool: Pool;

beforeAll(async () => {
  process.stdout.write(`seed ${seed} (FAULTS_SEED=${seed} npm run test:faults: the same faults and offsets)\n`);
  pool = await openPool(LANES);
  return () => pool[Symbol.asyncDispose]();
});

// All at once: the pool's lanes take turns.
describe.concurrent("the fault suite", { timeout: 3_600_000 }, () => {
  test("kills: everything, at every boundary of a release's requests and of the engine's state", async () => {
    const moments = clean();
    const boundaries = boundariesOf(moments);
    const outcomes = await sweep(pool, partOf(boundaries), killedRelease);
    expectConverged("release, SIGKILL of everything", moments, boundaries, outcomes);
  });

  test("kills: the CLI and the program, whose plugins live on", async () => {
    const moments = writesOf(clean());
    const boundaries = operationsOf(moments);
    const outcomes = await sweep(pool, partOf(boundaries), { ...killedRelease, victim: "engine" });
    expectConverged("release, SIGKILL of the CLI and the program only", moments, boundaries, outcomes);
  });

  test.each([
    ["the first settings", firstSettings],
    ["changed and removed settings", laterSettings],
  ])("kills: everything, and only the CLI and the program, at every boundary of %s", async (what, update) => {
    const { moments, killing } = await pool.run(update);
    const writes = writesOf(moments);
    const [boundaries, operations] = [boundariesOf(moments), operationsOf(writes)];
    const [all, engine] = await Promise.all([
      sweep(pool, partOf(boundaries), killing),
      sweep(pool, partOf(operations), { ...killing, victim: "engine" }),
    ]);
    expectConverged(`${what}, SIGKILL of everything`, moments, boundaries, all);
    expectConverged(`${what}, SIGKILL of the CLI and the program only`, writes, operations, engine);
  });

  test("kills: everything, at every write of a later release, which withdraws the one before it", async () => {
    const { moments, killing } = await pool.run(laterRelease);
    const writes = writesOf(moments);
    const boundaries = boundariesOf(writes);
    const outcomes = await sweep(pool, partOf(boundaries), killing);
    expectConverged("a later release and a withdrawal, SIGKILL of everything", writes, boundaries, outcomes);
  });

  test.each(POINTS)("kills: everything, %s", (point) =>
    pool.run(async (lane) => {
      const observed = await killWhileBuilding(lane, point);
      observe({ row: "sweep", fault: `a fresh clone, SIGKILL of everything ${point}`, observed });
    }),
  );

  test.each(scenarios)("row $row: $fault", ({ row, fault, run }) =>
    pool.run(async (lane) => {
      await lane.reset("built");
      observe({ row, fault, observed: await run(lane) });
    }),
  );

  test("two updates started together", async () => {
    const offsets = fc.sample(fc.integer({ min: -LONGEST_OFFSET_MS, max: LONGEST_OFFSET_MS }), {
      seed,
      numRuns: PAIRS,
    });
    const seen = await Promise.all(
      offsets.map(async (offset) => {
        const outcome = await pool.run((lane) => twoUpdates(lane, offset));
        process.stdout.write(`two updates, ${offset} ms apart, ${outcome}\n`);
        return outcome;
      }),
    );
    const counts = Object.entries(Object.groupBy(seen, (outcome) => outcome)).map(
      ([outcome, list]) => `${list?.length} × ${outcome}`,
    );
    observe({
      row: "pairs",
      fault: `two updates started together, ${PAIRS} times, seed ${seed}`,
      observed: counts.join("; "),
    });
  });

  test(`${MISHAPS} releases with random faults`, async () => {
    const outcomes = await Promise.all(
      mishapsOf(seed, MISHAPS).map(async (mishap, index) => {
        const outcome = await pool.run((lane) => release(lane, mishap).catch((error: Error) => error));
        const said = outcome instanceof Error ? `FAILS: ${outcome.message}` : outcome;
        process.stdout.write(`mishap ${index + 1} of seed ${seed}: ${describeMishap(mishap)}, ${said}\n`);
        return outcome;
      }),
    );
    const counts = Object.entries(
      Object.groupBy(outcomes, (outcome) => (outcome instanceof Error ? "FAILS" : outcome)),
    );
    observe({
      row: "random",
      fault: `${MISHAPS} releases with up to three faults each, seed ${seed}`,
      observed: counts.map(([outcome, list]) => `${list?.length} ${outcome}`).join("; "),
    });
    expect(outcomes.filter((outcome) => outcome instanceof Error)).toEqual([]);
  });
});

function clean(): readonly Moment[] {
  const [lane] = pool.lanes;
  if (!lane) throw new Error("the pool has no lane");
  return lane.clean.moments;
}

/** All that were recorded and are this run's part were met, by themselves or by one that stands for them, and converge. */
function expectConverged(
  fault: string,
  recorded: readonly Moment[],
  boundaries: readonly Boundary[],
  outcomes: readonly Outcome[],
): void {
  const problems = outcomes.flatMap(({ at, problems: found }) => found.map((problem) => `${at.name}: ${problem}`));
  const met = outcomes.filter((outcome) => outcome.met);
  const converged = outcomes.filter((outcome) => outcome.problems.length === 0).length;
  const exact = outcomes.filter(({ at, left }) => left === at.remains);
  observe({
    row: "sweep",
    fault: `${fault}: ${recorded.length} boundaries`,
    observed:
      `${boundaries.length} different things are left; of ${outcomes.length} tried ${met.length} were met, ` +
      `${converged} converge; ${exact.length} left exactly what was recorded there, ` +
      `${outcomes.filter(({ same }) => same).length} what another kill had left`,
  });
  expect(problems).toEqual([]);
  expect(outcomes.filter((outcome) => !outcome.met).map(({ at }) => at.name)).toEqual([]);
  // A whole run leaves nothing out that the clean run met.
  const names = (moments: readonly Moment[]) => moments.map(({ name }) => name).sort();
  if (outcomes.length === boundaries.length) {
    expect(names(met.flatMap(({ stands }) => stands))).toEqual(names(recorded));
  }
}
