import { createHash } from "node:crypto";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listens } from "./services/buildkit.ts";

/**
 * Holds a directory for this process: a Unix socket that the kernel closes with the process, also on SIGKILL, and that
 * children do not inherit. Its path is short, because a socket's path may have 107 bytes only.
 *
 * @returns what gives the directory free again
 * @throws when another living process holds it
 */
export async function holdLock(directory: string): Promise<() => Promise<void>> {
  const path = join(
    tmpdir(),
    `mount-monitor-${createHash("sha256").update(directory).digest("hex").slice(0, 16)}.sock`,
  );
  if (await listens(path)) {
    throw new Error(
      `another npm start is at work in ${directory} (it answers on ${path}); wait for it, or end it with Ctrl-C`,
    );
  }
  await rm(path, { force: true });
  const server = createServer((socket) => socket.end()).listen(path);
  await once(server, "listening");
  server.unref();
  return async () => {
    server.close();
    await once(server, "close");
  };
}
