import { convergenceProblems, readPublished } from "./invariants.ts";
import type { Asked, Lane, Running } from "./lane.ts";
import type { Pool } from "./pool.ts";
import { type Moment, witness, writesOf } from "./recording.ts";
import { digestOf, remainsOf } from "./remains.ts";

/** Moments of a recorded update that are one: a kill at any of them leaves the same. */
export interface Boundary {
  /** Where the update is killed. */
  readonly at: Moment;
  readonly stands: readonly Moment[];
}

/** What came of a kill. */
export interface Outcome extends Boundary {
  /** Whether the update came so far, and was killed. */
  readonly met: boolean;
  /** Digest of what it left; undefined where plugins live on, and change it. */
  readonly left?: string;
  /** What an earlier kill had left already, and its next run had completed: its moment. */
  readonly same?: string;
  readonly problems: readonly string[];
}

/** The moments of an update by what a kill leaves. A request stands for them where there is one: it waits for the kill. */
export function boundariesOf(moments: readonly Moment[]): Boundary[] {
  const order = ["writes", "reads", "state"];
  return [...Map.groupBy(moments, ({ remains }) => remains).values()].map((stands) => {
    const [at] = stands.toSorted((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
    return { at: at as Moment, stands };
  });
}

/**
 * Where to kill the engine alone: the plugin lives on, and carries out whatever is left of the operation that the engine
 * waits for. So the first, the middle and the last write of each operation.
 */
export function operationsOf(moments: readonly Moment[]): Boundary[] {
  return [...Map.groupBy(writesOf(moments), ({ state }) => state).values()].flatMap((writes) => {
    const chosen = [0, writes.length >> 1, writes.length - 1].filter((index, n, all) => all.indexOf(index) === n);
    return chosen.map((index, n) => ({
      at: writes[index] as Moment,
      stands: writes.slice(index, chosen[n + 1] ?? writes.length),
    }));
  });
}

/** What is killed, and of what update. */
export interface Killing {
  /** Everything, or the CLI and the program, so that plugins live on. */
  readonly victim: "everything" | "engine";
  /** What the update is asked for. */
  readonly asked?: Asked;
  /** Brings the lane to where the update begins. */
  readonly prepare: (lane: Lane) => Promise<void>;
  /** What is wrong once the next update has run. */
  readonly problems: (lane: Lane, again: Awaited<Running["ended"]>) => Promise<readonly string[]>;
  /** By what a kill has left: what came of it. The same is not completed twice. */
  readonly known?: Map<string, Promise<Outcome>>;
}

/** Kills the release of a lane. */
export const killedRelease: Killing = {
  victim: "everything",
  prepare: (lane) => lane.reset("built"),
  problems: problemsAfter,
};

// A state that the engine replaced while nobody looked yet: how often a kill at it is tried.
const TRIES = 3;

/** Kills an update at a boundary, runs it again once, and checks all invariants. */
export async function killAt(lane: Lane, boundary: Boundary, killing: Killing, tried = 1): Promise<Outcome> {
  const { victim, asked, known, prepare, problems } = killing;
  await prepare(lane);
  let aimed = true;
  let killed = Promise.resolve();
  const witnessed = await witness(lane, async ({ name }) => {
    if (!aimed || name !== boundary.at.name) return undefined;
    aimed = false;
    killed = victim === "everything" ? running.kill() : running.killEngine();
    await killed;
    return victim === "everything" ? "drop" : undefined;
  });
  const running = lane.begin(asked);
  const met = (await running.ended).code === "SIGKILL";
  await killed;
  await witnessed.stop();
  await lane.registry.idle();
  if (!met && boundary.at.kind === "state" && tried < TRIES) {
    return killAt(lane, boundary, killing, tried + 1);
  }
  const left = victim === "everything" ? digestOf(remainsOf(lane)) : undefined;
  const complete = async (): Promise<Outcome> => ({
    ...boundary,
    met,
    ...(left && { left }),
    problems: await problems(lane, await lane.update(asked)),
  });
  if (left === undefined || known === undefined) return complete();
  const before = await known.get(left);
  if (before) return { ...boundary, met, left, problems: before.problems, same: before.at.name };
  const outcome = complete();
  known.set(left, outcome);
  return outcome;
}

/** What is wrong after the run that had to complete a release: invariants, and bytes that are not those of a clean one. */
export async function problemsAfter(
  lane: Lane,
  again: Awaited<Running["ended"]>,
  asked?: Asked,
): Promise<readonly string[]> {
  const problems = await convergenceProblems(lane, again, asked);
  const [found, wanted] = [
    JSON.stringify(await readPublished(lane).catch(String)),
    JSON.stringify(lane.clean.published),
  ];
  return found === wanted ? problems : [...problems, `other bytes than a clean release: ${found}, not ${wanted}`];
}

/** Those that this run is to try: all, or with FAULTS_PART=2/3 every third, beginning with the second. @throws on another form */
export function partOf(boundaries: readonly Boundary[], part = process.env.FAULTS_PART ?? "1/1"): readonly Boundary[] {
  const [, which, of] = /^([1-9]\d*)\/([1-9]\d*)$/.exec(part)?.map(Number) ?? [];
  if (!which || !of || which > of)
    throw new Error(`FAULTS_PART is ${JSON.stringify(part)}; it must be like 1/2 or 2/2`);
  return boundaries.filter((_boundary, index) => index % of === which - 1);
}

/** Tries boundaries in all lanes, and prints what came of each. */
export async function sweep(
  pool: Pool,
  boundaries: readonly Boundary[],
  killing: Killing,
): Promise<readonly Outcome[]> {
  const known = new Map<string, Promise<Outcome>>();
  return Promise.all(
    boundaries.map((boundary) =>
      pool.run(async (lane) => {
        const outcome = await killAt(lane, boundary, { known, ...killing });
        print(outcome);
        return outcome;
      }),
    ),
  );
}

/** `boundary, outcome`, and below it those that the kill stands for. */
function print({ at, stands, met, left, same, problems }: Outcome): void {
  const other = left === undefined || left === at.remains ? "" : ", left something else than was recorded";
  const converged = `converged${other}${same === undefined ? "" : `, left what the kill "${same}" left`}`;
  const outcome = problems.length > 0 ? problems.join("\n    ") : met ? converged : "not met";
  const others = stands.filter((moment) => moment !== at).map(({ name }) => `    = ${name}\n`);
  process.stdout.write(`${at.name}, ${outcome}\n${others.join("")}`);
}
