import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Kit } from "../../kit/provision.ts";
import { startBuilder } from "./buildkit.ts";
import { provideCertificate } from "./certificate.ts";
import { choosePorts } from "./ports.ts";
import { endLeftovers, Processes } from "./processes.ts";
import { type Registry, startRegistry } from "./registry.ts";

/** The services that are processes of their own: registry and builder. */
export interface Services {
  readonly registry: Registry;
  /** Name of the buildx builder. */
  readonly builder: string;
  /** Directory for `DOCKER_CONFIG`. */
  readonly dockerConfig: string;
  /** What the engine, its plugins and buildx need in their environment to use the services. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends them all and waits until they are gone. */
  stop(): Promise<void>;
}

/** Where and with what the services are started. */
export interface ServicesPlan {
  /** Absolute path of the directory in which everything is kept that the next run needs. */
  readonly local: string;
  readonly kit: Kit;
  readonly report: (line: string) => void;
}

/**
 * Ends what an earlier run left, starts registry and builder on the loopback interface, and waits until both answer.
 *
 * @throws when a port is taken or a process does not come up; what was started by then is ended
 */
export async function startServices({ local, kit, report }: ServicesPlan): Promise<Services> {
  await mkdir(local, { recursive: true });
  for (const leftover of await endLeftovers(local)) {
    report(`ended ${leftover}, which an earlier run left`);
  }
  const { registry: port } = await choosePorts(local);
  const certificate = await provideCertificate(join(local, "certificate"));
  const processes = new Processes(local);
  try {
    const registry = await startRegistry({ local, port, kit, certificate, processes });
    const builder = await startBuilder({ local, kit, registry, processes });
    return {
      registry,
      builder: builder.name,
      dockerConfig: builder.env.DOCKER_CONFIG ?? process.env.DOCKER_CONFIG ?? "",
      env: {
        ...builder.env,
        // Read by Go programs: the plugins and buildx. BuildKit has the registry's authority in its own configuration.
        SSL_CERT_FILE: certificate.bundle,
        PATH: [kit.bin, process.env.PATH].join(delimiter),
      },
      stop: async () => {
        await processes.stopAll();
        await builder.stop();
      },
    };
  } catch (error) {
    await processes.stopAll();
    throw error;
  }
}
