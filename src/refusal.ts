import * as pulumi from "@pulumi/pulumi";
import { messageOf } from "./model/quotation.ts";

/**
 * Awaits a step of the program; when it refuses, the engine shows its message alone. A stack trace of ours would hide
 * the sentence that says what to do.
 */
export async function orRefuse<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw isRefusal(error) ? new pulumi.RunError(messageOf(error)) : error;
  }
}

/**
 * Awaits steps that need nothing of each other; when some refuse, one error says what all of them say, each line once.
 */
export async function together<T extends readonly Promise<unknown>[]>(
  ...steps: T
): Promise<{ -readonly [Key in keyof T]: Awaited<T[Key]> }> {
  const ended = await Promise.allSettled(steps);
  const reasons: unknown[] = ended.flatMap((step) => (step.status === "rejected" ? [step.reason] : []));
  if (reasons.length > 1 && reasons.every(isRefusal)) {
    throw new Error([...new Set(reasons.flatMap((reason) => messageOf(reason).split("\n")))].join("\n"));
  }
  return Promise.all(steps);
}

/**
 * Waits until an output is there. What refuses on the way to it then ends the program before anything depends on it: every
 * resource that did would repeat the refusal, each time in other words.
 *
 * @throws what went wrong on the way to it
 */
export function reached(output: pulumi.Output<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    pulumi.recover<unknown>(output, reject).apply(() => resolve());
  });
}

// What the runtime throws is a fault of this program, and its stack trace is needed.
function isRefusal(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TypeError);
}
