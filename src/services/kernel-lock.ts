import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256 } from "../model/checksums.ts";

/**
 * Holds `name` for this process: a Unix socket that the kernel closes with the process, also on SIGKILL, and that
 * children do not inherit. On Linux it has no file, so that of two who come at the same moment one gets it.
 *
 * @returns what gives the name free again; undefined when another living process holds it
 */
export async function takeKernelLock(name: string): Promise<(() => Promise<void>) | undefined> {
  const path = socketOf(name);
  const asking = new Set<Socket>();
  const server = createServer((socket) => {
    asking.add(socket);
    socket.on("close", () => asking.delete(socket));
    // Who asks may be killed before it has read the answer.
    socket.on("error", () => socket.destroy());
    socket.unref().resume().write(holder);
  });
  if (process.platform !== "linux" && (await holderOf(name)) === undefined) {
    // A file that a killed process left. Not atomic: two that come within the same millisecond both get it.
    await rm(path, { force: true });
  }
  try {
    server.listen(path);
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
    for (const socket of asking) {
      socket.destroy();
    }
    await closed;
  };
}

/**
 * Waits until no other process holds `name`, then holds it.
 *
 * @param waiting called once when another process holds it
 * @returns what gives the name free again
 */
export async function waitForKernelLock(name: string, waiting: () => void): Promise<() => Promise<void>> {
  for (let told = false; ; told = true) {
    const release = await takeKernelLock(name);
    if (release !== undefined) {
      return release;
    }
    if (!told) {
      waiting();
    }
    // The holder keeps the connection until it gives the name free or ends; refused, or reset: it is free already.
    await once(connect(socketOf(name)).resume(), "close").catch(() => undefined);
  }
}

/** Who holds `name`: `process 123, since 2026-01-02T03:04:05Z`; undefined when nobody does. */
export async function holderOf(name: string): Promise<string | undefined> {
  try {
    // Short enough for one piece.
    for await (const piece of connect(socketOf(name))) {
      return String(piece);
    }
  } catch {
    // Not there, or one that an earlier process left.
  }
  return undefined;
}

const holder = `process ${process.pid}, since ${new Date().toISOString().replace(/\.\d+Z$/, "Z")}`;

// Short, because a socket's path may have 103 bytes only; a NUL before it makes it one without a file. Source: unix(7)
function socketOf(name: string): string {
  const hash = sha256(name).slice(0, 16);
  return process.platform === "linux" ? `\0mount-monitor-${hash}` : join(tmpdir(), `mount-monitor-${hash}.sock`);
}
