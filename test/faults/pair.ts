import { setTimeout as wait } from "node:timers/promises";
import { expect } from "vitest";
import { type Ended, type Lane, otherMachine } from "./lane.ts";
import { writes, writesOf } from "./recording.ts";
import { problemsAfter } from "./sweep.ts";

const LOCKED = /stack \S+ is (locked|held)|currently locked by/;

/**
 * Two updates of one stack on two machines, one of them so many milliseconds later; negative: the other one.
 * One makes the release. The other one fails before its first write, or finds nothing to do. Two that refuse each other
 * begin again by themselves.
 */
export async function twoUpdates(lane: Lane, offset: number): Promise<string> {
  await lane.reset("built");
  const machines = [lane.directory, await otherMachine(lane)] as const;
  const [early, late] = offset < 0 ? machines.toReversed() : machines;
  const first = lane.begin({ ...(early ? { machine: early } : {}) });
  await wait(Math.abs(offset));
  const second = lane.begin({ ...(late ? { machine: late } : {}) });
  const ends = await Promise.all([first.ended, second.ended]);
  const said = ends.map(({ code, shown }) => (code === 0 ? "ended well" : (LOCKED.exec(shown)?.[0] ?? shown)));
  for (const { code, shown } of ends.filter((end) => !released(end))) {
    expect([code, shown]).toEqual([1, expect.stringMatching(LOCKED)]);
  }
  const won = ends.find(released);
  expect(won).toBeDefined();
  expect(await problemsAfter(lane, won as Ended)).toEqual([]);
  // All that was written is what one update writes: the other one wrote nothing.
  const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
  expect(counted).toBe(writesOf(lane.clean.moments).length);
  return said.join(", ");
}

function released({ code }: Ended): boolean {
  return code === 0;
}
