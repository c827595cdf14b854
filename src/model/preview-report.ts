/** What a preview showed. */
export interface Previewed {
  /** Name of the stack. */
  readonly stack: string;
  /** Whether the stack's state was looked at. */
  readonly withState: boolean;
  /** Full commit id that was previewed. */
  readonly commit: string;
  /** Operation → number of resources; absent when the preview failed. */
  readonly changes: Readonly<Record<string, number>> | undefined;
  /** What the engine showed, without secrets. */
  readonly shown: string;
}

// https://github.com/orgs/community/discussions/27190: a comment has at most 65536 characters.
const LONGEST = 60_000;
const VERBS: Readonly<Record<string, string>> = {
  create: "to create",
  update: "to update",
  delete: "to delete",
  replace: "to replace",
  "create-replacement": "to create in place of another",
  "delete-replaced": "to delete after that",
  import: "to import",
  same: "unchanged",
};

/** A preview as Markdown, for a comment or a job's summary. */
export function previewReport({ stack, withState, commit, changes, shown }: Previewed): string {
  return [
    `### Preview of \`${stack}\`${withState ? "" : ", without its state"}`,
    changes === undefined
      ? "**Refused**: the last lines say why."
      : `**${totals(withState ? changes : { ...changes, same: 0 })}**`,
    ...(withState
      ? []
      : [
          "This run has no credentials, so nothing is compared with what the stack has: this is what the commit would release as a first version.",
        ]),
    `<details${changes === undefined ? " open" : ""}><summary>What the engine shows</summary>\n\n${fenced(cut(shown))}\n\n</details>`,
    `Commit ${commit}.`,
    "",
  ].join("\n\n");
}

function totals(changes: Readonly<Record<string, number>>): string {
  const counted = Object.entries(changes).filter(([, number]) => number > 0);
  const order = Object.keys(VERBS);
  const said = counted
    .sort(([left], [right]) => order.indexOf(left) - order.indexOf(right))
    .map(([operation, number]) => `${number} ${VERBS[operation] ?? operation}`);
  return counted.every(([operation]) => operation === "same") ? "0 changes" : said.join(", ");
}

/** The end says what failed and how it ended; the start is what a long text loses. */
function cut(text: string): string {
  const lines = text.trim();
  return lines.length <= LONGEST
    ? lines
    : `… (the job's log has all of it)\n${lines.slice(-LONGEST).replace(/^.*\n/, "")}`;
}

/** A code block that nothing in the text can end. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text}\n${fence}`;
}
