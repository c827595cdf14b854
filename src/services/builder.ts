import { mkdir, readFile, rm } from "node:fs/promises";
import { execa } from "execa";

/** Everything that decides the bytes of the image, besides BuildKit itself. */
export interface ImageBuild {
  /** Name of the buildx builder; buildx's own default when absent. */
  readonly builder: string | undefined;
  /** Directory that the build sees. */
  readonly context: string;
  /** Path of the Dockerfile. */
  readonly dockerfile: string;
  /** `linux/{arch}`, in the order of the index. */
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970: time of every file and of the image itself. */
  readonly sourceDateEpoch: number;
}

/** An index as BuildKit would push it. Digests are `sha256:{hex}`. */
export interface ImageIndex {
  readonly digest: string;
  /** Platform (`linux/amd64`) → digest of its manifest. */
  readonly digests: Readonly<Record<string, string>>;
}

/**
 * Builds the index without a push and gives its digests, so that what would be published is known beforehand.
 * Attestations are off, as docker-build's `Image` has them: they carry times.
 *
 * @param layout directory for the OCI layout; replaced
 * @throws with BuildKit's own output when the build fails
 */
export async function exportIndex(build: ImageBuild, layout: string): Promise<ImageIndex> {
  await rm(layout, { recursive: true, force: true });
  await mkdir(layout, { recursive: true });
  await buildx(build.builder, [
    "build",
    ...(build.builder ? ["--builder", build.builder] : []),
    "--progress=plain",
    "--provenance=false",
    "--sbom=false",
    `--platform=${build.platforms.join(",")}`,
    `--file=${build.dockerfile}`,
    `--build-arg=SOURCE_DATE_EPOCH=${build.sourceDateEpoch}`,
    ...Object.entries(build.labels).map(([name, value]) => `--label=${name}=${value}`),
    `--output=type=oci,tar=false,dest=${layout},rewrite-timestamp=true`,
    build.context,
  ]);
  return readLayout(layout);
}

/** Version of BuildKit behind a builder, `v0.31.1`. */
export async function buildkitVersion(builder: string | undefined): Promise<string> {
  const text = await buildx(builder, ["inspect", "--bootstrap", ...(builder ? [builder] : [])]);
  const versions = new Set([...text.matchAll(/^BuildKit(?: version)?:\s+(v\S+)$/gm)].map(([, version]) => version));
  const [version] = versions;
  if (!version || versions.size !== 1) {
    throw new Error(
      `builder ${quoted(builder)} runs ${versions.size === 0 ? "no BuildKit that says its version" : `different BuildKit versions: ${[...versions].join(", ")}`}; ` +
        "start it with `docker buildx inspect --bootstrap` or name another: pulumi config set builder NAME",
    );
  }
  return version;
}

/** A BuildKit that is reached over the network or a socket. */
export interface RemoteBuildKit {
  /** `tcp://HOST:PORT` or `unix://PATH`. */
  readonly address: string;
  /** PEM files: `cacert`, `cert` and `key`; none where it asks for none. */
  readonly certificates: Readonly<Record<string, string>>;
}

/**
 * Tells buildx of a BuildKit and makes it the builder that is used when none is named; again is the same.
 * @see https://docs.docker.com/build/builders/drivers/remote/
 */
export async function useRemoteBuilder(name: string, { address, certificates }: RemoteBuildKit): Promise<void> {
  const options = Object.entries(certificates).map(([option, file]) => `${option}=${file}`);
  await buildx(name, [
    "create",
    "--use",
    `--name=${name}`,
    // With its node's name a builder that is there is changed, not refused.
    `--node=${name}0`,
    "--driver=remote",
    ...(options.length === 0 ? [] : [`--driver-opt=${options.join(",")}`]),
    address,
  ]);
}

/** Reads the digests of the one index in an OCI image layout. */
async function readLayout(layout: string): Promise<ImageIndex> {
  const entry = (await readJson<Descriptors>(`${layout}/index.json`)).manifests[0];
  if (!entry) {
    throw new Error(`BuildKit exported no image into ${layout}`);
  }
  const index = await readJson<Descriptors>(`${layout}/blobs/${entry.digest.replace(":", "/")}`);
  const digests = index.manifests.flatMap(({ digest, platform }) =>
    platform ? [[`${platform.os}/${platform.architecture}`, digest] as const] : [],
  );
  return { digest: entry.digest, digests: Object.fromEntries(digests) };
}

interface Descriptors {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly os: string; readonly architecture: string };
  }[];
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await readFile(path, "utf8"));
}

// The stand-alone buildx first; else the plugin of a Docker CLI.
async function buildx(builder: string | undefined, args: readonly string[]): Promise<string> {
  for (const [command, ...prefix] of [["buildx"], ["docker", "buildx"]] as const) {
    const result = await execa(command, [...prefix, ...args], { reject: false, all: true });
    if (result.code === "ENOENT") {
      continue;
    }
    if (result.failed) {
      throw new Error(`builder ${quoted(builder)} failed (${command} ${args[0]}):\n${result.all}`);
    }
    return result.stdout;
  }
  throw new Error(
    "neither buildx nor docker is on the PATH, and this run has to build an image: install Docker with buildx, or use `npm start`, which brings its own",
  );
}

function quoted(builder: string | undefined): string {
  return builder ? `"${builder}"` : "(buildx default)";
}
