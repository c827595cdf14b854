import { mkdir, readFile, writeFile } from "node:fs/promises";
import https from "node:https";
import { join } from "node:path";
import type { Kit } from "../../kit/provision.ts";
import type { Certificate } from "./certificate.ts";
import type { Processes } from "./processes.ts";

/** The local OCI registry. */
export interface Registry {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Path of the PEM file with the authority that signed its certificate. */
  readonly ca: string;
  /** Path of a file with one line in Apache's combined format for each request: method, path, status, size. */
  readonly accessLog: string;
}

/** Where the registry keeps its things and how it is reached. */
export interface RegistryPlan {
  /** Absolute path of the rehearsal's directory. */
  readonly local: string;
  readonly port: number;
  readonly kit: Kit;
  readonly certificate: Certificate;
  readonly processes: Processes;
}

/** Starts the registry, over TLS on the loopback interface, and waits until it answers. */
export async function startRegistry({ local, port, kit, certificate, processes }: RegistryPlan): Promise<Registry> {
  const data = join(local, "registry");
  const configuration = join(local, "registry.json");
  const accessLog = join(local, "registry-access.log");
  await mkdir(data, { recursive: true });
  await writeFile(configuration, `${JSON.stringify(registryConfiguration(data, port, certificate), null, 2)}\n`);
  const registry = await processes.start({
    name: "the registry",
    command: join(kit.bin, "registry"),
    args: ["serve", configuration],
    // Without it the registry looks for a collector of traces.
    env: { OTEL_TRACES_EXPORTER: "none" },
    log: join(local, "registry.log"),
    output: accessLog,
  });
  const ca = await readFile(certificate.ca, "utf8");
  await registry.until(() => answers(port, ca));
  return { address: `127.0.0.1:${port}`, ca: certificate.ca, accessLog };
}

/**
 * Configuration of the registry; JSON, which is YAML too.
 * Source: https://distribution.github.io/distribution/about/configuration/
 */
export function registryConfiguration(data: string, port: number, { certificate, key }: Certificate): object {
  return {
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: false } },
    storage: {
      filesystem: { rootdirectory: data },
      delete: { enabled: false },
      maintenance: { uploadpurging: { enabled: false } },
    },
    http: { addr: `127.0.0.1:${port}`, tls: { certificate, key } },
  };
}

async function answers(port: number, ca: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = https.get({ host: "127.0.0.1", port, path: "/v2/", ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on("error", () => resolve(false));
  });
}
