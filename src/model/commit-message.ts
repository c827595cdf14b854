/** A commit as git shows it. */
export interface Change {
  /** Full commit id. */
  readonly hash: string;
  /** First line of the message. */
  readonly subject: string;
  /** Everything behind the subject; empty when there is nothing. */
  readonly body: string;
}

/** What a commit's message says about it. */
export interface CommitMessage {
  /** Conventional type in lower case (`feat`, `fix`); absent when the message has none. */
  readonly type?: string;
  readonly scope?: string;
  /** Subject without type and scope. */
  readonly description: string;
  /** What breaks, in its own words or the description; absent when nothing does. */
  readonly breaking?: string;
}

const HEADER = /^(?<type>[A-Za-z]+)(?:\((?<scope>[^()\r\n]+)\))?(?<mark>!)?: +(?<description>\S.*)$/s;
const FOOTER = /^BREAKING[ -]CHANGE: +(?<text>\S[\s\S]*)/m;
const NEXT_FOOTER = /\n(?:[A-Za-z][A-Za-z-]*|BREAKING CHANGE)(?:: | #)\S/;

/**
 * Reads a message by the rules of conventional commits. Every text has a meaning: without a type it is a description.
 * @see https://www.conventionalcommits.org/en/v1.0.0/#specification
 */
export function parseCommitMessage({ subject, body }: Pick<Change, "subject" | "body">): CommitMessage {
  const header = HEADER.exec(subject.trim())?.groups;
  const description = header?.description ?? subject.trim();
  const footer = footerOf(body);
  const breaking = footer ?? (header?.mark === undefined ? undefined : description);
  return {
    ...(header?.type === undefined ? {} : { type: header.type.toLowerCase() }),
    ...(header?.scope === undefined ? {} : { scope: header.scope.trim() }),
    description,
    ...(breaking === undefined ? {} : { breaking }),
  };
}

// A footer goes on over several lines until an empty line or the next footer.
function footerOf(body: string): string | undefined {
  const text = FOOTER.exec(body.replaceAll("\r\n", "\n"))?.groups?.text;
  return text
    ?.split(/\n\s*\n/, 1)[0]
    ?.split(NEXT_FOOTER, 1)[0]
    ?.trim();
}
