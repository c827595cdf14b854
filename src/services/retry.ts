import { setTimeout as pause } from "node:timers/promises";
import pRetry, { type Options } from "p-retry";
import { ServiceError } from "./service-error.ts";

/** How patient a client is. The defaults suit public services; tests make them small. */
export interface Patience {
  /** Attempts after the first one. Default 4. */
  readonly retries?: number;
  /** First back-off in milliseconds, before jitter; doubled each time. Default 500. */
  readonly backoffMs?: number;
  /** Seconds one call may wait in total because the service asked for it. Default 120. */
  readonly maxWaitSeconds?: number;
  /** Milliseconds without any progress after which an attempt is given up. Default 60 000. */
  readonly timeoutMs?: number;
  /** Waits that long; the clock of the tests replaces it. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/**
 * The one place where calls to GitHub or a registry are tried again: bounded, with exponential back-off and jitter, and
 * never sooner than the service asked for.
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
  const { retries = 4, backoffMs = 500, maxWaitSeconds = 120 } = patience;
  const wait = patience.pause ?? ((milliseconds: number) => pause(milliseconds));
  let waited = 0;
  return {
    retries,
    minTimeout: backoffMs,
    maxTimeout: backoffMs * 16,
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
      await wait(seconds * 1000);
    },
  };
}

function canRetry(error: Error, idempotent: boolean): boolean {
  return error instanceof ServiceError && error.transient && (idempotent || !error.mayBeApplied);
}

function serviceOf(error: Error): string {
  return error instanceof ServiceError ? error.service : "the service";
}

function tooLong(error: Error, seconds: number, limit: number): Error {
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
