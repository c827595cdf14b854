import type { z } from "zod";
import type { Call } from "./context.ts";
import { GitHubError, unprocessable } from "./error.ts";

/**
 * The JSON body of a request; an empty one counts as `{}`.
 * @throws GitHubError 400 if it is no JSON, 422 if it does not fit
 */
export async function readBody<T>(call: Call, schema: z.ZodType<T>): Promise<T> {
  const text = await call.req.text();
  const result = schema.safeParse(parse(text));
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    (issue) => `For '${["properties", ...issue.path].join("/")}', ${issue.message}.`,
  );
  throw unprocessable(`Invalid request.\n\n${problems.join("\n")}`);
}

function parse(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch (error) {
    throw new GitHubError(400, "Problems parsing JSON", undefined, { cause: error });
  }
}
