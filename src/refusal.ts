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
    throw error instanceof Error && !(error instanceof TypeError) ? new pulumi.RunError(messageOf(error)) : error;
  }
}
