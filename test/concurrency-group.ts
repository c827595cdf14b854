/** What a workflow says of its group. */
export interface Concurrency {
  readonly group: string;
  readonly "cancel-in-progress"?: boolean;
  readonly queue?: "single" | "max";
}

/** How a run ended. */
export type Outcome = "done" | "cancelled";

/**
 * The rules by which GitHub runs workflows of one concurrency group, as its documentation states them: one runs, the
 * others wait; by default only the newest one waits, and with `queue: max` up to 100.
 * @see https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
 */
export class ConcurrencyGroup {
  static readonly longest = 100;
  #running: AbortController | undefined;
  #pending: { start: () => void; cancel: () => void }[] = [];

  /** Runs a job when it is its turn. */
  async enter(
    { "cancel-in-progress": cancels = false, queue = "single" }: Omit<Concurrency, "group">,
    job: (signal: AbortSignal) => Promise<void>,
  ): Promise<Outcome> {
    if (cancels) this.#running?.abort();
    if (this.#running) {
      if (queue === "single") for (const { cancel } of this.#pending.splice(0)) cancel();
      if (this.#pending.length >= ConcurrencyGroup.longest) return "cancelled";
      const turn = Promise.withResolvers<boolean>();
      this.#pending.push({ start: () => turn.resolve(true), cancel: () => turn.resolve(false) });
      if (!(await turn.promise)) return "cancelled";
    }
    const controller = new AbortController();
    this.#running = controller;
    try {
      await job(controller.signal);
    } finally {
      this.#running = undefined;
      this.#pending.shift()?.start();
    }
    return controller.signal.aborted ? "cancelled" : "done";
  }
}
