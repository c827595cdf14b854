import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Certificate, provideCertificate } from "../../../rehearsal/services/certificate.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "certificate-"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

async function handshake(
  { certificate, key }: Certificate,
  ca: string | readonly string[] | undefined,
  servername: string,
): Promise<void> {
  const server = tls
    .createServer({ cert: await readFile(certificate), key: await readFile(key) })
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const trust = ca === undefined ? {} : { ca: await Promise.all([ca].flat().map((path) => readFile(path))) };
  const socket = tls.connect({ host: "127.0.0.1", port, servername, ...trust });
  try {
    await once(socket, "secureConnect");
  } finally {
    socket.destroy();
    server.close();
  }
}

describe("provideCertificate", () => {
  it.each(["localhost", ""])("is good for 127.0.0.1 and localhost to who trusts its authority (%s)", async (name) => {
    const made = await provideCertificate(directory);
    await handshake(made, made.ca, name);
    await handshake(made, made.bundle, name);
    await expect(handshake(made, undefined, name)).rejects.toThrow();
    await expect(handshake(made, made.ca, "example.com")).rejects.toThrow(/does not match/);
  });

  it("is told from another rehearsal's by who trusts both authorities, in either order", async () => {
    const made = await provideCertificate(directory);
    const other = await provideCertificate(join(directory, "other"));
    for (const trust of [
      [made.ca, other.ca],
      [other.ca, made.ca],
    ]) {
      await handshake(made, trust, "localhost");
      await handshake(other, trust, "localhost");
    }
  });

  it("keeps the key to its owner", async () => {
    const { key } = await provideCertificate(directory);
    expect((await stat(key)).mode & 0o777).toBe(0o600);
  });

  it("is made once and renewed in the last month", async () => {
    const now = new Date("2026-11-24T12:00:00Z");
    const { certificate } = await provideCertificate(directory, now);
    const first = await readFile(certificate, "utf8");
    expect(new X509Certificate(first).validToDate).toEqual(new Date("2027-12-26T12:00:00Z"));
    await provideCertificate(directory, new Date(now.getTime() + 366 * DAY_MS));
    expect(await readFile(certificate, "utf8")).toBe(first);
    await provideCertificate(directory, new Date(now.getTime() + 368 * DAY_MS));
    expect(await readFile(certificate, "utf8")).not.toBe(first);
  });

  it("is made again when a file is damaged or the authority is another one", async () => {
    const made = await provideCertificate(directory);
    await writeFile(made.certificate, "no certificate");
    await provideCertificate(directory);
    await handshake(made, made.ca, "localhost");
    const other = await provideCertificate(join(directory, "other"));
    await writeFile(made.ca, await readFile(other.ca));
    await provideCertificate(directory);
    await handshake(made, made.ca, "localhost");
  });

  it("puts the authority beside what the machine trusts, once", async () => {
    const extra = await provideCertificate(join(directory, "extra"));
    vi.stubEnv("SSL_CERT_FILE", extra.ca);
    const { bundle, ca } = await provideCertificate(directory);
    const expected = [await readFile(extra.ca, "utf8"), await readFile(ca, "utf8")].join("");
    expect(await readFile(bundle, "utf8")).toBe(expected);
    vi.stubEnv("SSL_CERT_FILE", bundle);
    await provideCertificate(directory);
    expect(await readFile(bundle, "utf8")).toBe(expected);
  });
});
