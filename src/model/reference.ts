/** An OCI reference with its registry: `host[:port]/path[:tag][@digest]`. */
export interface Reference {
  /** Registry: host, with its port if it has one. */
  readonly host: string;
  /** Repository in the registry, `owner/name`. */
  readonly path: string;
  readonly tag?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
}

/** A reference, or one sentence that names the part that is wrong. */
export type ParsedReference =
  | { readonly ok: true; readonly reference: Reference }
  | { readonly ok: false; readonly problem: string };

/** A repository on GitHub. */
export type ParsedRepository =
  | { readonly ok: true; readonly owner: string; readonly name: string }
  | { readonly ok: false; readonly problem: string };

const LABEL = "(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::([0-9]{1,5}))?$`);
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const OWNER = /^[A-Za-z0-9](?:[A-Za-z0-9_]|-(?!-)){0,38}$/;
const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const LONGEST_HOST = 255;
const LONGEST_PATH = 255;

/**
 * Reads a reference strictly. The registry is never guessed, so `alpine` and `library/alpine` are refused.
 * @see https://github.com/distribution/reference/blob/main/reference.go
 */
export function parseReference(text: string): ParsedReference {
  const at = text.indexOf("@");
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const tagged = at === -1 ? text : text.slice(0, at);
  const slash = tagged.indexOf("/");
  // A colon before the first slash is the port's, one behind it the tag's.
  const colon = tagged.indexOf(":", slash + 1);
  const tag = slash === -1 || colon === -1 ? undefined : tagged.slice(colon + 1);
  const host = tagged.slice(0, Math.max(slash, 0));
  const path = tagged.slice(slash + 1, tag === undefined ? undefined : colon);
  const problem = hostProblem(host) ?? pathProblem(path) ?? tagProblem(tag) ?? digestProblem(digest);
  return problem === undefined
    ? {
        ok: true,
        reference: { host, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) },
      }
    : { ok: false, problem };
}

/** The text of a reference. */
export function formatReference({ host, path, tag, digest }: Reference): string {
  return `${host}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

/**
 * Reads `owner/name` as GitHub allows it.
 * @see https://docs.github.com/en/rest/repos/repos#create-an-organization-repository
 */
export function parseRepository(text: string): ParsedRepository {
  const [owner = "", name, ...rest] = text.split("/");
  if (name === undefined || rest.length > 0) {
    return { ok: false, problem: "a repository is owner/name, with one slash" };
  }
  if (!OWNER.test(owner)) {
    return {
      ok: false,
      problem: "its owner has letters, digits and single hyphens, at most 39, as GitHub's accounts do",
    };
  }
  if (!NAME.test(name) || /^\.{1,2}$|\.git$/.test(name)) {
    return {
      ok: false,
      problem: 'its name has letters, digits, ".", "_" and "-", at most 100, and does not end in .git',
    };
  }
  return { ok: true, owner, name };
}

function hostProblem(host: string): string | undefined {
  if (host.length > LONGEST_HOST) {
    return `its registry has more than ${LONGEST_HOST} characters`;
  }
  const match = HOST.exec(host);
  if (host === "" || !/[.:]|^localhost$/.test(host)) {
    return "it names no registry; write host/path, as in ghcr.io/owner/name";
  }
  return match && Number(match[1] ?? 1) >= 1 && Number(match[1] ?? 1) <= 65_535
    ? undefined
    : "its registry is not host[:port]";
}

function pathProblem(path: string): string | undefined {
  if (path.length > LONGEST_PATH) {
    return `its path has more than ${LONGEST_PATH} characters`;
  }
  return PATH.test(path)
    ? undefined
    : 'its path has lower-case letters and digits, separated by "/", ".", "_", "__" or hyphens';
}

function tagProblem(tag: string | undefined): string | undefined {
  return tag === undefined || TAG.test(tag)
    ? undefined
    : 'its tag has letters, digits, "_", "." and "-", at most 128, and does not start with "." or "-"';
}

function digestProblem(digest: string | undefined): string | undefined {
  return digest === undefined || DIGEST.test(digest)
    ? undefined
    : "its digest is not sha256: and 64 hexadecimal digits";
}
