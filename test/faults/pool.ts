import { bundle } from "./bundle.ts";
import { type Lane, openLane } from "./lane.ts";

/** Lanes that scenarios take turns in. */
export interface Pool extends AsyncDisposable {
  readonly lanes: readonly Lane[];
  /** Gives a scenario a lane of its own while it runs. */
  run<T>(scenario: (lane: Lane) => Promise<T>): Promise<T>;
}

/** Two lanes: as many scenarios at a time as the suite is meant for processors. */
export async function openPool(size = 2): Promise<Pool> {
  const code = await bundle();
  const opened = await Promise.allSettled(Array.from({ length: size }, () => openLane(code)));
  const lanes = opened.flatMap((lane) => (lane.status === "fulfilled" ? [lane.value] : []));
  const dispose = () => Promise.all(lanes.map((lane) => lane[Symbol.asyncDispose]()));
  const failed = opened.find((lane) => lane.status === "rejected");
  if (failed) {
    await dispose();
    throw failed.reason;
  }
  const free = [...lanes];
  const waiting: ((lane: Lane) => void)[] = [];
  return {
    lanes,
    async run(scenario) {
      const lane = free.pop() ?? (await new Promise<Lane>((resolve) => waiting.push(resolve)));
      try {
        return await scenario(lane);
      } finally {
        const next = waiting.shift();
        if (next) next(lane);
        else free.push(lane);
      }
    },
    async [Symbol.asyncDispose]() {
      await dispose();
    },
  };
}
