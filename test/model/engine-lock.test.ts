import { describe, expect, test } from "vitest";
import { isOutlived, isRefusal, lockedMessage, parseLock, parseRefusal } from "../../src/model/engine-lock.ts";

const holder = { user: "me", host: "laptop", pid: 4711, since: "2026-01-02T03:04:05Z" };
const content = '{"pid":4711,"username":"me","hostname":"laptop","timestamp":"2026-01-02T04:04:05.678901234+01:00"}';

describe("a lock of the engine", () => {
  test("is read from its file", () => {
    expect(parseLock("/locks/a.json", content)).toEqual({ where: "/locks/a.json", holder });
  });

  test.each(["", "{", content.slice(0, 40), "null", '{"pid":1}'])(
    "has no known holder when its file holds %j",
    (text) => {
      expect(parseLock("/locks/a.json", text)).toEqual({ where: "/locks/a.json", holder: undefined });
    },
  );

  test("is read from the engine's refusal, also when there are several", () => {
    // As pkg/backend/diy/lock.go writes it.
    const text =
      "error: could not import deployment: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
      "  s3://bucket/.pulumi/locks/organization/mount-monitor/prod/a.json: created by me@laptop (pid 4711) at 2026-01-02T04:04:05+01:00\n" +
      "  s3://bucket/.pulumi/locks/organization/mount-monitor/prod/b.json: created by runner@vm-1 (pid 12) at 2026-01-02T03:09:05Z\n";
    expect(parseRefusal(text)).toEqual([
      { where: "s3://bucket/.pulumi/locks/organization/mount-monitor/prod/a.json", holder },
      {
        where: "s3://bucket/.pulumi/locks/organization/mount-monitor/prod/b.json",
        holder: { user: "runner", host: "vm-1", pid: 12, since: "2026-01-02T03:09:05Z" },
      },
    ]);
  });

  test("is none when the engine fails for another reason", () => {
    expect(parseRefusal("error: passphrase must be set: created by me@laptop (pid 1) at 2026-01-02T03:04:05Z")).toEqual(
      [],
    );
  });

  test.each([
    ["error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end", true],
    ["error: [409] Conflict: Another update is currently in progress.", true],
    ["error: GET https://api.github.com/repos/o/r: 409 Conflict []", false],
    ["error: update failed", false],
    ["", false],
  ])("refuses an update, or does not: %s", (said, refused) => {
    expect(isRefusal(said)).toBe(refused);
  });

  test("that may be alive is told with owner, age and the command", () => {
    const message = lockedMessage("prod", [{ where: "/locks/a.json", holder }], Date.parse("2026-01-02T03:11:10Z"));
    expect(message).toContain("me@laptop (process 4711), since 2026-01-02T03:04:05Z (7 min ago): /locks/a.json");
    expect(message).toContain("\n  pulumi cancel --yes --stack prod");
    expect(lockedMessage("prod", [{ where: "x", holder: undefined }], 0)).toContain("somebody unknown");
  });

  test.each([
    ["2026-01-02T04:04:05Z", "1 h"],
    ["2026-01-03T23:04:05Z", "44 h"],
    ["2026-01-09T03:04:05Z", "7 days"],
    ["2026-01-01T00:00:00Z", "0 min"],
  ])("at %s it is %s old", (now, age) => {
    expect(lockedMessage("prod", [{ where: "x", holder }], Date.parse(now))).toContain(`(${age} ago)`);
  });

  test("is older than any update after six hours, when its age is known", () => {
    const lock = { where: "x", holder };
    expect(isOutlived(lock, Date.parse("2026-01-02T09:04:05Z"))).toBe(false);
    expect(isOutlived(lock, Date.parse("2026-01-02T09:04:06Z"))).toBe(true);
    expect(isOutlived({ where: "x", holder: undefined }, Date.parse("2027-01-01T00:00:00Z"))).toBe(false);
  });
});
