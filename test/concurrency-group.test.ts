import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { workflowsOf } from "../src/commands/workflows.ts";
import { type Concurrency, ConcurrencyGroup } from "./concurrency-group.ts";

const declared = async (name: string): Promise<Concurrency> =>
  parse((await workflowsOf("prod"))[`.github/workflows/${name}.yml`] ?? "").concurrency;

/** Runs that are all started before the first one ends. */
async function together(concurrency: Omit<Concurrency, "group">, count: number) {
  const group = new ConcurrencyGroup();
  const gate = Promise.withResolvers<void>();
  const order: number[] = [];
  let most = 0;
  let running = 0;
  const runs = Array.from({ length: count }, (_, index) =>
    group.enter(concurrency, async () => {
      most = Math.max(most, ++running);
      await gate.promise;
      order.push(index);
      running--;
    }),
  );
  gate.resolve();
  return { outcomes: await Promise.all(runs), order, most };
}

describe("runs of one concurrency group", () => {
  test("of three tags that are pushed at once, release.yml loses none, and runs one at a time", async () => {
    expect(await together(await declared("release"), 3)).toEqual({
      outcomes: ["done", "done", "done"],
      order: [0, 1, 2],
      most: 1,
    });
  });

  test("GitHub's default would lose the one in the middle", async () => {
    expect((await together({ "cancel-in-progress": false }, 3)).outcomes).toEqual(["done", "cancelled", "done"]);
  });

  test("the queue is bounded: a hundred wait", async () => {
    const { outcomes } = await together(await declared("release"), 102);
    expect(outcomes.filter((outcome) => outcome === "done")).toHaveLength(101);
    expect(outcomes.at(-1)).toBe("cancelled");
  });

  test("whatever reads the state while a release may change it is in the same group, by the same rules", async () => {
    expect(await declared("drift")).toEqual(await declared("release"));
  });

  test("a newer commit of a pull request takes the place of the preview that runs", async () => {
    expect((await declared("preview"))["cancel-in-progress"]).toBe(true);
    const group = new ConcurrencyGroup();
    const first = group.enter({ "cancel-in-progress": true }, async (signal) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
    const second = group.enter({ "cancel-in-progress": true }, async () => {});
    expect(await Promise.all([first, second])).toEqual(["cancelled", "done"]);
  });
});
