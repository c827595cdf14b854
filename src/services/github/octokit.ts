import { Octokit } from "@octokit/core";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import Bottleneck from "bottleneck";
import { type Patience, patient, tooLong } from "../retry.ts";
import { ServiceError } from "../service-error.ts";
import { isIdempotent } from "../transport.ts";

/** What the client needs; `fetch` throws a {@link ServiceError} for every answer that is no success. */
export interface OctokitOptions {
  readonly baseUrl: string;
  readonly token: string | undefined;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly patience?: Patience | undefined;
  /** Told when GitHub asks to wait. */
  readonly report?: ((line: string) => void) | undefined;
}

const silent = () => {};
// What the plugins are told about a failure, in the only terms that they know. `passing` is what Octokit makes of an
// error of its fetch, and `retry` backs off; `final` is nothing for them.
const final = { status: 400 };
const asksToWait = (seconds: number) => ({
  status: 429,
  message: "secondary rate limit",
  response: { headers: { "retry-after": String(Math.max(1, seconds)) } },
});

/**
 * Octokit that waits by its own plugins: `throttling` waits as long as GitHub asks, with a cap, and paces writes; `retry`
 * repeats what failed in passing. By themselves they would repeat a POST that may have been applied, and miss most forms
 * of `Retry-After`; so a hook below them says which failures are whose.
 *
 * @throws ServiceError as `fetch` threw it; one that names the time when GitHub asks for more than the cap
 */
export function createOctokit({ baseUrl, token, fetch, patience, report = silent }: OctokitOptions): Octokit {
  const { retries, maxWaitSeconds, secondMs } = { ...patient, ...patience };
  const waited = new WeakMap<object, number>();
  const octokit = new Guided({
    baseUrl,
    userAgent: "mount-monitor-release",
    log: { debug: silent, info: silent, warn: silent, error: silent },
    request: { fetch },
    ...(token ? { auth: token } : {}),
    retry: { retries, retryAfterBaseValue: secondMs, doNotRetry: [final.status, asksToWait(0).status] },
    throttle: {
      retryAfterBaseValue: secondMs,
      onRateLimit: mayWait,
      onSecondaryRateLimit: mayWait,
      write: pacedWrites(),
      // Makes writes that notify people 3 s apart: a release has one.
      notifications: new Bottleneck.Group(),
    },
  });
  // Registered last, called last: the plugins have given up.
  octokit.hook.error("request", (error, request) => {
    const { cause } = error;
    if (cause instanceof ServiceError && (waited.get(request) ?? 0) > maxWaitSeconds) {
      throw tooLong(cause, cause.waitSeconds ?? 0, maxWaitSeconds);
    }
    throw cause instanceof ServiceError ? cause : error;
  });
  return octokit;

  function mayWait(seconds: number, request: object, _octokit: Octokit, attempt: number): boolean {
    const total = (waited.get(request) ?? 0) + seconds;
    if (attempt >= retries) {
      return false;
    }
    waited.set(request, total);
    if (total > maxWaitSeconds) {
      return false;
    }
    report(`GitHub asks to wait ${seconds} s`);
    return true;
  }
}

const Guided = Octokit.plugin(guide, retry, throttling);

/** Registered first, and so nearest to the request. */
function guide(octokit: Octokit): void {
  octokit.hook.error("request", (error, request) => {
    const { cause } = error;
    if (!(cause instanceof ServiceError)) {
      throw error;
    }
    if (!cause.transient || (cause.mayBeApplied && !isIdempotent(request))) {
      throw Object.assign(error, final);
    }
    throw cause.waitSeconds === undefined ? error : Object.assign(error, asksToWait(cause.waitSeconds));
  });
}

/**
 * At most 80 writes in the first minute, and one per second from then on, as GitHub asks of who makes many; the few that
 * a release takes are not held up.
 * Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 */
function pacedWrites(): Bottleneck.Group {
  return new Bottleneck.Group({
    reservoir: 20,
    reservoirIncreaseAmount: 1,
    reservoirIncreaseInterval: 1000,
    reservoirIncreaseMaximum: 20,
  });
}
