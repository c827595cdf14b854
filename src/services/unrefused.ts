import { setTimeout as pause } from "node:timers/promises";

/** How often an operation of the engine is begun that another update's lock refuses. */
const BEGINNINGS = 3;
/** Milliseconds between a refusal and the next beginning, at most. */
const PAUSE_MS = 2_000;

/** An operation of the engine that changes a stack, and what is done when another update had it first. */
export interface Beginning<T> {
  readonly stack: string;
  readonly begin: () => Promise<T>;
  /** Whether what `begin` threw says that the engine was refused before its first write. */
  readonly isRefused: (error: unknown) => boolean;
  /** Waits for the other update, and settles what it may have left. */
  readonly settle: () => Promise<void>;
  readonly report: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs an operation of the engine; one that another update's lock refuses is begun again when that update has ended: two that
 * begin at the same moment refuse each other.
 *
 * @throws what `begin` throws, when it is another failure or the last refusal
 */
export async function unrefused<T>({ stack, begin, isRefused, settle, report, signal }: Beginning<T>): Promise<T> {
  for (let beginning = 1; ; beginning++) {
    try {
      return await begin();
    } catch (error) {
      if (!isRefused(error) || beginning === BEGINNINGS) {
        throw error;
      }
      report(`another update of stack ${stack} began first: this one begins again (${beginning + 1} of ${BEGINNINGS})`);
      // At random, so that two which refused each other do not meet again.
      await pause(Math.random() * PAUSE_MS, undefined, { signal });
      await settle();
    }
  }
}
