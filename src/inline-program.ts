import * as pulumi from "@pulumi/pulumi";
import program from "../index.ts";

/**
 * The program as the Automation API runs it. What it refuses with is returned to the engine, which shows it. Two promises
 * within the stack's outputs are rejected, too; as nobody awaits them, the SDK would report the same once more. Any other
 * error keeps this second report, which has its stack trace.
 *
 * @see https://github.com/pulumi/pulumi/issues/8236
 */
export async function inlineProgram(): Promise<Record<string, unknown>> {
  try {
    return await program();
  } catch (error) {
    const outputs = pulumi.runtime.getStackResource()?.outputs;
    if (pulumi.RunError.isInstance(error) && outputs) {
      for (const inner of ["isKnown", "isSecret"]) {
        Promise.resolve(Reflect.get(outputs, inner)).catch(() => "the program's own error is the same");
      }
    }
    throw error;
  }
}

/**
 * Lets this process outlive its engine. One that is cancelled, or dies, leaves the SDK with calls that fail, and with
 * promises that nobody awaits any more once the Automation API has taken its own listener away: Node would end this process
 * before it has ended what it started. The operation itself is rejected, and says why. Any other error ends the process.
 */
export function outliveEngine(): void {
  process.off("unhandledRejection", passEngineGone).on("unhandledRejection", passEngineGone);
}

function passEngineGone(error: unknown): void {
  if (!(error instanceof Error && pulumi.isGrpcError(error))) {
    throw error;
  }
}
