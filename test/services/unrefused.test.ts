import { expect, test } from "vitest";
import { type Beginning, unrefused } from "../../src/services/unrefused.ts";

class Refused extends Error {}

/** Begins with these outcomes, one after the other; notes what happens. */
function beginning(outcomes: readonly (Error | string)[], changes: Partial<Beginning<string>> = {}) {
  const happened: string[] = [];
  const left = [...outcomes];
  const run = unrefused({
    stack: "prod",
    async begin() {
      const outcome = left.shift() ?? expect.unreachable("begun once more");
      happened.push("begin");
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    isRefused: (error) => error instanceof Refused,
    settle: async () => void happened.push("settle"),
    report: (line) => happened.push(line),
    ...changes,
  });
  return { run, happened };
}

const again = (n: number) => `another update of stack prod began first: this one begins again (${n} of 3)`;

test("an operation that is not refused is begun once", async () => {
  const { run, happened } = beginning(["done"]);
  expect(await run).toBe("done");
  expect(happened).toEqual(["begin"]);
});

test("a refused one is begun again when what the other update left is settled", async () => {
  const { run, happened } = beginning([new Refused(), new Refused(), "done"]);
  expect(await run).toBe("done");
  expect(happened).toEqual(["begin", again(2), "settle", "begin", again(3), "settle", "begin"]);
});

test("the third refusal is the last", async () => {
  const refusals = [new Refused("1"), new Refused("2"), new Refused("3")];
  const { run, happened } = beginning(refusals);
  await expect(run).rejects.toBe(refusals[2]);
  expect(happened.filter((line) => line === "begin")).toHaveLength(3);
});

test("another failure is final", async () => {
  const { run, happened } = beginning([new Refused(), new Error("the update failed")]);
  await expect(run).rejects.toThrow("the update failed");
  expect(happened).toEqual(["begin", again(2), "settle", "begin"]);
});

test("an interruption ends the pause", async () => {
  const signal = AbortSignal.abort(new Error("Ctrl-C"));
  const { run, happened } = beginning([new Refused()], { signal });
  await expect(run).rejects.toThrow("aborted");
  expect(happened).not.toContain("settle");
});
