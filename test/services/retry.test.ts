import { afterEach, describe, expect, test, vi } from "vitest";
import { requestedWait, withRetries, writeOnce } from "../../src/services/retry.ts";
import { ServiceError } from "../../src/services/service-error.ts";

const now = Date.parse("2026-11-24T12:00:00Z");
const patience = { retries: 3, secondMs: 2 };

function failure(traits: { transient?: boolean; mayBeApplied?: boolean; waitSeconds?: number }): ServiceError {
  return new ServiceError("it failed", { service: "GitHub", ...traits });
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the wait that an answer asks for", () => {
  test.each([
    [429, { "retry-after": "7" }, "", 7],
    [403, { "retry-after": "7" }, "", 7],
    [503, { "retry-after": "7" }, "", 7],
    [503, { "retry-after": "Tue, 24 Nov 2026 12:01:30 GMT" }, "", 90],
    [503, { "retry-after": "Tue, 24 Nov 2026 11:00:00 GMT" }, "", 0],
    [503, { "retry-after": "soon" }, "", undefined],
    [503, {}, "", undefined],
    [429, {}, "", undefined],
    [403, {}, "You have exceeded a secondary rate limit.", 60],
    [500, {}, "secondary rate limit", undefined],
    [403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 + 30) }, "", 31],
    [403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 - 30) }, "", 1],
    [403, { "x-ratelimit-remaining": "1", "x-ratelimit-reset": String(now / 1000 + 30) }, "", undefined],
    [500, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1000 + 30) }, "", undefined],
    [404, { "retry-after": "7" }, "", undefined],
  ])("of a %i with %j %j is %s", (status, headers, text, expected) => {
    expect(requestedWait(status, new Headers(headers as Record<string, string>), text, now)).toBe(expected);
  });
});

describe("a call", () => {
  test.each([
    ["passing", { transient: true }, true, 4],
    ["final", { transient: false }, true, 1],
    ["passing and perhaps applied, when that is no matter", { transient: true, mayBeApplied: true }, true, 4],
    ["passing and perhaps applied, when it must not be doubled", { transient: true, mayBeApplied: true }, false, 1],
    ["passing and surely not applied, when it must not be doubled", { transient: true }, false, 4],
  ])("whose failure is %s", async (_name, traits, idempotent, attempts) => {
    let made = 0;
    const attempt = async () => {
      made++;
      throw failure(traits);
    };
    await expect(withRetries(attempt, idempotent, patience)).rejects.toThrow("it failed");
    expect(made).toBe(attempts);
  });

  test("that fails by a mistake of the program is not repeated", async () => {
    let made = 0;
    const attempt = async () => {
      made++;
      throw new Error("a mistake");
    };
    await expect(withRetries(attempt, true, patience)).rejects.toThrow("a mistake");
    expect(made).toBe(1);
  });

  test.each([
    // The least and nearly the most of the jitter.
    [0, [500, 1000, 2000, 4000, 8000]],
    [0.9, [950, 1900, 3800, 7600, 8000]],
  ])("backs off with jitter, up to a bound: %f", async (random, waits) => {
    vi.useFakeTimers();
    vi.spyOn(Math, "random").mockReturnValue(random);
    const at: number[] = [];
    const attempt = async () => {
      at.push(Date.now());
      throw failure({ transient: true });
    };
    const call = expect(withRetries(attempt, true, { retries: 5 })).rejects.toThrow("it failed");
    await vi.advanceTimersByTimeAsync(60_000);
    await call;
    expect(at.slice(1).map((time, index) => time - (at[index] ?? 0))).toEqual(waits);
  });

  test("does not wait when no attempt is left", async () => {
    const lines: string[] = [];
    const attempt = async () => {
      throw failure({ transient: true, waitSeconds: 5 });
    };
    const report = (line: string) => lines.push(line);
    const start = performance.now();
    await expect(withRetries(attempt, true, { ...patience, retries: 2 }, report)).rejects.toThrow("it failed");
    expect(lines).toEqual(Array(2).fill("GitHub asks to wait 5 s"));
    expect(performance.now() - start).toBeGreaterThanOrEqual(2 * 5 * patience.secondMs - 1);
  });
});

describe("a write that must not be doubled", () => {
  test("is looked for before it is sent again", async () => {
    const log: string[] = [];
    const result = await writeOnce(
      async () => {
        log.push("write");
        throw failure({ mayBeApplied: true });
      },
      async () => {
        log.push("look");
        return log.length > 3 ? "found" : undefined;
      },
      patience,
    );
    expect(result).toBe("found");
    expect(log).toEqual(["write", "look", "write", "look"]);
  });

  test("is not sent again after a refusal", async () => {
    let looked = false;
    const write = async () => {
      throw failure({});
    };
    const look = async () => {
      looked = true;
      return undefined;
    };
    await expect(writeOnce(write, look, patience)).rejects.toThrow("it failed");
    expect(looked).toBe(false);
  });
});
