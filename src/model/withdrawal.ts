import { commentJson } from "./hidden-comment.ts";
import { quoted } from "./quotation.ts";
import { NAMESPACE } from "./setting.ts";
import { tagOf, type Version } from "./version.ts";

/** What a reader sees of a release, and what a withdrawal marks. */
export interface Page {
  readonly title: string;
  /** The notes, Markdown. */
  readonly body: string;
}

/** Who marked a release as withdrawn, and what its title was. */
export interface WithdrawalMark {
  /** Name of the stack. */
  readonly stack: string;
  /** Title before it was marked; empty where GitHub shows the tag. */
  readonly title: string;
}

const PREFIX = "[withdrawn] ";
const OPENING = "<!-- mount-monitor:withdrawn ";
const CLOSING = "<!-- /mount-monitor:withdrawn -->";

/** The page of a release that is withdrawn: a prefix before its title, a note before its own notes, which stay as they are. */
export function markWithdrawn({ title, body }: Page, version: Version, stack: string): Page {
  const own = withoutPrefix(title);
  return {
    title: own === title ? markedTitle(title, version) : title,
    body: markOf(body) ? body : `${noteOf(version, { stack, title: own })}${body}`,
  };
}

/** The page as it was before: byte by byte, as long as nobody edited it meanwhile; what somebody added stays. */
export function unmarkWithdrawn({ title, body }: Page, version: Version): Page {
  const found = split(body);
  const mark = found?.mark;
  const own = mark && title === markedTitle(mark.title, version) ? mark.title : undefined;
  return {
    title: own ?? withoutPrefix(title),
    body: found?.notes ?? body,
  };
}

/** Who marked the release with this body as withdrawn; absent when nobody did. */
export function markOf(body: string): WithdrawalMark | undefined {
  return split(body)?.mark;
}

/** Whether a page says that its release is withdrawn, in its title and in its notes. */
export function isMarked({ title, body }: Page): boolean {
  return title.startsWith(PREFIX) && markOf(body) !== undefined;
}

/** What the setting `withdrawn` is compared with. */
export interface Withdrawals {
  /** The setting. */
  readonly withdrawn: readonly Version[];
  /** Versions that are published, whoever did. */
  readonly published: readonly Version[];
  /** Version that this update publishes; absent when it publishes none. */
  readonly releasing: Version | undefined;
  /** Whether this stack has released anything, so that there are channels. */
  readonly hasReleased: boolean;
  /** Versions that this stack marked as withdrawn. */
  readonly marked: readonly Version[];
  /** The tag that started this update; absent when none did. */
  readonly pushedTag: string | undefined;
}

/** All that keeps the setting `withdrawn` from being carried out, a line each; empty when nothing does. */
export function withdrawalProblems(asked: Withdrawals): string[] {
  const { withdrawn, published, releasing, hasReleased, marked, pushedTag } = asked;
  const left = marked.filter((version) => !withdrawn.includes(version));
  return [
    ...withdrawn.flatMap((version, index) => {
      const remove = `Run: pulumi config rm --path '${NAMESPACE}:withdrawn[${index}]'`;
      const named = `${NAMESPACE}:withdrawn names "${version}"`;
      if (version === releasing) {
        return [`${named}, and this update releases it: release it first, or release the next version. ${remove}`];
      }
      if (!published.includes(version)) {
        return [`${named}, and ${tagOf(version)} is not published: only a published version is withdrawn. ${remove}`];
      }
      return hasReleased || releasing !== undefined
        ? []
        : [`${named}, and this stack has released nothing: it has no channels that could move. ${remove}`];
    }),
    // The settings that go with an older tag do not know of a withdrawal that was decided after it.
    ...(pushedTag === undefined ? [] : left).map(
      (version) =>
        `${NAMESPACE}:withdrawn does not name "${version}", which is withdrawn now, and the pushed tag ${quoted(pushedTag)} is no decision to bring it back. ` +
        `Run: pulumi config set --path '${NAMESPACE}:withdrawn[${withdrawn.length}]' ${version}, or bring it back first, by an update without a tag`,
    ),
  ];
}

function markedTitle(title: string, version: Version): string {
  return `${PREFIX}${title || tagOf(version)}`;
}

function withoutPrefix(title: string): string {
  return title.startsWith(PREFIX) ? title.slice(PREFIX.length) : title;
}

function noteOf(version: Version, mark: WithdrawalMark): string {
  return (
    `${OPENING}${commentJson(mark)} -->\n` +
    `> [!WARNING]\n> Version ${version} is withdrawn: do not use it any more. Its files and its image can still be downloaded.\n` +
    `${CLOSING}\n\n`
  );
}

/** The mark and the notes around it; absent when there is none. */
function split(body: string): { mark: WithdrawalMark; notes: string } | undefined {
  const start = body.indexOf(OPENING);
  const end = body.indexOf(CLOSING, start);
  if (start === -1 || end === -1) {
    return undefined;
  }
  const [head = ""] = body.slice(start + OPENING.length, end).split(" -->", 1);
  const mark = parsedMark(head);
  // GitHub's editor ends lines as Windows does, and people may join what stood apart.
  const rest = body.slice(end + CLOSING.length).replace(/^(?:\r?\n){1,2}/, "");
  return mark && { mark, notes: body.slice(0, start) + rest };
}

function parsedMark(json: string): WithdrawalMark | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Garbled by hand: it is no mark of ours any more.
    return undefined;
  }
  return typeof value === "object" &&
    value !== null &&
    "stack" in value &&
    "title" in value &&
    typeof value.stack === "string" &&
    typeof value.title === "string"
    ? { stack: value.stack, title: value.title }
    : undefined;
}
