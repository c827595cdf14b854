import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** File that takes what was observed, one JSON object a line; the table at the end is made of it. */
export const OBSERVATIONS = ".local/fault-observations.jsonl";

/** One line of the table. */
export interface Observation {
  /** Row of faults.md, or what else was tried. */
  readonly row: number | string;
  readonly fault: string;
  readonly observed: string;
}

/** Writes down what was observed, for the table at the end. */
export function observe(observation: Observation): void {
  mkdirSync(dirname(OBSERVATIONS), { recursive: true });
  appendFileSync(OBSERVATIONS, `${JSON.stringify(observation)}\n`);
}
