import type { Octokit } from "@octokit/core";
import { z } from "zod";
import { oneLine, quoted } from "../../model/quotation.ts";
import { type Patience, requestedWait } from "../retry.ts";
import { ServiceError } from "../service-error.ts";
import { type Answer, contentOf, createTransport, detailOf, type Exchange, isLoopback } from "../transport.ts";
import { createOctokit } from "./octokit.ts";

/** Octokit's typed request function, on its way through our transport. */
export type Ask = Octokit["request"];

/** What the API client needs. */
export interface ApiOptions {
  /** `https://api.github.com`, `https://HOST/api/v3`; `http:` only on the loopback interface. */
  readonly apiUrl: string;
  readonly token?: string | undefined;
  /** Told when GitHub asks to wait. */
  readonly report?: ((line: string) => void) | undefined;
  readonly patience?: Patience | undefined;
}

/** GitHub's REST API: requests are typed by Octokit, answers are checked, failures explained. */
export interface Api {
  readonly url: URL;
  /**
   * Sends one request and reads its answer. POST and PATCH are not sent again when their reply is lost.
   * @throws ServiceError naming the request and the fix, also when the answer is not of the documented form
   */
  call<T>(schema: z.ZodType<T>, send: (ask: Ask) => Promise<{ readonly data: unknown }>): Promise<T>;
  /** Like `call`; undefined when GitHub answers that there is no such thing (404). */
  find<T>(schema: z.ZodType<T>, send: (ask: Ask) => Promise<{ readonly data: unknown }>): Promise<T | undefined>;
  /** Like `call` for a list: `send` gets the number of the page and asks for `pageSize` entries. */
  list<T>(entry: z.ZodType<T>, send: SendPage): Promise<T[]>;
  /**
   * Like `list`, page by page. A page that is as it was `seen` is not sent again: it has no entries here, and counts
   * nothing against GitHub's rate limit.
   * Source: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
   */
  pages<T>(entry: z.ZodType<T>, send: SendPage, seen: readonly SeenPage[]): Promise<Page<T>[]>;
}

/** Asks for one page of a list; `headers` make it conditional. */
export type SendPage = (
  ask: Ask,
  page: number,
  headers: { "if-none-match"?: string },
) => Promise<{
  readonly data: unknown;
  readonly headers: { readonly link?: string | undefined; readonly etag?: string | undefined };
}>;

/** What is kept of a page, to ask later whether it changed. */
export interface SeenPage {
  readonly etag?: string | undefined;
  /** How many entries it has. */
  readonly size: number;
}

/** A page of a list; without entries when it is unchanged. */
export interface Page<T> extends SeenPage {
  readonly entries?: readonly T[];
}

/** Entries per page of a list, the most that GitHub gives. */
export const pageSize = 100;

// GitHub lists at most 10 000 releases: what goes on for longer is no list.
const maxPages = 100;
const version = { "x-github-api-version": "2022-11-28" };
const bodiless = new Set([204, 205, 304]);

/** @throws when `apiUrl` is not https (or http on the loopback interface) */
export function createApi({ apiUrl, token, report, patience }: ApiOptions): Api {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  const plainLoopback = url?.protocol === "http:" && isLoopback(url);
  if (!url || (url.protocol !== "https:" && !plainLoopback)) {
    throw new Error(
      `githubUrl leads to ${quoted(apiUrl)}: the API of GitHub is only asked by https:// (http:// on the loopback interface)`,
    );
  }
  const service = "GitHub";
  const transport = createTransport({ service, plainLoopback, timeoutMs: patience?.timeoutMs });
  const baseUrl = url.href.replace(/\/$/, "");
  const octokit = createOctokit({ baseUrl, token, fetch: fetchInstead, patience, report });

  return { url, call, find, list, pages };

  async function call<T>(schema: z.ZodType<T>, send: (ask: Ask) => Promise<{ readonly data: unknown }>): Promise<T> {
    return checked(schema, (await sent(send)).data);
  }

  async function find<T>(
    schema: z.ZodType<T>,
    send: (ask: Ask) => Promise<{ readonly data: unknown }>,
  ): Promise<T | undefined> {
    try {
      return await call(schema, send);
    } catch (error) {
      if (error instanceof ServiceError && error.status === 404) {
        return undefined;
      }
      throw error;
    }
  }

  async function list<T>(entry: z.ZodType<T>, send: SendPage): Promise<T[]> {
    return (await pages(entry, send, [])).flatMap(({ entries }) => entries ?? []);
  }

  async function pages<T>(entry: z.ZodType<T>, send: SendPage, seen: readonly SeenPage[]): Promise<Page<T>[]> {
    const found: Page<T>[] = [];
    for (let number = 1; number <= maxPages; number++) {
      const known = seen[number - 1];
      const answer = await unlessUnchanged(known, (etag) => sent((ask) => send(ask, number, etag)));
      if (!answer && known) {
        found.push(known);
      }
      const entries = answer && checked(z.array(entry), answer.data);
      if (entries) {
        found.push({ entries, size: entries.length, etag: answer.headers.etag });
      }
      const size = entries?.length ?? known?.size ?? 0;
      // Without a Link header (a proxy may drop it, an unchanged page has none) a full page may have a successor.
      const link = answer?.headers.link;
      if (link === undefined ? size < pageSize : !/rel="?next"?/.test(link)) {
        return found;
      }
    }
    throw new ServiceError(`GitHub's list goes on after ${maxPages} pages; it is not read further`, { service });
  }

  async function unlessUnchanged<A>(
    known: SeenPage | undefined,
    send: (headers: { "if-none-match"?: string }) => Promise<A>,
  ): Promise<A | undefined> {
    if (known?.etag === undefined) {
      return send({});
    }
    try {
      return await send({ "if-none-match": known.etag });
    } catch (error) {
      if (error instanceof ServiceError && error.status === 304) {
        return undefined;
      }
      throw error;
    }
  }

  async function sent<A>(send: (ask: Ask) => Promise<A>): Promise<A> {
    try {
      return await send(octokit.request);
    } catch (error) {
      throw withoutToken(error);
    }
  }

  // Octokit's fetch: reads the whole answer, so that a broken one is asked for again, and turns refusals into errors
  // that say what to do.
  function fetchInstead(target: string, init: RequestInit): Promise<Response> {
    const method = init.method ?? "GET";
    const request: Exchange = {
      method,
      url: target,
      headers: { ...version, ...Object.fromEntries(new Headers(init.headers)) },
      body: bodyOf(init.body),
      redirects: init.redirect === "follow" ? "anywhere" : "same-origin",
    };
    return transport.exchange(request, async (answer) => {
      const content = await contentOf(answer);
      if (answer.status >= 300) {
        throw refusal(`${method} ${new URL(target).pathname}`, answer, content.toString("utf8"));
      }
      return new Response(bodiless.has(answer.status) ? null : content, answer);
    });
  }

  function refusal(name: string, { status, headers }: Answer, text: string): ServiceError {
    const waitSeconds = requestedWait(status, headers, text, Date.now());
    const fix = waitSeconds === undefined ? fixOf(status, headers, token !== undefined) : "";
    return new ServiceError(`GitHub answered ${status} to ${name}: ${detailOf(text)}${fix ? `. ${fix}` : ""}`, {
      service,
      status,
      transient: status === 408 || status === 429 || status >= 500 || waitSeconds !== undefined,
      mayBeApplied: status >= 500,
      headers,
      text,
      ...(waitSeconds === undefined ? {} : { waitSeconds }),
    });
  }

  // What GitHub or a library says is not ours to vouch for: the token is cut out of every message.
  function withoutToken(error: unknown): unknown {
    if (token && error instanceof ServiceError && error.message.includes(token)) {
      return error.saying(error.message.replaceAll(token, "***"));
    }
    return error;
  }

  function checked<T>(schema: z.ZodType<T>, data: unknown): T {
    const result = schema.safeParse(data);
    if (!result.success) {
      const whole = quoted(typeof data === "string" ? data : JSON.stringify(data));
      throw new ServiceError(
        `GitHub's answer is not what its API documents (${oneLine(z.prettifyError(result.error))}). It is ${whole}. ` +
          "Check githubUrl, and what stands between here and GitHub",
        // The request was accepted: what it did is not known.
        { service, mayBeApplied: true },
      );
    }
    return result.data;
  }
}

function bodyOf(body: RequestInit["body"]): string | Uint8Array<ArrayBuffer> | undefined {
  if (typeof body === "string") {
    return body;
  }
  return body instanceof Uint8Array && body.buffer instanceof ArrayBuffer
    ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
    : undefined;
}

/** What to do about a refusal. GitHub names what a token lacks in a header of its answer. */
function fixOf(status: number, headers: Headers, withToken: boolean): string {
  const lacking = headers.get("x-accepted-github-permissions") ?? headers.get("x-accepted-oauth-scopes");
  const setToken = "set GITHUB_TOKEN, or: pulumi config set --secret mount-monitor:githubToken TOKEN";
  switch (status) {
    case 401:
      return `${withToken ? "The token is not valid (any more)" : "A token is needed"}: ${setToken}`;
    case 403:
      return `The token lacks a permission${lacking ? ` (needed: ${oneLine(lacking)})` : ""}; a release needs contents: write. Grant it, or use another token: ${setToken}`;
    case 404:
      return `Check the setting repository, and that the token may see it${withToken ? "" : ` (none is set: ${setToken})`}`;
    case 409:
    case 422:
      return "";
    default:
      return status < 400 || status >= 500 ? "" : "Check the settings githubUrl and repository";
  }
}
