import { createHash } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Waits until no other process holds a directory, then holds it: a Unix socket that the kernel closes with the process,
 * however that ends, and that whoever waits is connected to. It saves double work and is not what keeps the kit whole:
 * that is done by renaming.
 *
 * @param waiting called once when another process is at work
 * @returns what gives the directory free again
 */
export async function takeTurn(directory: string, waiting: () => void): Promise<() => Promise<void>> {
  // Short, because the path of a socket may have 107 bytes only.
  const digest = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const path = join(tmpdir(), `mount-monitor-kit-${digest}.sock`);
  let told = false;
  for (;;) {
    const held = await hold(path);
    if (held !== undefined) {
      return held;
    }
    const holder = await connected(path);
    if (holder === undefined) {
      await rm(path, { force: true });
      continue;
    }
    if (!told) {
      waiting();
      told = true;
    }
    await once(holder, "close");
  }
}

async function hold(path: string): Promise<(() => Promise<void>) | undefined> {
  const waiters = new Set<Socket>();
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => waiters.delete(socket));
  }).listen(path);
  try {
    await once(server, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      return undefined;
    }
    throw error;
  }
  server.unref();
  return async () => {
    const closed = once(server, "close");
    server.close();
    for (const socket of waiters) {
      socket.destroy();
    }
    await closed;
  };
}

async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
  } catch {
    // A socket that a killed process left (ECONNREFUSED), or gone in the meantime (ENOENT).
    return undefined;
  }
  // A holder that is killed resets the connection; "close" follows and is what counts.
  socket.on("error", () => {});
  socket.resume();
  return socket;
}
