import { type Change, type CommitMessage, parseCommitMessage } from "./commit-message.ts";
import { plainText } from "./markdown.ts";
import { compareVersions, highestOf, isPrerelease, type Version } from "./version.ts";

export type { Change } from "./commit-message.ts";

/** What release notes are made of: the public repository and image, never where the program ran. */
export interface NotesFacts {
  /** `owner/name` on github.com. */
  readonly repository: string;
  readonly tag: string;
  /** Tag of the release that is compared with; absent for the first one. */
  readonly previousTag?: string;
  /** Commits since then, newest first. */
  readonly changes: readonly Change[];
  readonly image: {
    /** Reference without a tag. */
    readonly reference: string;
    readonly tag: string;
    /** Digest of the index. */
    readonly digest: string;
  };
}

// In the order of the notes. What a reader of a release does not notice is left out: docs, test, ci, chore, build,
// style. A breaking change stands in the first group alone, whatever its type is.
const GROUPS = [
  ["Breaking changes", ({ breaking }) => breaking !== undefined],
  ["Features", ({ type }) => type === "feat"],
  ["Fixes", ({ type }) => type === "fix"],
  ["Security", ({ type }) => type === "security"],
  ["Performance", ({ type }) => type === "perf"],
  [
    "Reverts",
    ({ type, description }) => type === "revert" || (type === undefined && description.startsWith('Revert "')),
  ],
  ["Other changes", ({ type, description }) => !LEFT_OUT.has(type ?? "") && !MERGE.test(description)],
] as const satisfies [string, (message: CommitMessage) => boolean][];
const LEFT_OUT = new Set(["docs", "test", "tests", "ci", "chore", "build", "style"]);
const MERGE = /^Merge (?:branch|pull request|remote-tracking branch|tag|commit) /;

// GitHub takes 125,000 characters; the rest is for the marker, a withdrawal's sentence and what people add.
const LONGEST_LIST = 100_000;

/**
 * The previous release of a version's line: the highest published version that is lower; for a stable version the
 * highest stable one. 1.0.1 after 1.1.0 compares with 1.0.0.
 */
export function previousOf(version: Version, published: readonly Version[]): Version | undefined {
  return highestOf(
    published.filter(
      (candidate) => compareVersions(candidate, version) < 0 && (isPrerelease(version) || !isPrerelease(candidate)),
    ),
  );
}

/** The release notes in Markdown. The same facts give the same text; no date and no host is in it. */
export function releaseNotes({ repository, tag, previousTag, changes, image }: NotesFacts): string {
  const url = `https://github.com/${repository}`;
  const reference = `${image.reference}:${image.tag}`;
  const sections = [
    ...changeSections(changes, url),
    ...(previousTag === undefined ? [] : [`**All changes**: ${url}/compare/${previousTag}...${tag}`]),
    `## Container image\n\n${shell(`docker pull ${reference}@${image.digest}`)}`,
    "## Check the download\n\nThe binaries, next to `checksums.txt`, and that the tag still holds this image:\n\n" +
      shell(
        "sha256sum -c --ignore-missing checksums.txt",
        `docker buildx imagetools inspect ${reference} | grep 'Digest: *${image.digest}'`,
      ),
  ];
  return `${sections.join("\n\n")}\n`;
}

function changeSections(changes: readonly Change[], url: string): string[] {
  const read = changes.map((change) => ({ ...parseCommitMessage(change), hash: change.hash }));
  const groups = Object.groupBy(read, (message) => GROUPS.find(([, holds]) => holds(message))?.[0] ?? "");
  const sections: string[] = [];
  let length = 0;
  let omitted = 0;
  for (const [title] of GROUPS) {
    const lines: string[] = [];
    for (const message of groups[title] ?? []) {
      const line = item(message, title === "Breaking changes", url);
      length += line.length;
      if (length > LONGEST_LIST) {
        omitted += 1;
      } else {
        lines.push(line);
      }
    }
    if (lines.length > 0) {
      sections.push(`## ${title}\n\n${lines.join("\n")}`);
    }
  }
  if (omitted > 0) {
    sections.push(`…and ${omitted} more ${omitted === 1 ? "change" : "changes"}.`);
  }
  return sections.length > 0 ? sections : ["Nothing changed that a user notices."];
}

function item(message: CommitMessage & { hash: string }, breaking: boolean, url: string): string {
  const scope = message.scope === undefined ? "" : `**${plainText(message.scope)}:** `;
  const description = plainText(message.description);
  const broken = breaking && message.breaking !== undefined ? plainText(message.breaking) : description;
  const more = broken === description ? "" : ` — ${broken}`;
  return `- ${scope}${description}${more} ([${message.hash.slice(0, 7)}](${url}/commit/${message.hash}))`;
}

function shell(...commands: string[]): string {
  return `\`\`\`sh\n${commands.join("\n")}\n\`\`\``;
}
