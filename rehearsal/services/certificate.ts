import { randomUUID, X509Certificate } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import tls from "node:tls";

const DAY_MS = 24 * 60 * 60 * 1000;
/** Short enough for every client: some refuse certificates that live longer. */
const LIFETIME_MS = 397 * DAY_MS;
/** A certificate that ends sooner is renewed. */
const RENEWAL_MS = 30 * DAY_MS;

/** Paths of the registry's certificate, all PEM. */
export interface Certificate {
  /** The authority that signed it, alone: for BuildKit's `ca`. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /**
   * The authority and everything that this machine trusts anyway: for `SSL_CERT_FILE`, which replaces what a program
   * trusts by default. With it a child can speak to the registry and to the world, for example to a module proxy.
   */
  readonly bundle: string;
}

/**
 * The certificate of the local registry, for 127.0.0.1 and localhost: made once, kept in `directory`, renewed in time.
 */
export async function provideCertificate(directory: string, now: Date = new Date()): Promise<Certificate> {
  const paths = {
    ca: join(directory, "ca.pem"),
    certificate: join(directory, "registry.pem"),
    key: join(directory, "registry.key"),
    bundle: join(directory, "bundle.pem"),
  };
  await mkdir(directory, { recursive: true });
  if (!(await isUsable(paths, now))) {
    await make(paths, now);
  }
  const certificates = new Set([...(await trusted()), ...blocks(await readFile(paths.ca, "utf8"))]);
  await replace(paths.bundle, [...certificates].join("\n"));
  return paths;
}

async function isUsable({ ca, certificate, key }: Certificate, now: Date): Promise<boolean> {
  try {
    const [authority, server] = (await Promise.all([readFile(ca), readFile(certificate), readFile(key)])).map(
      (pem, i) => (i < 2 ? new X509Certificate(pem) : undefined),
    );
    return (
      authority !== undefined &&
      server?.checkIssued(authority) === true &&
      server.verify(authority.publicKey) &&
      server.validToDate.getTime() - now.getTime() > RENEWAL_MS
    );
  } catch {
    // Not there or not a certificate: it is made again.
    return false;
  }
}

async function make({ ca, certificate, key }: Certificate, now: Date): Promise<void> {
  const common = {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    // A clock that is a little behind must not refuse it.
    notBeforeDate: new Date(now.getTime() - DAY_MS),
    notAfterDate: new Date(now.getTime() + LIFETIME_MS),
  } as const;
  // Only here: it takes a tenth of a second to load, and most starts find their certificate.
  const { generate } = await import("selfsigned");
  // A name of its own: of two authorities with one name, OpenSSL may check a certificate against the wrong one.
  const authority = await generate([{ name: "commonName", value: `mount-monitor rehearsal ${randomUUID()}` }], {
    ...common,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: "commonName", value: "127.0.0.1" }], {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
  });
  await replace(key, server.private, 0o600);
  await replace(certificate, server.cert);
  await replace(ca, authority.cert);
}

async function trusted(): Promise<readonly string[]> {
  const own = process.env.SSL_CERT_FILE;
  return own ? blocks(await readFile(own, "utf8")) : tls.getCACertificates("system").map((pem) => pem.trim());
}

function blocks(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

async function replace(path: string, text: string, mode = 0o644): Promise<void> {
  await writeFile(`${path}.new`, `${text.trim()}\n`, { mode });
  await rename(`${path}.new`, path);
}
