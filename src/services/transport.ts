import { oneLine, quoted, shown } from "../model/quotation.ts";
import { type Head, head } from "./head.ts";
import { patient } from "./retry.ts";
import { ServiceError } from "./service-error.ts";

/** One request, told so that it can be sent again. */
export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined;
  /** May another origin answer? It then gets the request without its Authorization. Default: same origin only. */
  readonly redirects?: "same-origin" | "anywhere";
  /** May it be sent again after it was perhaps applied? Default: yes, except for POST and PATCH. */
  readonly idempotent?: boolean | undefined;
}

/** An answer, whatever its status. Its body can be read once, in pieces or as a whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The body as it arrives; throws a {@link ServiceError} when the connection breaks. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Sends requests to one service; the only code that does. */
export interface Transport {
  /**
   * Sends a request, follows redirects and reads the answer, whatever its status.
   * @throws ServiceError when there is no complete answer, or a redirect leads where it must not
   */
  exchange<T>(request: Exchange, read: (answer: Answer) => Promise<T>): Promise<T>;
}

/** What a transport must know about its service. */
export interface TransportOptions {
  /** Name for messages: `GitHub`, `registry ghcr.io`. */
  readonly service: string;
  /** Allow `http:` to the loopback interface; everything else is `https:` without exception. Default false. */
  readonly plainLoopback?: boolean;
  /** Milliseconds without any progress after which an exchange is given up. Default 60 000. */
  readonly timeoutMs?: number | undefined;
}

const maxRedirects = 5;
// Why an exchange is ended that has its answer. Made once: a reason with a stack trace for each one showed in the profile of a refresh.
const READ = new Error("the answer was read");
const LOOK = "Check the address in the settings";
// Bytes per second below which an upload counts as stuck; progress of a request's body cannot be observed.
const slowestUpload = 20_000;
const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** A transport over Node's fetch, or its HTTP client for HEAD. Redirects are followed here, so that no credential reaches another origin. */
export function createTransport({
  service,
  plainLoopback = false,
  timeoutMs: idleMs = patient.timeoutMs,
}: TransportOptions): Transport {
  return { exchange };

  async function exchange<T>(request: Exchange, read: (answer: Answer) => Promise<T>): Promise<T> {
    const name = `${request.method} ${withoutQuery(new URL(request.url))}`;
    const controller = new AbortController();
    const giveUp = () => controller.abort(new Error(`nothing arrived for ${idleMs / 1000} s`));
    let timer = setTimeout(giveUp, idleMs + ((request.body?.length ?? 0) / slowestUpload) * 1000);
    const progress = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp, idleMs);
    };
    const broken = (error: unknown) =>
      networkError(service, name, controller.signal.aborted ? controller.signal.reason : error);
    try {
      const response = await follow(request, name, controller.signal).catch((error: unknown) => {
        throw error instanceof ServiceError ? error : broken(error);
      });
      progress();
      const answer = {
        status: response.status,
        headers: response.headers,
        body: watched(response.body, progress, broken),
      };
      return await read(answer);
    } finally {
      clearTimeout(timer);
      // Frees the connection when the body was not read to its end.
      controller.abort(READ);
    }
  }

  async function follow(request: Exchange, name: string, signal: AbortSignal): Promise<Head> {
    const refuse = (why: string) => new ServiceError(`${name}: ${service} ${why}`, { service });
    let url = new URL(request.url);
    let headers: Record<string, string> = { "user-agent": "mount-monitor-release", ...request.headers };
    const home = url.origin;
    for (let hops = 0; ; hops++) {
      if (url.protocol !== "https:" && !(plainLoopback && url.protocol === "http:" && isLoopback(url))) {
        throw refuse(
          `sends to ${shown(withoutQuery(url))}: only https is used, a credential or a binary never travels unprotected. ${LOOK}`,
        );
      }
      const response = await (request.method === "HEAD"
        ? head(url, headers, signal)
        : fetch(url.href, {
            method: request.method,
            headers,
            redirect: "manual",
            signal,
            ...(request.body === undefined ? {} : { body: request.body }),
          }));
      const location = response.headers.get("location");
      if (!redirectStatuses.has(response.status) || location === null) {
        return response;
      }
      await response.body?.cancel();
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (!next || hops === maxRedirects) {
        throw refuse(
          next
            ? `redirects more than ${maxRedirects} times`
            : `redirects to ${quoted(location)}, which is no address. ${LOOK}`,
        );
      }
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw refuse(
          `redirects a write to ${shown(withoutQuery(next))}; nothing was sent there. Was it renamed? Correct its setting`,
        );
      }
      if (next.origin !== home) {
        if (request.redirects !== "anywhere") {
          throw refuse(`redirects to another host, ${shown(withoutQuery(next))}; nothing was sent there. ${LOOK}`);
        }
        headers = withoutCredential(headers);
      }
      url = next;
    }
  }
}

/** The whole body of an answer. */
export async function contentOf({ body }: Pick<Answer, "body">): Promise<Buffer<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** What an error's body says, in one line: the messages of GitHub and of registries, else the beginning of the text. */
export function detailOf(text: string): string {
  const plain = (said: string) => oneLine(said.replace(/<[^>]*>/g, " ")) || "(no explanation)";
  try {
    const said: unknown = JSON.parse(text);
    const errors = property(said, "errors");
    const list = Array.isArray(errors) ? errors : [];
    const parts = list.map((error) =>
      typeof error === "string" ? error : (property(error, "message") ?? JSON.stringify(error)),
    );
    return plain([property(said, "message"), ...parts].filter(Boolean).join("; ") || text);
  } catch {
    return plain(text);
  }
}

/** An address without query and user, which may hold secrets. */
export function withoutQuery(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

const idempotentMethods = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/** Whether a request that was perhaps applied may be sent again. */
export function isIdempotent({ method, idempotent }: Pick<Exchange, "method" | "idempotent">): boolean {
  return idempotent ?? idempotentMethods.has(method);
}

/** Whether an address is on this machine's loopback interface. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function withoutCredential(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !/^(authorization|cookie)$/i.test(name)));
}

async function* watched(
  body: ReadableStream<Uint8Array> | null,
  progress: () => void,
  broken: (error: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  while (reader) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw broken(error);
    });
    if (done) {
      return;
    }
    progress();
    yield value;
  }
}

// Nothing reached the service when these happen: also a call that must not be doubled can be sent again.
const neverSent = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

function networkError(service: string, name: string, error: unknown): ServiceError {
  const root = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = String(property(root, "code") ?? "");
  const reason = root instanceof Error ? root.message || code : String(root);
  if (/CERT|UNABLE_TO|ERR_TLS|ERR_SSL/.test(code)) {
    return new ServiceError(
      `${name}: the certificate of ${service} is not accepted (${code}): name its CA file in SSL_CERT_FILE, or correct the address`,
      { service, cause: root },
    );
  }
  return new ServiceError(`${name}: no complete answer from ${service} (${reason})`, {
    service,
    transient: true,
    mayBeApplied: !neverSent.has(code),
    cause: root,
  });
}
