import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { choosePorts } from "../../../rehearsal/services/ports.ts";

let local: string;
let other: Server | undefined;

beforeEach(async () => {
  local = await mkdtemp(join(tmpdir(), "ports-"));
});

afterEach(async () => {
  other?.close();
  other = undefined;
  await rm(local, { recursive: true });
});

async function occupy(port: number): Promise<void> {
  other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
}

async function freePort(): Promise<number> {
  await occupy(0);
  const address = other?.address();
  other?.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("choosePorts", () => {
  it("chooses two ports below the range of outgoing connections and keeps them", async () => {
    const { registry, github } = await choosePorts(local);
    expect(registry).not.toBe(github);
    for (const port of [registry, github]) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(30_000);
    }
    expect(JSON.parse(await readFile(join(local, "ports.json"), "utf8"))).toEqual({ registry, github });
  });

  it("takes the kept ones, and looks at them once only: afterwards the services hold them", async () => {
    const kept = { registry: await freePort(), github: await freePort() };
    await writeFile(join(local, "ports.json"), JSON.stringify(kept));
    expect(await choosePorts(local)).toEqual(kept);
    await occupy(kept.registry);
    expect(await choosePorts(local)).toEqual(kept);
  });

  it("stops when a kept one is taken, naming port, holder and remedy", async () => {
    const github = await freePort();
    await writeFile(join(local, "ports.json"), JSON.stringify({ registry: await freePort(), github }));
    await occupy(github);
    const message = new RegExp(
      `^port ${github} of the rehearsal's github is taken by (.+ \\(process ${process.pid}\\)|another process): .* --reset$`,
    );
    await expect(choosePorts(local)).rejects.toThrow(message);
    other?.close();
    expect((await choosePorts(local)).github).toBe(github);
  });

  it.each(["", "{", "[]", '{"registry":1}', '{"registry":0,"github":70000}'])(
    "refuses a damaged record: %s",
    async (text) => {
      await writeFile(join(local, "ports.json"), text);
      await expect(choosePorts(local)).rejects.toThrow(/ports\.json does not hold the ports.*--reset/);
    },
  );
});
