import { z } from "zod";
import { oneLine, quoted } from "./quotation.ts";

/**
 * What a command of the pulumi CLI printed as JSON.
 *
 * @param command without `pulumi`: `stack export`
 * @throws one error that names the command, what is wrong with its answer and the fix
 */
export function cliAnswer<T>(command: string, text: string, schema: z.ZodType<T>): T {
  const misunderstood = (why: string) =>
    new Error(
      `pulumi ${command} printed what this program does not understand (${why}): ` +
        "use the version of the CLI that package.json names (npm ci, then npx pulumi), and run it again",
    );
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw misunderstood(`it is no JSON: ${quoted(text)}`);
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    throw misunderstood(oneLine(z.prettifyError(result.error)));
  }
  return result.data;
}
