import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createRawServer, type Server } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { contentOf, createTransport } from "../../src/services/transport.ts";

const transport = createTransport({ service: "registry", plainLoopback: true, timeoutMs: 1000 });

test("one connection serves one HEAD after another, and GET keeps its own", async () => {
  const { url, connections } = await served((_, response) =>
    response.writeHead(200, { "content-length": 5 }).end("hello"),
  );
  for (let count = 0; count < 10; count++) {
    expect(await asked("HEAD", url)).toEqual({ status: 200, length: "5", text: "" });
    expect(await asked("GET", url)).toEqual({ status: 200, length: "5", text: "hello" });
  }
  // GET may open another one, when it is sent before the last is free again.
  expect(connections()).toBeLessThanOrEqual(3);
});

test("an answer has its status and all of its headers", async () => {
  const { url } = await served((_, response) =>
    response
      .writeHead(
        404,
        [
          ["warning", '299 - "one"'],
          ["warning", '299 - "two"'],
          ["x-one", "1"],
        ].flat(),
      )
      .end(),
  );
  const headers = await transport.exchange({ method: "HEAD", url }, async ({ headers }) => headers);
  expect([headers.get("warning"), headers.get("x-one")]).toEqual(['299 - "one", 299 - "two"', "1"]);
  expect((await asked("HEAD", url)).status).toBe(404);
});

test("a status that HTTP does not know is an answer too", async () => {
  const { url } = await served((_, response) => response.writeHead(799).end());
  expect((await asked("HEAD", url)).status).toBe(799);
});

test("a server that sends a body nevertheless is understood, and gets a new connection", async () => {
  const raw = createRawServer((socket) => {
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    socket.on("error", () => {});
  });
  const { url, connections } = await listening(raw);
  for (let count = 0; count < 3; count++) {
    expect(await asked("HEAD", url)).toEqual({ status: 200, length: "5", text: "" });
  }
  expect(connections()).toBe(3);
});

test("a connection that breaks, and a server that is silent, are errors of the service that may be tried again", async () => {
  const { url } = await served(({ socket }) => socket.destroy());
  await expect(asked("HEAD", url)).rejects.toMatchObject({
    message: `HEAD ${url}: no complete answer from registry (socket hang up)`,
    transient: true,
    mayBeApplied: true,
  });
  const silent = await served(() => {});
  await expect(asked("HEAD", silent.url)).rejects.toMatchObject({
    message: `HEAD ${silent.url}: no complete answer from registry (nothing arrived for 1 s)`,
    transient: true,
  });
});

async function asked(method: string, url: string) {
  return transport.exchange({ method, url }, async (answer) => ({
    status: answer.status,
    length: answer.headers.get("content-length"),
    text: String(await contentOf(answer)),
  }));
}

async function served(listener: RequestListener) {
  return listening(createServer(listener));
}

async function listening(server: Server): Promise<{ url: string; connections: () => number }> {
  let count = 0;
  server.on("connection", (socket) => {
    count++;
    onTestFinished(() => {
      socket.destroy();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, connections: () => count };
}
