import { plainText } from "./markdown.ts";

/** A resource that is not as it was released. */
export interface Difference {
  readonly urn: string;
  /** What differs, one sentence each. */
  readonly sentences: readonly string[];
}

/**
 * The issue that says what differs. Its last line names the run, and is the only one that changes from run to run.
 *
 * @param run address of the workflow's run
 */
export function driftReport(
  stack: string,
  differences: readonly Difference[],
  run: string,
): { readonly title: string; readonly body: string } {
  const lines = differences
    .flatMap(({ urn, sentences }) => sentences.map((sentence) => `- ${plainText(nameOf(urn))}: ${plainText(sentence)}`))
    .sort();
  return {
    title: `What stack ${stack} released has been changed`,
    body: [
      `The nightly comparison of what is published with what stack \`${stack}\` recorded found:`,
      [...new Set(lines)].join("\n"),
      "`pulumi refresh`, then `pulumi up`, restores what is missing, byte by byte. What differs is never overwritten: the update stops and names both ways out. This issue closes itself when nothing differs any more.",
      `Seen by ${run}`,
    ].join("\n\n"),
  };
}

/** The resource's own name: what follows the last `::`. */
function nameOf(urn: string): string {
  return urn.slice(urn.lastIndexOf("::") + 2);
}
