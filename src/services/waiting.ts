import { setTimeout as pause } from "node:timers/promises";

/** How long somebody else is waited for. */
export interface Waiting {
  /** Milliseconds until it is given up. */
  readonly limitMs: number;
  /** Milliseconds between two looks. */
  readonly everyMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
  readonly report: (line: string) => void;
}

/** Milliseconds between two lines that say who is waited for. */
const REPORT_MS = 60_000;

/** Somebody else has what is needed, and may give it free. */
export class Held extends Error {
  override readonly name = "Held";
  /** What is held by whom: `stack prod is held by me@laptop`. */
  readonly what: string;

  /** @param message what is said when it is waited for no longer */
  constructor(what: string, message: string) {
    super(message);
    this.what = what;
  }
}

/**
 * Tries again while somebody else has what the attempt needs: bounded, and shown.
 *
 * @throws the attempt's error, when it is another one, or the time is up
 */
export async function whenFree<T>(attempt: () => Promise<T>, waiting: Waiting): Promise<T> {
  const { limitMs, everyMs, signal, report } = waiting;
  const began = performance.now();
  const limit = `${Math.round(limitMs / 60_000)} min`;
  for (let shown = Number.NEGATIVE_INFINITY; ; await pause(everyMs, undefined, { signal })) {
    try {
      return await attempt();
    } catch (error) {
      const now = performance.now();
      if (!(error instanceof Held)) {
        throw error;
      }
      if (now - began >= limitMs) {
        throw limitMs === 0 ? error : new Error(`${error.message}\nIt was waited for ${limit}.`, { cause: error });
      }
      if (now - shown >= REPORT_MS) {
        shown = now;
        report(`${error.what}: waiting up to ${limit}`);
      }
    }
  }
}
