import { parseArgs } from "node:util";

/** What `npm start` was asked for. */
export interface Options {
  /** Directory of the Go module; the embedded `app/` by default. */
  readonly source: string | undefined;
  readonly version: string | undefined;
  readonly commit: string | undefined;
  /** Stack settings, by key. */
  readonly settings: Readonly<Record<string, string>>;
  /** Services stay up until Ctrl-C. */
  readonly keep: boolean;
  /** Only the stack outputs go to standard output. */
  readonly json: boolean;
  /** The difference is shown and nothing is done. */
  readonly preview: boolean;
  /** Start over: everything that the rehearsal keeps is deleted first. */
  readonly reset: boolean;
}

export const usage = `npm start -- [options]     a whole release against services on the loopback interface
  --source DIR      Go module to release (default: app)
  --version V       version to release, MAJOR.MINOR.PATCH[-prerelease] (default: 1.0.0, then what is released)
  --commit C        commit to release (default: HEAD)
  --set KEY=VALUE   any setting of the stack; lists and maps as JSON; may be repeated
  --keep            leave the services up until Ctrl-C
  --json            print the stack outputs alone on standard output
  --preview         show the difference, do nothing (npm run preview)
  --reset           forget everything that earlier rehearsals made, first
`;

/** @throws with all problems and the usage */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      source: { type: "string" },
      version: { type: "string" },
      commit: { type: "string" },
      set: { type: "string", multiple: true },
      keep: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      preview: { type: "boolean", default: false },
      reset: { type: "boolean", default: false },
    },
  });
  const pairs = (values.set ?? []).map((text) => [text, text.indexOf("=")] as const);
  const malformed = pairs.filter(([, equals]) => equals < 1).map(([text]) => `--set "${text}": expected KEY=VALUE`);
  if (malformed.length > 0) {
    throw new Error(malformed.join("\n"));
  }
  return {
    source: values.source,
    version: values.version,
    commit: values.commit,
    settings: Object.fromEntries(pairs.map(([text, equals]) => [text.slice(0, equals), text.slice(equals + 1)])),
    keep: values.keep,
    json: values.json,
    preview: values.preview,
    reset: values.reset,
  };
}
