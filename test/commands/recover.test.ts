import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { isRecordedDead, parseCommandLine } from "../../src/commands/recover.ts";
import { startTime } from "../../src/services/liveness.ts";

describe("npm run recover", () => {
  test.each([
    [[], undefined, 15, []],
    [["--stack", "prod"], "prod", 15, []],
    [["--stack=prod", "--wait", "0"], "prod", 0, []],
    [["pulumi", "up", "--stack", "dev"], undefined, 15, ["pulumi", "up", "--stack", "dev"]],
    [["--wait", "3", "npx", "pulumi", "up", "--wait"], undefined, 3, ["npx", "pulumi", "up", "--wait"]],
  ])("reads %j", (args, stack, wait, command) => {
    expect(parseCommandLine(args)).toEqual({ stack, wait, command });
  });

  test.each(["soon", "-1", "1.5", ""])("refuses to wait %j minutes", (wait) => {
    expect(() => parseCommandLine([`--wait=${wait}`])).toThrow("npm run recover -- --wait 5");
  });

  test("refuses an option that it does not have", () => {
    expect(() => parseCommandLine(["--force"])).toThrow("--force");
  });
});

describe("a lock is a dead update's", () => {
  const id = "5f0c3a0e-6c84-4d4c-9f0e-2d1f3f1d7a10";
  const lock = (pid: number, host = hostname()) => ({
    where: "/locks/a.json",
    holder: { user: "me", host, pid, since: "2026-01-02T03:04:05Z" },
  });
  const ended = spawnSync("true").pid;
  const earlier = (...processes: { pid: number; started: string }[]) => ({ id, host: hostname(), processes });

  test("when its process was written down and nothing that was written down lives", async () => {
    const started = (await startTime(process.pid)) ?? "";
    expect(await isRecordedDead(lock(ended), earlier({ pid: ended, started: "1" }))).toBe(true);
    // What else was written down may have its id from another process since.
    const other = { pid: process.pid, started: `${started}0` };
    expect(await isRecordedDead(lock(ended), earlier({ pid: ended, started: "1" }, other))).toBe(true);
    // But the lock may be the newer process's.
    expect(await isRecordedDead(lock(process.pid), earlier(other))).toBe(false);
    // The same id with the same start time: it is this very process.
    expect(await isRecordedDead(lock(process.pid), earlier({ pid: process.pid, started }))).toBe(false);
    // A plugin of it lives on.
    expect(
      await isRecordedDead(lock(ended), earlier({ pid: ended, started: "1" }, { pid: process.pid, started })),
    ).toBe(false);
  });

  test("not when it is another machine's, nobody's, or was never written down", async () => {
    const dead = { pid: 4711, started: "1" };
    expect(await isRecordedDead(lock(4711, "elsewhere"), earlier(dead))).toBe(false);
    expect(await isRecordedDead(lock(4711), { ...earlier(dead), host: "elsewhere" })).toBe(false);
    expect(await isRecordedDead(lock(4712), earlier(dead))).toBe(false);
    expect(await isRecordedDead(lock(4711), undefined)).toBe(false);
    expect(await isRecordedDead({ where: "x", holder: undefined }, earlier(dead))).toBe(false);
  });
});
