import { convergenceProblems } from "./invariants.ts";
import type { Asked, Lane } from "./lane.ts";
import { type Moment, record } from "./recording.ts";
import type { Killing } from "./sweep.ts";

/** An update of a stack that has something behind it, to be recorded and killed. */
export interface NextUpdate {
  /** Name that what a lane has behind it is kept under. */
  readonly name: string;
  /** What a lane has behind it when the update begins; done once in each. */
  readonly begin: (lane: Lane) => Promise<void>;
  /** What comes before every run of the update. */
  readonly arrange?: (lane: Lane) => Promise<void>;
  readonly asked: Asked;
  /** Releases that there must be in the end. */
  readonly versions: readonly string[];
  /** What a lane then has, as a text that is the same after every run. */
  readonly seen: (lane: Lane) => Promise<string>;
}

/** The moments of such an update, and how it is killed. */
export interface RecordedUpdate {
  readonly moments: readonly Moment[];
  readonly killing: Killing;
}

/** Runs the update in a lane, with nothing that comes in between. */
export async function recordUpdate(lane: Lane, next: NextUpdate): Promise<RecordedUpdate> {
  const { name, begin, arrange, asked, versions, seen } = next;
  const kept = new Set<Lane>();
  const prepare = async (each: Lane) => {
    if (!kept.has(each)) {
      await each.reset();
      await begin(each);
      await each.keep(name);
      kept.add(each);
    }
    await each.reset(name);
    await arrange?.(each);
  };
  await prepare(lane);
  const moments = await record(lane, asked);
  const wanted = await seen(lane);
  return {
    moments,
    killing: {
      victim: "everything",
      asked,
      prepare,
      async problems(each, again) {
        const found = await seen(each);
        return [
          ...(await convergenceProblems(each, again, asked, versions)),
          ...(found === wanted ? [] : [`there is ${found}, not ${wanted}`]),
        ];
      },
    },
  };
}

/** An update that must succeed. @throws with what it has shown */
export async function succeed(lane: Lane, asked: Asked): Promise<void> {
  const { code, shown } = await lane.update(asked);
  if (code !== 0) throw new Error(shown);
}
