import { type PartName, versions } from "./versions.ts";

/** Operating system and processor, in Go's words: `linux/amd64`. */
export interface Platform {
  readonly os: "linux" | "darwin";
  readonly arch: "amd64" | "arm64";
}

/** How one executable is recognised, downloaded and built. */
export interface Part {
  readonly name: PartName;
  readonly version: string;
  /** Arguments that make an executable on the PATH print its version; absent for plugins, which do not print it. */
  readonly ask?: readonly string[];
  /** Official archive, and the file in it; without `member` the download is the executable itself. */
  readonly download: (platform: Platform) => { readonly url: string; readonly member?: string };
  /** Go package to build, and the variable that takes the version. */
  readonly build: { readonly package: string; readonly versionVariable: string; readonly version: string };
  /** Operating systems that it runs on; all by default. */
  readonly only?: Platform["os"];
}

const github = (repository: string, version: string, file: string) =>
  `https://github.com/${repository}/releases/download/v${version}/${file}`;

function plugin(name: Extract<PartName, `pulumi-resource-${string}`>, build: Omit<Part["build"], "version">): Part {
  const version = versions[name];
  return {
    name,
    version,
    // https://www.pulumi.com/docs/iac/packages-and-automation/pulumi-packages/authoring/#publishing-your-package
    download: ({ os, arch }) => ({
      url: `https://get.pulumi.com/releases/plugins/${name}-v${version}-${os}-${arch}.tar.gz`,
      member: name,
    }),
    build: { ...build, version },
  };
}

/** Everything the kit holds, in the order in which it is shown. */
export const parts: readonly Part[] = [
  {
    name: "pulumi",
    version: versions.pulumi,
    ask: ["version"],
    download: ({ os, arch }) => ({
      url: `https://get.pulumi.com/releases/sdk/pulumi-v${versions.pulumi}-${os}-${arch === "amd64" ? "x64" : arch}.tar.gz`,
      member: "pulumi/pulumi",
    }),
    build: {
      package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
      versionVariable: "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
      version: `v${versions.pulumi}`,
    },
  },
  plugin("pulumi-resource-docker-build", {
    package: "github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",
    versionVariable: "github.com/pulumi/pulumi-docker-build/provider.Version",
  }),
  plugin("pulumi-resource-github", { package: "./pulumi-resource-github", versionVariable: "main.version" }),
  plugin("pulumi-resource-command", { package: "./pulumi-resource-command", versionVariable: "main.version" }),
  {
    name: "buildkitd",
    version: versions.buildkitd,
    ask: ["--version"],
    download: ({ os, arch }) => ({
      url: github("moby/buildkit", versions.buildkitd, `buildkit-v${versions.buildkitd}.${os}-${arch}.tar.gz`),
      member: "bin/buildkitd",
    }),
    build: {
      package: "github.com/moby/buildkit/cmd/buildkitd",
      versionVariable: "github.com/moby/buildkit/version.Version",
      version: `v${versions.buildkitd}`,
    },
    only: "linux",
  },
  {
    name: "buildx",
    version: versions.buildx,
    ask: ["version"],
    download: ({ os, arch }) => ({
      url: github("docker/buildx", versions.buildx, `buildx-v${versions.buildx}.${os}-${arch}`),
    }),
    build: {
      package: "github.com/docker/buildx/cmd/buildx",
      versionVariable: "github.com/docker/buildx/version.Version",
      version: `v${versions.buildx}`,
    },
  },
  {
    name: "registry",
    version: versions.registry,
    ask: ["--version"],
    download: ({ os, arch }) => ({
      url: github("distribution/distribution", versions.registry, `registry_${versions.registry}_${os}_${arch}.tar.gz`),
      member: "registry",
    }),
    build: {
      package: "github.com/distribution/distribution/v3/cmd/registry",
      versionVariable: "github.com/distribution/distribution/v3/version.version",
      version: `v${versions.registry}`,
    },
  },
];

const architectures: Readonly<Record<string, Platform["arch"]>> = { x64: "amd64", arm64: "arm64" };

/**
 * This machine's platform.
 *
 * @throws when the kit has nothing for it
 */
export function currentPlatform(os: string = process.platform, cpu: string = process.arch): Platform {
  const arch = architectures[cpu];
  if ((os !== "linux" && os !== "darwin") || arch === undefined) {
    throw new Error(`the kit has no parts for ${os}/${cpu}; use Linux or macOS on an amd64 or arm64 machine`);
  }
  return { os, arch };
}

/** The parts that exist for a platform. */
export function partsFor(platform: Platform): readonly Part[] {
  return parts.filter(({ only }) => only === undefined || only === platform.os);
}
