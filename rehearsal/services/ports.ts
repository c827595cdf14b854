import { once } from "node:events";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";

/** What listens during a rehearsal, always on 127.0.0.1. */
const SERVICES = ["registry", "github"] as const;

/** The port of each service. */
export type Ports = Readonly<Record<(typeof SERVICES)[number], number>>;

// Below the range from which systems take the ports of outgoing connections, so that none of those gets in the way.
const LOWEST = 20_000;
const HIGHEST = 30_000;

const port = z.int().min(1).max(65_535);
const portsSchema = z.object({ registry: port, github: port });
const chosen = new Map<string, Promise<Ports>>();

/**
 * The ports of the rehearsal in a directory: chosen once among the free ones and kept in `ports.json`, because the
 * registry's address is part of what the stack records. They are looked at once in the life of this process.
 *
 * @throws when a kept port is taken by somebody else, with the port, who holds it, and what to do
 */
export function choosePorts(local: string): Promise<Ports> {
  const known = chosen.get(local) ?? choose(local);
  chosen.set(local, known);
  known.catch(() => chosen.delete(local));
  return known;
}

async function choose(local: string): Promise<Ports> {
  const file = join(local, "ports.json");
  const kept = await readPorts(file);
  if (kept !== undefined) {
    for (const service of SERVICES) {
      await expectFree(service, kept[service]);
    }
    return kept;
  }
  const registry = await freePort([]);
  const ports = { registry, github: await freePort([registry]) };
  await mkdir(local, { recursive: true });
  await writeFile(`${file}.new`, `${JSON.stringify(ports)}\n`);
  await rename(`${file}.new`, file);
  return ports;
}

async function readPorts(file: string): Promise<Ports | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) {
    return undefined;
  }
  try {
    return portsSchema.parse(JSON.parse(text));
  } catch {
    throw new Error(`${file} does not hold the ports of the rehearsal: start over with npm start -- --reset`);
  }
}

async function freePort(taken: readonly number[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const candidate = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (!taken.includes(candidate) && (await isFree(candidate))) {
      return candidate;
    }
  }
  throw new Error(`no free port was found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}

async function expectFree(service: string, number: number): Promise<void> {
  if (!(await isFree(number))) {
    throw new Error(
      `port ${number} of the rehearsal's ${service} is taken by ${await holderOf(number)}: ` +
        "end that process, or start over on other ports with npm start -- --reset",
    );
  }
}

/** Whether nothing listens on a port of 127.0.0.1. */
export async function isFree(number: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(number, "127.0.0.1");
    await once(server, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      return false;
    }
    throw error;
  }
  server.close();
  await once(server, "close");
  return true;
}

async function holderOf(number: number): Promise<string> {
  const { stdout } = await execa("lsof", ["-nP", `-iTCP:${number}`, "-sTCP:LISTEN", "-Fpc"], {
    reject: false,
    timeout: 2_000,
  });
  const [, pid, command] = /^p(\d+)\nc(.*)$/m.exec(stdout ?? "") ?? [];
  return pid === undefined ? "another process" : `${command} (process ${pid})`;
}
