import { setTimeout as pause } from "node:timers/promises";
import pRetry, { type Options } from "p-retry";
import { ServiceError } from "./service-error.ts";

/** How patient a client is. The defaults suit public services; tests make them small. */
export interface Patience {
  /** Attempts after the first one. Default 4. */
  readonly retries?: number;
  /** Seconds one call may wait in total because the service asked for it. Default 120. */
  readonly maxWaitSeconds?: number;
  /** Milliseconds without any progress after which an attempt is given up. Default 60 000. */
  readonly timeoutMs?: number;
  /** Milliseconds that a second of waiting takes. Default 1000; tests make time short. */
  readonly secondMs?: number;
}

/** The defaults of a {@link Patience}. */
export const patient = { retries: 4, maxWaitSeconds: 120, timeoutMs: 60_000, secondMs: 1000 } as const;

/**
 * Tries a call to a registry again: bounded, with exponential back-off and jitter, and never sooner than it asked for.
 * (Requests to GitHub are tried again by Octokit's plugins, see `github/octokit.ts`.)
 *
 * @param attempt throws a {@link ServiceError}; anything else is final
 * @param idempotent whether a call that may have been applied can simply be sent again
 * @throws the last error; or one that names the time, when the service asks for more than `maxWaitSeconds`
 */
export function withRetries<T>(
  attempt: () => Promise<T>,
  idempotent: boolean,
  patience: Patience,
  report: (line: string) => void = () => {},
): Promise<T> {
  return pRetry(
    attempt,
    manners((error) => canRetry(error, idempotent), patience, report),
  );
}

/**
 * Carries out a write that must not be doubled. When its reply was lost, the service is asked whether it was applied
 * before it is sent again; bounded like every retry.
 *
 * @param applied finds what the write would have made, or undefined when it is not there
 */
export function writeOnce<T>(
  write: () => Promise<T>,
  applied: () => Promise<T | undefined>,
  patience: Patience,
  report: (line: string) => void = () => {},
): Promise<T> {
  return pRetry(
    async (attempt) => (attempt > 1 ? await applied() : undefined) ?? write(),
    manners((error) => error instanceof ServiceError && error.mayBeApplied, patience, report),
  );
}

function manners(shouldRetry: (error: Error) => boolean, patience: Patience, report: (line: string) => void): Options {
  const { retries, maxWaitSeconds, secondMs } = { ...patient, ...patience };
  let waited = 0;
  return {
    retries,
    minTimeout: secondMs / 2,
    maxTimeout: secondMs * 8,
    randomize: true,
    shouldRetry: ({ error }) => shouldRetry(error),
    onFailedAttempt: async ({ error, retriesLeft }) => {
      const seconds = error instanceof ServiceError ? error.waitSeconds : undefined;
      if (seconds === undefined || retriesLeft === 0 || !shouldRetry(error)) {
        return;
      }
      if (waited + seconds > maxWaitSeconds) {
        throw tooLong(error, seconds, maxWaitSeconds);
      }
      waited += seconds;
      report(`${serviceOf(error)} asks to wait ${seconds} s`);
      await pause(seconds * secondMs);
    },
  };
}

function canRetry(error: Error, idempotent: boolean): boolean {
  return error instanceof ServiceError && error.transient && (idempotent || !error.mayBeApplied);
}

function serviceOf(error: Error): string {
  return error instanceof ServiceError ? error.service : "the service";
}

/** The same failure, final, naming the time that the service asks to wait for. @param limit seconds that would be waited */
export function tooLong(error: Error, seconds: number, limit: number): Error {
  const until = new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z");
  const message = `${error.message}\n${serviceOf(error)} asks to wait ${seconds} s, until ${until}; at most ${limit} s are waited: run it again after that time`;
  return error instanceof ServiceError ? error.saying(message) : new Error(message);
}

/**
 * Seconds that an answer asks to wait, or undefined when it does not ask.
 * `Retry-After` in seconds or as a date, else GitHub's reset header of a used-up limit, else one minute for a
 * secondary limit that names no time.
 * Source: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately
 *
 * @param text body of the answer
 * @param now milliseconds since the epoch
 */
export function requestedWait(status: number, headers: Headers, text: string, now: number): number | undefined {
  const limited = status === 403 || status === 429;
  if (!limited && status < 500) {
    return undefined;
  }
  const after = headers.get("retry-after")?.trim();
  if (after) {
    const seconds = /^\d+$/.test(after) ? Number(after) : Math.ceil((Date.parse(after) - now) / 1000);
    if (Number.isFinite(seconds)) {
      return Math.max(0, seconds);
    }
  }
  const reset = headers.get("x-ratelimit-reset");
  if (limited && headers.get("x-ratelimit-remaining") === "0" && reset && /^\d+$/.test(reset)) {
    // One second more: the limit is lifted after the second that the header names.
    return Math.max(0, Math.ceil(Number(reset) - now / 1000)) + 1;
  }
  return limited && /secondary rate limit/i.test(text) ? 60 : undefined;
}
