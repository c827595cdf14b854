import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type FaultAction, type FaultRule, Faults } from "../../rehearsal/github/faults.ts";
import type { Certificate } from "../../rehearsal/services/certificate.ts";

/** A request to the registry, in the order of arrival. */
export interface RegistryRequest {
  readonly method: string;
  readonly path: string;
  /** With its question mark, or empty. */
  readonly query: string;
  /** What the client was told; 0 as long as it was told nothing. */
  status: number;
  /** What the registry answered; 0 when it was not asked. */
  applied: number;
  readonly credential: boolean;
  /** ISO 8601 with milliseconds: the time of arrival. */
  readonly time: string;
  fault: string | null;
}

/** Awaited before a request is passed on, and again when the registry has answered and the client does not know it. */
export type RegistryHook = (
  request: RegistryRequest,
  boundary: "before" | "after-apply",
) => "drop" | undefined | Promise<"drop" | undefined>;

/** What stands before the registry: everybody who speaks to it goes through here. */
export interface RegistryProxy extends AsyncDisposable {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Every request since the start; may be emptied. */
  readonly history: RegistryRequest[];
  readonly hooks: { onBoundary?: RegistryHook | undefined };
  misbehave(rule: FaultRule): void;
  clearFaults(): void;
  /** From now on every request needs a token; `never` gives tokens that it then refuses. Undone with the faults. */
  demandTokens(tokens: "valid" | "never"): void;
  /** No token that was given by now is good any more. */
  expireTokens(): void;
  /** Waits until nothing that was sent is under way. */
  idle(): Promise<void>;
}

/** Where the proxy listens and what it stands before. */
export interface RegistryProxyPlan {
  /** 0: any that is free. */
  readonly port: number;
  readonly certificate: Certificate;
  /** `127.0.0.1:PORT` of the registry. */
  readonly upstream: string;
}

/** Starts a TLS proxy on the loopback interface that passes requests on as they are, or misbehaves as it is told. */
export async function startRegistryProxy({ port, certificate, upstream }: RegistryProxyPlan): Promise<RegistryProxy> {
  const [cert, key, ca] = await Promise.all(
    [certificate.certificate, certificate.key, certificate.ca].map((path) => readFile(path)),
  );
  const faults = new Faults();
  const history: RegistryRequest[] = [];
  const hooks: RegistryProxy["hooks"] = {};
  const tokens = new Set<string>();
  let demanded: "valid" | "never" | undefined;
  let given = 0;
  const agent = new https.Agent({ keepAlive: true, ca });
  const sockets = new Set<Duplex>();
  const underWay = new Set<Promise<void>>();
  const server = https.createServer({ cert, key, keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    const taken: Promise<void> = take(incoming, outgoing)
      .catch((error: unknown) => {
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.writeHead(500, { "content-type": "text/plain" }).end(String(error));
      })
      .finally(() => underWay.delete(taken));
    underWay.add(taken);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    address,
    history,
    hooks,
    misbehave: (rule) => faults.add(rule),
    clearFaults() {
      faults.clear();
      demanded = undefined;
    },
    demandTokens: (kind) => {
      demanded = kind;
    },
    expireTokens: () => tokens.clear(),
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      agent.destroy();
      await closed;
    },
  };

  async function take(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? "/", `https://${address}`);
    if (url.pathname === "/token") return giveToken(outgoing);
    const record: RegistryRequest = {
      method: incoming.method ?? "GET",
      path: url.pathname,
      query: url.search,
      status: 0,
      applied: 0,
      credential: incoming.headers.authorization !== undefined,
      time: new Date().toISOString(),
      fault: null,
    };
    history.push(record);
    const { socket } = incoming;
    const hangUp = () => void socket.destroy();
    if ((await hooks.onBoundary?.(record, "before")) === "drop") return hangUp();
    if (!admitted(incoming)) return reply(outgoing, record, challenge(record.credential));
    const fault = faults.next(record);
    record.fault = fault ? (Object.keys(fault)[0] ?? null) : null;
    if (fault && "dropBeforeApply" in fault) return hangUp();
    if (fault && "delayMs" in fault) await new Promise((done) => setTimeout(done, fault.delayMs));
    if (fault && "cutRequestAfterBytes" in fault) {
      await upTo(incoming, fault.cutRequestAfterBytes);
      return hangUp();
    }
    const body = await buffer(incoming);
    if (fault && "status" in fault) return reply(outgoing, record, refusalOf(fault));
    const answer = await forward(incoming, body);
    record.applied = answer.status;
    if ((await hooks.onBoundary?.(record, "after-apply")) === "drop") return hangUp();
    if (fault && "applyAndDropReply" in fault) return hangUp();
    if (fault && "replaceBody" in fault) {
      return reply(outgoing, record, { ...answer, body: Buffer.from(fault.replaceBody) });
    }
    if (fault && "cutAfterBytes" in fault) {
      record.status = answer.status;
      outgoing.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) });
      outgoing.write(answer.body.subarray(0, fault.cutAfterBytes), hangUp);
      return;
    }
    reply(outgoing, record, answer, record.method === "HEAD");
  }

  function forward(incoming: IncomingMessage, body: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { connection, "transfer-encoding": _, authorization: __, ...headers } = incoming.headers;
      // The host stays the proxy's: the registry makes its addresses of it.
      const request = https.request(
        `https://${upstream}${incoming.url}`,
        { method: incoming.method, agent, headers: { ...headers, host: address, "content-length": body.length } },
        async (response) => {
          const { "transfer-encoding": ___, connection: ____, ...answered } = response.headers;
          resolve({
            status: response.statusCode ?? 502,
            headers: Object.fromEntries(
              Object.entries(answered).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
            ),
            body: await buffer(response),
          });
        },
      );
      request.once("error", reject);
      request.end(body);
    });
  }

  function admitted({ headers }: IncomingMessage): boolean {
    return demanded === undefined || tokens.has(headers.authorization?.replace(/^Bearer /i, "") ?? "");
  }

  function challenge(expired: boolean): Answer {
    return {
      status: 401,
      headers: {
        "content-type": "application/json",
        "www-authenticate": `Bearer realm="https://${address}/token",service="registry",scope="repository:any:pull,push"${expired ? ',error="invalid_token"' : ""}`,
      },
      body: Buffer.from('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}'),
    };
  }

  function giveToken(outgoing: ServerResponse): void {
    const token = `token-${++given}`;
    if (demanded === "valid") tokens.add(token);
    outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, access_token: token }));
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

function reply(
  outgoing: ServerResponse,
  record: RegistryRequest,
  { status, headers, body }: Answer,
  head = false,
): void {
  record.status = status;
  outgoing.writeHead(status, head ? headers : { ...headers, "content-length": String(body.length) });
  outgoing.end(head ? undefined : body);
}

function refusalOf(fault: Extract<FaultAction, { status: number }>): Answer {
  const text = typeof fault.body === "string" ? fault.body : JSON.stringify(fault.body ?? { errors: [] });
  return {
    status: fault.status,
    headers: { "content-type": "application/json", ...fault.headers },
    body: Buffer.from(text),
  };
}

async function upTo(incoming: IncomingMessage, bytes: number): Promise<void> {
  let size = 0;
  for await (const piece of incoming) {
    size += (piece as Buffer).length;
    if (size >= bytes) return;
  }
}
