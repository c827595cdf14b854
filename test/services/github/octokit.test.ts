import { afterEach, describe, expect, test, vi } from "vitest";
import { createOctokit } from "../../../src/services/github/octokit.ts";
import type { Patience } from "../../../src/services/retry.ts";
import { type Failure, ServiceError } from "../../../src/services/service-error.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** A client whose first requests fail as told; then all succeed. */
function client(failures: readonly Omit<Failure, "service">[], patience: Patience = {}) {
  const left = [...failures];
  const lines: string[] = [];
  let sent = 0;
  const octokit = createOctokit({
    baseUrl: "https://api.github.com",
    token: undefined,
    patience: { retries: 2, secondMs: 1, ...patience },
    report: (line) => lines.push(line),
    fetch: async () => {
      sent++;
      const failure = left.shift();
      if (failure) {
        throw new ServiceError("it failed", { service: "GitHub", ...failure });
      }
      return new Response("{}", { headers: { "content-type": "application/json" } });
    },
  });
  return { octokit, lines, sent: () => sent };
}

const ask = { GET: "GET /user", POST: "POST /user/repos", DELETE: "DELETE /user/keys/1" } as const;
const passing = { transient: true };
const perhapsApplied = { transient: true, mayBeApplied: true, status: 502 };
const limit = { transient: true, waitSeconds: 3, status: 429 };
const busy = { ...perhapsApplied, waitSeconds: 3, status: 503 };

describe("a failed request", () => {
  test.each([
    ["GET", "in passing", [passing, passing], 3, []],
    ["GET", "and was perhaps applied", [perhapsApplied], 2, []],
    ["DELETE", "and was perhaps applied", [perhapsApplied], 2, []],
    ["POST", "and never reached GitHub", [passing], 2, []],
    ["POST", "by a limit", [limit], 2, [3]],
    ["GET", "by a limit", [limit, limit], 3, [3, 3]],
    ["GET", "with 503 and Retry-After", [busy], 2, [3]],
    ["GET", "by a limit, then in passing", [limit, passing], 3, [3]],
  ] as const)("%s %s is sent again", async (method, _name, failures, sent, waits) => {
    const { octokit, lines, ...made } = client(failures);
    await octokit.request(ask[method]);
    expect(made.sent()).toBe(sent);
    expect(lines).toEqual(waits.map((seconds) => `GitHub asks to wait ${seconds} s`));
  });

  test.each([
    ["POST", "and was perhaps applied", [perhapsApplied], 1],
    ["POST", "with 503 and Retry-After", [busy], 1],
    ["GET", "for good", [{ status: 404 }], 1],
    ["GET", "for good, without an answer", [{}], 1],
    ["GET", "in passing, but too often", Array(9).fill(passing), 3],
    ["GET", "by a limit, but too often", Array(9).fill(limit), 3],
    [
      "GET",
      "by limits longer than the cap together",
      [
        { ...limit, waitSeconds: 70 },
        { ...limit, waitSeconds: 51 },
      ],
      2,
    ],
  ] as const)("%s %s is not sent again", async (method, _name, failures, sent) => {
    const { octokit, ...made } = client(failures);
    const error: unknown = await octokit.request(ask[method]).catch((reason: unknown) => reason);
    // As it was thrown, with what was found out about it: callers decide by that, not by the plugins' terms.
    expect(error).toBeInstanceOf(ServiceError);
    expect(error).toMatchObject({ message: expect.stringMatching(/^it failed/), status: failures[0].status });
    expect(made.sent()).toBe(sent);
  });

  test("names the time when GitHub asks for more than the cap", async () => {
    const { octokit, lines } = client([{ ...limit, waitSeconds: 121 }]);
    await expect(octokit.request(ask.POST)).rejects.toThrow(
      /^it failed\nGitHub asks to wait 121 s, until 20.*Z; at most 120 s are waited: run it again after that time$/,
    );
    expect(lines).toEqual([]);
  });
});

test("twenty writes are sent at once, and one per second after them", async () => {
  vi.useFakeTimers();
  const { octokit, sent } = client([]);
  const requests: Promise<unknown>[] = Array.from({ length: 23 }, () => octokit.request(ask.POST));
  await vi.advanceTimersByTimeAsync(900);
  expect(sent()).toBe(20);
  // A read does not wait for them.
  requests.push(octokit.request(ask.GET));
  await vi.advanceTimersByTimeAsync(50);
  expect(sent()).toBe(21);
  await vi.advanceTimersByTimeAsync(1000);
  expect(sent()).toBe(22);
  await vi.advanceTimersByTimeAsync(2000);
  await Promise.all(requests);
});
