import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer, type Server } from "node:http";

/**
 * Listens on 127.0.0.1.
 * @param port 0: any that is free
 * @throws Error that names the port when it is taken
 */
export async function listen(port: number, listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener); // a release builds for longer than Node's 5 s
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw new Error(
      `the local GitHub cannot listen on 127.0.0.1:${port}: the port is taken; end what uses it, or start over with --reset`,
      { cause: error },
    );
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the local GitHub has no address");
  return { server, url: `http://127.0.0.1:${address.port}` };
}

/** Ends a server and every connection to it. */
export async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
