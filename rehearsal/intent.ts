import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Options } from "./options.ts";

const intentSchema = z.object({
  version: z.string(),
  commit: z.string(),
  source: z.string().optional(),
  settings: z.record(z.string(), z.string()),
});

/** The release that an update is making: what a later start needs to complete it. */
export type Intent = z.infer<typeof intentSchema>;

/** Writes down what is about to be released. */
export async function recordIntent(local: string, intent: Intent): Promise<void> {
  const file = intentFile(local);
  await writeFile(`${file}.new`, `${JSON.stringify(intent)}\n`);
  await rename(`${file}.new`, file);
}

/** The update has ended. */
export async function forgetIntent(local: string): Promise<void> {
  await rm(intentFile(local), { force: true });
}

/**
 * The options with which a start goes on: a plain one takes up the release of an update that was killed or interrupted,
 * from the same commit; one that names a version or a source says itself what it wants.
 */
export async function withIntent(options: Options, local: string, report: (line: string) => void): Promise<Options> {
  if (options.version !== undefined || options.source !== undefined || options.reset) {
    return options;
  }
  const text = await readFile(intentFile(local), "utf8").catch(() => undefined);
  if (text === undefined) {
    return options;
  }
  const { version, commit, source, settings } = intentSchema.parse(JSON.parse(text));
  report(`going on with ${version} from commit ${commit}, which an earlier start did not complete`);
  return {
    ...options,
    version,
    commit: options.commit ?? commit,
    source,
    settings: { ...settings, ...options.settings },
  };
}

function intentFile(local: string): string {
  return join(local, "intent.json");
}
