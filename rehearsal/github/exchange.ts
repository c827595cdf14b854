import { createHash, randomBytes, randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Actor, App } from "./context.ts";
import { GitHubError } from "./error.ts";
import type { FaultAction, Faults } from "./faults.ts";
import { type RequestRecord, type Surface, summarise } from "./history.ts";
import type { RateLimit } from "./rate-limit.ts";
import { lackingPermission, reachHeaders } from "./token-reach.ts";

/**
 * Awaited before a request is looked at, and again when it is stored but not yet answered. With `drop` the connection
 * ends there: not applied, or applied without a reply. A supervisor that kills the client says so, because a request
 * that has arrived is otherwise carried out, as on any server.
 */
export type BoundaryHook = (
  record: RequestRecord,
  boundary: "before" | "after-apply",
) => "drop" | undefined | undefined | Promise<"drop" | undefined | undefined>;

/** An answer as the routes gave it, before misbehaviour. */
export interface Exchange {
  method: string;
  surface: Surface;
  path: string;
  status: number;
  /** The parsed JSON of the body; undefined if it is empty or not JSON. */
  body: unknown;
}

export interface Office {
  apps: Record<Surface, App>;
  faults: Faults;
  rateLimit: RateLimit;
  history: RequestRecord[];
  /** Token → who it stands for. */
  actors: Map<string, Actor>;
  seconds(): number;
  /** The `owner/name` of a repository; undefined if there is none with that id. */
  nameOf(id: number): string | undefined;
  hooks: { onBoundary?: BoundaryHook | undefined; onResponse?: ((exchange: Exchange) => void) | undefined };
}

/** Takes one request from its arrival to its answer, or to the misbehaviour that was asked for. Never rejects. */
export async function exchange(
  office: Office,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  root: "main" | "storage",
): Promise<void> {
  try {
    await take(office, incoming, outgoing, root);
  } catch (error) {
    // A hook or a route is wrong: the client is told, because a test that hangs tells nothing.
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(500, { "content-type": "text/plain" }).end(String(error));
  }
}

async function take(
  office: Office,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  root: "main" | "storage",
): Promise<void> {
  const record = arrival(office, incoming, root);
  office.history.push(record);
  office.rateLimit.turn(office.seconds());
  const { socket } = incoming; // the message forgets it when it ends
  const hangUp = () => void socket.destroy();
  if ((await office.hooks.onBoundary?.(record, "before")) === "drop") return hangUp();
  const fault = office.faults.next(record);
  if (fault) record.fault = Object.keys(fault)[0] ?? null;

  if (fault && "dropBeforeApply" in fault) return hangUp();
  if (fault && "delayMs" in fault) await delay(fault.delayMs);
  const limit = fault && "cutRequestAfterBytes" in fault ? fault.cutRequestAfterBytes : Number.POSITIVE_INFINITY;
  const body = await receive(incoming, limit);
  if (body) {
    record.size = body.length;
    record.summary = summarise(body, incoming.headers["content-type"] ?? "");
  }
  const starter = () =>
    office.apps.uploads.fetch(request(record, incoming, undefined, "STARTER"), bindings(office, record, incoming));
  if (!body) {
    if (record.surface === "uploads") await starter();
    return hangUp();
  }
  if (fault && "status" in fault) {
    if (fault.leaveStarter) await starter();
    return reply(outgoing, record, faulty(office, fault));
  }

  const answer = await apply(office, record, incoming, body);
  if ((await office.hooks.onBoundary?.(record, "after-apply")) === "drop") return hangUp();
  if (fault && "applyAndDropReply" in fault) return hangUp();
  if (fault && "replaceBody" in fault) {
    return reply(outgoing, record, { ...answer, body: Buffer.from(fault.replaceBody) });
  }
  if (fault && "cutAfterBytes" in fault) {
    record.status = answer.status;
    outgoing.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) });
    outgoing.flushHeaders();
    outgoing.write(answer.body.subarray(0, fault.cutAfterBytes), hangUp);
    return;
  }
  reply(outgoing, record, answer);
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

function arrival(office: Office, incoming: IncomingMessage, root: "main" | "storage"): RequestRecord {
  const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
  const [, prefix = "", rest = ""] = /^(\/api\/v3|\/api\/uploads)?(.*)$/.exec(url.pathname) ?? [];
  const bare = /^\/(repos|repositories|user|users|orgs|rate_limit|meta|zen)(\/|$)/.test(rest);
  const main = prefix === "/api/uploads" ? "uploads" : prefix === "/api/v3" || bare ? "api" : "web";
  return {
    method: incoming.method ?? "GET",
    surface: root === "storage" ? "storage" : main,
    path: rest.replace(/^\/repositories\/(\d+)/, (path, id) => withPrefix(office.nameOf(Number(id))) ?? path) || "/",
    query: url.search,
    status: 0,
    time: new Date().toISOString(),
    applied: false,
    credential: incoming.headers.authorization !== undefined,
    fault: null,
    size: 0,
    summary: "",
  };
}

function withPrefix(name: string | undefined): string | undefined {
  return name === undefined ? undefined : `/repos/${name}`;
}

/** The whole body, or undefined if the client or the limit ended it early. */
async function receive(incoming: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of incoming) {
      if (!Buffer.isBuffer(chunk)) throw new TypeError("the body of a request arrives in buffers");
      chunks.push(chunk);
      size += chunk.length;
      if (size >= limit) return undefined;
    }
  } catch (error) {
    if (incoming.complete) throw error;
    return undefined; // the client hung up
  }
  return limit === Number.POSITIVE_INFINITY ? Buffer.concat(chunks) : undefined;
}

async function apply(office: Office, record: RequestRecord, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  const { rateLimit } = office;
  const limited = record.surface === "api" || record.surface === "uploads";
  const response = await answer(office, record, incoming, body);
  const bytes = Buffer.from(await response.arrayBuffer());
  office.hooks.onResponse?.({
    method: record.method,
    surface: record.surface,
    path: record.path,
    status: response.status,
    body: parsed(response, bytes),
  });
  const headers = Object.fromEntries(response.headers);
  if (!limited) return { status: response.status, headers, body: bytes };

  const etag = `W/"${createHash("sha256").update(bytes).digest("hex")}"`;
  const cacheable = record.method === "GET" && response.status === 200;
  const unchanged = cacheable && (incoming.headers["if-none-match"] ?? "").split(/,\s*/).includes(etag);
  const status = unchanged ? 304 : response.status;
  rateLimit.count(record, status);
  return {
    status,
    headers: {
      ...headers,
      ...rateLimit.headers(),
      ...reachHeaders(actorOf(office, incoming)?.reach),
      ...(cacheable && { etag, "cache-control": "private, max-age=60, s-maxage=60" }),
      "x-github-request-id": randomBytes(8).toString("hex").toUpperCase(),
      "x-github-api-version-selected": "2022-11-28",
      "x-github-media-type": "github.v3; format=json",
    },
    body: unchanged ? Buffer.alloc(0) : bytes,
  };
}

/** Lets the routes answer, unless the credentials or the rate limit already do. */
async function answer(
  office: Office,
  record: RequestRecord,
  incoming: IncomingMessage,
  body: Buffer,
): Promise<Response> {
  if (record.surface === "api" || record.surface === "uploads") {
    const actor = actorOf(office, incoming);
    if (record.credential && !actor) return refusal(new GitHubError(401, "Bad credentials"));
    const lacking = lackingPermission(actor?.reach, record.method, record.path);
    if (lacking) return refusal(lacking.error, lacking.headers);
    if (office.rateLimit.exhausted && record.path !== "/rate_limit") {
      return refusal(new GitHubError(403, "API rate limit exceeded for user ID 1."));
    }
  }
  return office.apps[record.surface].fetch(request(record, incoming, body), bindings(office, record, incoming));
}

function refusal(error: GitHubError, headers: Record<string, string> = {}): Response {
  return Response.json(error.body(), { status: error.status, headers });
}

function request(
  record: RequestRecord,
  incoming: IncomingMessage,
  body: Buffer | undefined,
  method = record.method,
): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  const withBody = body && method !== "GET" && method !== "HEAD";
  const url = `http://127.0.0.1${record.path}${record.query}`;
  return new Request(url, { method, headers, body: withBody ? new Uint8Array(body) : null });
}

function bindings(office: Office, record: RequestRecord, incoming: IncomingMessage) {
  return { actor: actorOf(office, incoming), record };
}

function actorOf(office: Office, incoming: IncomingMessage): Actor | undefined {
  const [, token = ""] = /^(?:bearer|token)\s+(.+)$/i.exec(incoming.headers.authorization ?? "") ?? [];
  return office.actors.get(token);
}

function faulty(office: Office, fault: Extract<FaultAction, { status: number }>): Answer {
  const text = typeof fault.body === "string";
  const content = text ? String(fault.body) : JSON.stringify(fault.body ?? { message: `Fault ${randomUUID()}` });
  return {
    status: fault.status,
    headers: {
      ...office.rateLimit.headers(),
      "content-type": text ? "text/html; charset=utf-8" : "application/json; charset=utf-8",
      ...fault.headers,
    },
    body: Buffer.from(content),
  };
}

function reply(outgoing: ServerResponse, record: RequestRecord, { status, headers, body }: Answer): void {
  record.status = status;
  const bodiless = status === 204 || status === 304;
  outgoing.writeHead(status, bodiless ? headers : { ...headers, "content-length": String(body.length) });
  outgoing.end(bodiless ? undefined : body);
}

function parsed(response: Response, bytes: Buffer): unknown {
  const json = response.headers.get("content-type")?.includes("json") && bytes.length > 0;
  return json ? JSON.parse(bytes.toString("utf8")) : undefined;
}

function delay(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
