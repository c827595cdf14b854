import { readFileSync } from "node:fs";
import tls from "node:tls";
import { messageOf, oneLine, quoted } from "../model/quotation.ts";

const trusted = new Set<string>();

/**
 * Makes this process trust the certificates of a PEM file, besides the ones that it trusts already.
 * Go programs (BuildKit, the plugins) read `SSL_CERT_FILE`; Node does not, so the clients add it here.
 * Source: https://nodejs.org/api/tls.html#tlssetdefaultcacertificatescerts
 *
 * @throws when the file cannot be read or holds no certificate
 */
export function trustCertificates(path: string): void {
  if (trusted.has(path)) {
    return;
  }
  try {
    const own = readFileSync(path, "utf8").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
    if (own === null) {
      throw new Error("it holds no certificate");
    }
    tls.setDefaultCACertificates([...tls.getCACertificates("default"), ...own]);
  } catch (error) {
    throw new Error(
      `the CA file ${quoted(path, 250)} (SSL_CERT_FILE) cannot be used: ${oneLine(messageOf(error))}. ` +
        "Let it name a PEM file with certificates, or unset it.",
    );
  }
  trusted.add(path);
}
