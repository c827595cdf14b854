import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { Kit } from "../../kit/provision.ts";
import { executablesOnPath } from "../../kit/search-path.ts";
import type { Processes } from "./processes.ts";
import type { Registry } from "./registry.ts";

/** Name under which buildx and the docker-build plugin find the builder. */
const BUILDER = "mount-monitor";
/** A socket's path may have 107 bytes on Linux and 103 on macOS. Source: unix(7). */
const LONGEST_SOCKET = 103;

/** The builder of images. */
export interface Builder {
  /** Name of the buildx builder. */
  readonly name: string;
  /** What buildx and the docker-build plugin need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Where the builder keeps its things. */
export interface BuilderPlan {
  /** Absolute path of the rehearsal's directory. */
  readonly local: string;
  readonly kit: Kit;
  readonly registry: Registry;
  readonly processes: Processes;
}

/**
 * Gives a builder: buildkitd where this is root on Linux; elsewhere the one that a Docker daemon has.
 *
 * @throws when there is neither
 */
export async function startBuilder(plan: BuilderPlan): Promise<Builder> {
  if (process.platform === "linux" && process.getuid?.() === 0) {
    return startBuildKit(plan);
  }
  // Not tried where this was written: there was no Docker daemon.
  const docker = await execa("docker", ["info", "--format", "{{.ServerVersion}}"], { reject: false, timeout: 10_000 });
  if (docker.failed) {
    throw new Error(
      "there is nothing to build images with: buildkitd needs root on Linux, and no Docker daemon answers. " +
        "Start Docker, or run npm start as root on Linux",
    );
  }
  return { name: "default", env: {}, stop: async () => {} };
}

async function startBuildKit({ local, kit, registry, processes }: BuilderPlan): Promise<Builder> {
  const { path: socket, remove } = await socketPath(local);
  const configuration = join(local, "buildkitd.toml");
  await writeFile(
    configuration,
    buildkitConfiguration({ socket, root: join(local, "buildkit"), runc: findRunc(kit), registry }),
  );
  const docker = join(local, "docker");
  await writeInstance(docker, socket);
  const buildkit = await processes.start({
    name: "buildkitd",
    command: join(kit.bin, "buildkitd"),
    args: ["--config", configuration],
    log: join(local, "buildkitd.log"),
  });
  await buildkit.until(() => listens(socket));
  return {
    name: BUILDER,
    // BUILDX_CONFIG wins over DOCKER_CONFIG, so one that the user has would lead past the builder.
    env: { DOCKER_CONFIG: docker, BUILDX_CONFIG: join(docker, "buildx") },
    stop: remove,
  };
}

/** What buildkitd is configured with; all paths are absolute. */
export interface BuildKitSettings {
  readonly socket: string;
  readonly root: string;
  readonly runc: string;
  readonly registry: Registry;
}

/**
 * Configuration of buildkitd. `http = false` has to be said: BuildKit takes a registry on the loopback interface for one
 * that speaks plain HTTP. What it keeps between builds is bounded.
 * Source: https://docs.docker.com/build/buildkit/toml-configuration/
 */
export function buildkitConfiguration({ socket, root, runc, registry }: BuildKitSettings): string {
  // A JSON string is a TOML basic string.
  const text = JSON.stringify;
  return `root = ${text(root)}

[grpc]
address = [${text(`unix://${socket}`)}]

[worker.oci]
enabled = true
binary = ${text(runc)}
networkMode = "host"
gc = true
reservedSpace = "256MB"
maxUsedSpace = "1GB"

[worker.containerd]
enabled = false

[registry.${text(registry.address)}]
http = false
ca = [${text(registry.ca)}]
`;
}

/** The machine's runc when there is one, for Dockerfiles with RUN; else the kit's, which says that it is missing. */
function findRunc(kit: Kit): string {
  return (
    executablesOnPath("buildkit-runc")[0] ??
    executablesOnPath("runc").find((path) => path !== join(kit.bin, "runc")) ??
    join(kit.bin, "runc")
  );
}

async function socketPath(local: string): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const near = join(local, "buildkitd.sock");
  if (Buffer.byteLength(near) <= LONGEST_SOCKET) {
    return { path: near, remove: () => rm(near, { force: true }) };
  }
  const directory = await mkdtemp(join(tmpdir(), "mount-monitor-"));
  return { path: join(directory, "buildkitd.sock"), remove: () => rm(directory, { recursive: true, force: true }) };
}

/** Tells buildx of the builder, in the format in which `buildx create --driver remote` does. */
async function writeInstance(docker: string, socket: string): Promise<void> {
  const instances = join(docker, "buildx", "instances");
  await mkdir(instances, { recursive: true });
  const node = {
    Name: `${BUILDER}0`,
    Endpoint: `unix://${socket}`,
    Platforms: null,
    DriverOpts: null,
    Flags: null,
    Files: null,
  };
  await writeFile(join(docker, "config.json"), "{}\n");
  await writeFile(
    join(instances, BUILDER),
    JSON.stringify({ Name: BUILDER, Driver: "remote", Nodes: [node], Dynamic: false }),
  );
}

/** Whether somebody listens on a Unix socket. */
export async function listens(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    // Not there, or one that an earlier process left.
    return false;
  } finally {
    socket.destroy();
  }
}
