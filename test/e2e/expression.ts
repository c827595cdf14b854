import { data, Evaluator, Lexer, Parser } from "@actions/expressions";

/** Values of the contexts: `github`, `inputs`, `steps`, … */
export type Contexts = Readonly<Record<string, unknown>>;

const CONTEXTS = ["github", "inputs", "steps", "vars", "secrets", "runner", "env", "needs"];
const STATUS = ["always", "success", "failure", "cancelled"];

/** A text with its expressions evaluated, by GitHub's own library. */
export function evaluate(text: string, contexts: Contexts): string {
  return text.replace(/\$\{\{([\s\S]*?)\}\}/g, (_, expression: string) =>
    evaluated(expression, contexts).coerceString(),
  );
}

/**
 * Whether a step or a job runs. Without a status function it only does when nothing before it has failed.
 * @param failed whether a step before it has
 */
export function isMet(condition: string | undefined, contexts: Contexts, failed: boolean): boolean {
  const status = STATUS.some((name) => condition?.includes(`${name}()`));
  const met = condition === undefined || truthy(evaluated(condition, contexts, failed));
  return met && (status || !failed);
}

function evaluated(expression: string, contexts: Contexts, failed = false): data.ExpressionData {
  const status = STATUS.map((name) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () =>
      new data.BooleanData({ always: true, success: !failed, failure: failed, cancelled: false }[name] ?? false),
  }));
  const functions = [
    ...status,
    { name: "hashFiles", minArgs: 1, maxArgs: 255, call: () => new data.StringData("hash") },
  ];
  const parsed = new Parser(new Lexer(expression).lex().tokens, CONTEXTS, functions).parse();
  const values = JSON.parse(
    JSON.stringify(Object.fromEntries(CONTEXTS.map((name) => [name, contexts[name] ?? {}]))),
    data.reviver,
  );
  return new Evaluator(parsed, values, new Map(functions.map((known) => [known.name.toLowerCase(), known]))).evaluate();
}

function truthy(value: data.ExpressionData): boolean {
  return !["", "false", "0", "null"].includes(value.coerceString());
}
