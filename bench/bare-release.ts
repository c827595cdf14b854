import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** What is released by hand, and where to. */
export interface BareRelease {
  /** Checkout whose HEAD is released; the module is in its `app/`. */
  readonly checkout: string;
  /** Empty directory to work in. */
  readonly directory: string;
  /** Path of buildctl. */
  readonly buildctl: string;
  /** Directory with buildx's instances; tells where buildkitd listens. */
  readonly dockerConfig: string;
  /** `127.0.0.1:PORT` of the registry. */
  readonly registry: string;
  readonly version: string;
}

const ARCHITECTURES = ["amd64", "arm64"];

/** Builds the buildctl of the kit's BuildKit into a directory; gives its path. */
export async function buildBuildctl(project: string, directory: string): Promise<string> {
  const path = join(directory, "buildctl");
  await execa("go", ["build", "-o", path, "github.com/moby/buildkit/cmd/buildctl"], {
    cwd: join(project, "kit/engine"),
    env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" },
  });
  return path;
}

/**
 * The least that a release can be: an export of the commit, its tests, one build for each architecture in parallel, and
 * one push of the image that the release has. With an empty Go cache, and with the release's own flags, so that
 * tests and build share what they compile. Nothing is verified, guarded, read back or published on GitHub.
 */
export async function bareRelease(release: BareRelease): Promise<void> {
  const { checkout, directory, buildctl, dockerConfig, registry, version } = release;
  const context = join(directory, "context");
  await mkdir(context, { recursive: true });
  const archive = join(directory, "source.tar");
  await execa("git", ["-C", checkout, "archive", `--output=${archive}`, "HEAD", "app"]);
  await execa("tar", ["-xf", archive, "-C", directory]);
  const go = {
    cwd: join(directory, "app"),
    env: { GOCACHE: join(directory, "cache"), GOFLAGS: "-trimpath -buildvcs=false", CGO_ENABLED: "0", GOOS: "linux" },
  };
  await execa("go", ["test", "./..."], go);
  const flags = `-ldflags=-w -buildid= -X main.Version=${version}`;
  await Promise.all(
    ARCHITECTURES.map((GOARCH) =>
      execa("go", ["build", flags, "-o", join(context, `mount-monitor-linux-${GOARCH}`), "./cmd/mount-monitor"], {
        ...go,
        env: { ...go.env, GOARCH },
      }),
    ),
  );
  await copyFile(join(checkout, "Dockerfile.release"), join(context, "Dockerfile.release"));
  await execa(buildctl, [
    `--addr=${await endpointOf(dockerConfig)}`,
    "build",
    "--frontend=dockerfile.v0",
    `--local=context=${context}`,
    `--local=dockerfile=${context}`,
    "--opt=filename=Dockerfile.release",
    `--opt=platform=${ARCHITECTURES.map((architecture) => `linux/${architecture}`).join(",")}`,
    "--opt=build-arg:SOURCE_DATE_EPOCH=1700000000",
    `--opt=label:org.opencontainers.image.version=${version}`,
    `--output=type=image,name=${registry}/bare/mount-monitor:v${version},push=true,rewrite-timestamp=true`,
  ]);
}

async function endpointOf(dockerConfig: string): Promise<string> {
  const instance = await readFile(join(dockerConfig, "buildx/instances/mount-monitor"), "utf8");
  return JSON.parse(instance).Nodes[0].Endpoint;
}
