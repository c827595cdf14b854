import type { RequestRecord } from "./history.ts";

/** The hour's budget of requests. https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api */
export class RateLimit {
  limit = 5000;
  used = 0;
  /** Unix time in seconds at which `used` starts over. */
  reset = 0;

  /** Starts a new hour if the last one is over. */
  turn(now: number): void {
    if (now < this.reset) return;
    this.used = 0;
    this.reset = now + 3600;
  }

  get exhausted(): boolean {
    return this.used >= this.limit;
  }

  /** Counts a request, unless it was answered with 304 or asks for the limit itself. */
  count(record: RequestRecord, status: number): void {
    if (status !== 304 && record.path !== "/rate_limit") this.used++;
  }

  numbers() {
    return { limit: this.limit, used: this.used, remaining: Math.max(0, this.limit - this.used), reset: this.reset };
  }

  headers(): Record<string, string> {
    const { limit, used, remaining, reset } = this.numbers();
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-reset": String(reset),
      "x-ratelimit-used": String(used),
      "x-ratelimit-resource": "core",
    };
  }
}
