import type { RequestRecord, Surface } from "./history.ts";

/** What goes wrong with a request. Exactly one of them; `delayMs` lets the request go on afterwards. */
export type FaultAction =
  /** Answered without being applied. A string body is sent as it is, anything else as JSON. `leaveStarter`: a broken upload that left its name behind. */
  | { status: number; headers?: Record<string, string>; body?: unknown; leaveStarter?: boolean }
  | { delayMs: number }
  /** Applied; the connection ends after so many bytes of the answer's body. */
  | { cutAfterBytes: number }
  /** The connection ends after so many bytes of the request's body; an upload leaves a starter asset. */
  | { cutRequestAfterBytes: number }
  | { applyAndDropReply: true }
  | { dropBeforeApply: true }
  /** Applied; the answer's body is replaced, its status and headers stay. */
  | { replaceBody: string };

export interface FaultRule {
  /** Any method if absent. */
  method?: string;
  surface?: Surface;
  /**
   * A regular expression over path and query, or a path as in {@link RequestRecord}, in which `*` stands for anything
   * within one segment and `**` for anything; with a `?` in it the query is compared too.
   */
  path: string | RegExp;
  /** The first matching request that misbehaves, counted from 1 since the rule was made. Default 1. */
  nth?: number;
  /** How many in a row. Default 1; `Number.POSITIVE_INFINITY` until the faults are cleared. */
  times?: number;
  action: FaultAction;
}

/** What a rule looks at; a request to something else than GitHub has no surface. */
export type Target = Pick<RequestRecord, "method" | "path" | "query"> & { readonly surface?: Surface };

/** The rules in force, and how often each has matched. */
export class Faults {
  #rules: { rule: FaultRule; seen: number }[] = [];

  add(rule: FaultRule): void {
    this.#rules.push({ rule, seen: 0 });
  }

  clear(): void {
    this.#rules = [];
  }

  /** Counts the request on every rule that matches and gives the first action that is due. */
  next(record: Target): FaultAction | undefined {
    let due: FaultAction | undefined;
    for (const entry of this.#rules) {
      if (!matches(entry.rule, record)) continue;
      entry.seen++;
      const { nth = 1, times = 1, action } = entry.rule;
      if (entry.seen >= nth && entry.seen < nth + times) due ??= action;
    }
    return due;
  }
}

/** Does the rule speak of this request? */
export function matches(rule: FaultRule, record: Target): boolean {
  if (rule.method && rule.method.toUpperCase() !== record.method) return false;
  if (rule.surface && rule.surface !== record.surface) return false;
  const { path } = rule;
  if (path instanceof RegExp) return path.test(record.path + record.query);
  return glob(path).test(path.includes("?") ? record.path + record.query : record.path);
}

function glob(pattern: string): RegExp {
  const source = pattern.replace(/\*\*|\*|[.?+^${}()|[\]\\]/g, (found) =>
    found === "**" ? ".*" : found === "*" ? "[^/]*" : `\\${found}`,
  );
  return new RegExp(`^${source}$`);
}
