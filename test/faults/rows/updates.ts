import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { convergenceProblems, readPublished } from "../invariants.ts";
import { type Ended, type Lane, namesIn, otherMachine, type Running } from "../lane.ts";
import { writes, writesOf } from "../recording.ts";
import { LOCKS } from "../remains.ts";
import { type Boundary, boundariesOf, killAt, killedRelease } from "../sweep.ts";
import { expectFailure, expectRelease, forgetFaults, type Scenario, sentence, TAG } from "./scenario.ts";

/** Updates that are killed, and updates that meet. */
export const updateScenarios: readonly Scenario[] = [
  {
    row: 14,
    fault: "SIGKILL between image and release (every other boundary: the sweep)",
    short: true,
    async run(lane) {
      const boundary = boundariesOf(lane.clean.moments).find(({ stands }) =>
        stands.some(({ name }) => name === "before github POST /repos/releases (1)"),
      );
      const { met, problems } = await killAt(lane, boundary as Boundary, killedRelease);
      expect([met, problems]).toEqual([true, []]);
      return "the next run completes it, same digests";
    },
  },
  {
    row: 15,
    fault: "SIGKILL inside a create that is recorded as pending",
    async run(lane) {
      const running = lane.begin();
      lane.onBoundary(async (_service, { method, path }, boundary) => {
        if (method !== "POST" || !path.endsWith("/releases") || boundary !== "after-apply") return undefined;
        await running.kill();
        return "drop";
      });
      await running.ended;
      forgetFaults(lane);
      const pending: { type: string; resource: { urn: string } }[] = (await stateOf(lane)).pending_operations ?? [];
      expect(pending.map(({ type, resource }) => [type, resource.urn.split("::").at(-1)])).toEqual([
        ["creating", "release-github"],
      ]);
      const { shown } = await expectRelease(lane);
      return sentence(shown, /release-github was creating when its update died.*/);
    },
  },
  {
    row: 15,
    fault: "SIGKILL inside a withdrawal, which is then taken back",
    async run(lane) {
      const asked = { settings: { version: "1.1.0" } };
      for (const earlier of [{}, asked]) expect((await lane.update(earlier)).code).toBe(0);
      const before = await readPublished(lane);
      const { index: older } = before.releases[TAG] ?? {};
      expect(older).not.toBe(before.channels.latest);
      const running = lane.begin({ settings: { ...asked.settings, withdrawn: '["1.1.0"]' } });
      lane.onBoundary(async (_service, { method, path }, boundary) => {
        if (method !== "PUT" || !path.endsWith("/manifests/latest") || boundary !== "after-apply") return undefined;
        await running.kill();
        return "drop";
      });
      expect((await running.ended).code).toBe("SIGKILL");
      forgetFaults(lane);
      expect((await readPublished(lane)).channels.latest).toBe(older);
      const again = await lane.update(asked);
      expect(await convergenceProblems(lane, again, asked, ["1.0.0", "1.1.0"])).toEqual([]);
      expect(await readPublished(lane)).toEqual(before);
      return sentence(again.shown, /channels-latest was updating when its update died.*/);
    },
  },
  {
    row: 16,
    fault: "the lock of an update on another machine",
    short: true,
    async run(lane) {
      const lock = join(lane.local, LOCKS, "other.json");
      const content = { pid: 4711, username: "runner", hostname: "elsewhere", timestamp: "2026-01-02T03:04:05Z" };
      await mkdir(join(lock, ".."), { recursive: true });
      await writeFile(lock, JSON.stringify(content));
      const { shown } = await expectFailure(lane, /runner@elsewhere \(process 4711\), since 2026-01-02T03:04:05Z/);
      expect(shown).toContain("pulumi cancel --yes --stack local");
      expect(await readFile(lock, "utf8")).toBe(JSON.stringify(content));
      expect([...lane.github.history, ...lane.registry.history]).toEqual([]);
      return `left alone, no request; ${sentence(shown, /runner@elsewhere[^:]*:\d\d:\d\dZ \([^)]*\)/)}, pulumi cancel named`;
    },
  },
  {
    row: 16,
    fault: "the lock of an update on this machine that was killed",
    async run(lane) {
      const running = lane.begin();
      lane.onBoundary(async (service) => {
        if (service !== "registry") return undefined;
        await running.kill();
        return "drop";
      });
      await running.ended;
      forgetFaults(lane);
      expect(await namesIn(join(lane.local, LOCKS))).not.toEqual([]);
      const { shown } = await expectRelease(lane);
      return sentence(shown, /removed the lock of .*no process lives/);
    },
  },
  {
    row: 17,
    fault: "a second update, on another machine, while the first one pushes",
    short: true,
    async run(lane) {
      const [first, machine] = [lane.begin(), await otherMachine(lane)];
      let second: Promise<Ended> | undefined;
      lane.onBoundary(async (service, { path }, boundary) => {
        if (service !== "registry" || !path.includes("/blobs/") || boundary !== "before") return undefined;
        // Blobs are pushed side by side; all of them wait for the one second update.
        const count = lane.github.history.length;
        second ??= lane.update({ machine });
        await second;
        expect(lane.github.history.length).toBe(count);
        return undefined;
      });
      const won = await first.ended;
      const end = await second;
      forgetFaults(lane);
      expect([won.code, end?.code, end?.shown]).toEqual([
        0,
        1,
        expect.stringMatching(/is locked.*process \d+\), since/s),
      ]);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return `the second fails before any request: ${sentence(end?.shown ?? "", /stack local is locked[^:]*/)}`;
    },
  },
  {
    row: 17,
    fault: "a second update, on another machine, that waits for the first one",
    async run(lane) {
      const [first, place] = [lane.begin(), await otherMachine(lane)];
      let second: Running | undefined;
      lane.onBoundary(async (service, { path }, boundary) => {
        if (second === undefined && service === "registry" && path.includes("/blobs/") && boundary === "before") {
          second = lane.begin({ machine: place, waitMs: 300_000 });
          await second.shows("waiting up to 5 min");
        }
        return undefined;
      });
      expect((await first.ended).code).toBe(0);
      const end = await second?.ended;
      forgetFaults(lane);
      expect([end?.code, end?.shown]).toEqual([0, expect.stringMatching(/Resources:\n\s+\d+ unchanged\n/)]);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return `${sentence(end?.shown ?? "", /stack local is held by .*/)}; then 0 changes`;
    },
  },
  {
    row: 17,
    fault: "two updates, on two machines, whose locks refuse each other",
    async run(lane) {
      const both = [lane.directory, await otherMachine(lane)].map((machine) =>
        lane.begin({ machine, operations: ["wait", "up"], waitMs: 300_000 }),
      );
      await Promise.all(both.map((running) => running.shows("waits for a signal")));
      // Both have seen no lock. What each finds now is what the engine leaves that has made its own, and looks again.
      const holders = both.map(({ pid }) => ({ pid, username: "me", hostname: hostname(), timestamp: new Date() }));
      const locks = holders.map(({ pid }) => join(lane.local, LOCKS, `${pid}.json`));
      await mkdir(join(lane.local, LOCKS), { recursive: true });
      for (const [index, lock] of locks.entries()) await writeFile(lock, JSON.stringify(holders[index]));
      for (const { pid } of both) process.kill(pid, "SIGUSR2");
      await Promise.all(both.map((running) => running.shows("begins again (2 of 3)")));
      expect([...lane.github.history, ...lane.registry.history]).toEqual([]);
      // As each engine does that is refused.
      for (const lock of locks) await rm(lock);
      const ends = await Promise.all(both.map(({ ended }) => ended));
      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
      expect(ends.every(({ shown }) => shown.includes("currently locked by 2 lock(s)"))).toBe(true);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return "both are refused before any request and begin again: one releases, the other finds nothing to do";
    },
  },
];

// biome-ignore lint/suspicious/noExplicitAny: a deployment as the engine writes it
async function stateOf({ local }: Lane): Promise<any> {
  const file = join(local, "state/.pulumi/stacks/mount-monitor/local.json");
  return JSON.parse(await readFile(file, "utf8")).checkpoint.latest;
}
