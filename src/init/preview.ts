import { CommandError, LocalWorkspace } from "@pulumi/pulumi/automation/index.js";
import { NAMESPACE } from "../model/setting.ts";
import { environmentOf, type StackPlan } from "./stack.ts";

/**
 * Shows what the first update would do; does nothing. The program runs in this process, as in the rehearsal, so no
 * language host is needed.
 */
export async function showPreview(plan: StackPlan): Promise<void> {
  const { default: program } = await import("../../index.ts");
  const show = (text: string) => void process.stdout.write(text);
  try {
    const stack = await LocalWorkspace.selectStack(
      { stackName: plan.stack, projectName: NAMESPACE, program },
      { workDir: process.cwd(), envVars: environmentOf(plan) },
    );
    await stack.preview({ onOutput: show, onError: show, color: process.stdout.isTTY ? "always" : "never" });
  } catch (error) {
    // The engine's error repeats everything that was shown.
    throw error instanceof CommandError ? new Error("the preview failed; the reason is shown above") : error;
  }
}
