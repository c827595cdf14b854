import { describe, expect, it } from "vitest";
import { currentPlatform, type Platform, parts, partsFor } from "../../kit/part.ts";

const download = (name: string, platform: Platform) => parts.find((part) => part.name === name)?.download(platform);

describe("parts", () => {
  it("are the names of the executables that the engine and the services look for", () => {
    expect(parts.map(({ name, version }) => `${name} ${version}`)).toEqual([
      "pulumi 3.259.0",
      "pulumi-resource-docker-build 0.0.22",
      "pulumi-resource-github 6.13.1",
      "pulumi-resource-command 1.2.1",
      "buildkitd 0.31.1",
      "buildx 0.35.0",
      "registry 3.1.2",
    ]);
  });

  it("come from their projects' own sites", () => {
    const linux: Platform = { os: "linux", arch: "amd64" };
    const mac: Platform = { os: "darwin", arch: "arm64" };
    expect(download("pulumi", linux)).toEqual({
      url: "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-linux-x64.tar.gz",
      member: "pulumi/pulumi",
    });
    expect(download("pulumi", mac)?.url).toBe(
      "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-darwin-arm64.tar.gz",
    );
    expect(download("pulumi-resource-github", mac)).toEqual({
      url: "https://get.pulumi.com/releases/plugins/pulumi-resource-github-v6.13.1-darwin-arm64.tar.gz",
      member: "pulumi-resource-github",
    });
    expect(download("buildkitd", linux)).toEqual({
      url: "https://github.com/moby/buildkit/releases/download/v0.31.1/buildkit-v0.31.1.linux-amd64.tar.gz",
      member: "bin/buildkitd",
    });
    expect(download("buildx", linux)).toEqual({
      url: "https://github.com/docker/buildx/releases/download/v0.35.0/buildx-v0.35.0.linux-amd64",
    });
    expect(download("registry", mac)).toEqual({
      url: "https://github.com/distribution/distribution/releases/download/v3.1.2/registry_3.1.2_darwin_arm64.tar.gz",
      member: "registry",
    });
  });

  it("leave buildkitd out where it does not run", () => {
    const names = (os: Platform["os"]) => partsFor({ os, arch: "arm64" }).map(({ name }) => name);
    expect(names("linux")).toEqual(parts.map(({ name }) => name));
    expect(names("darwin")).toEqual(names("linux").filter((name) => name !== "buildkitd"));
  });
});

describe("currentPlatform", () => {
  it.each([
    ["linux", "x64", { os: "linux", arch: "amd64" }],
    ["darwin", "arm64", { os: "darwin", arch: "arm64" }],
  ])("%s/%s", (os, cpu, platform) => {
    expect(currentPlatform(os, cpu)).toEqual(platform);
  });

  it.each([
    ["win32", "x64"],
    ["linux", "ia32"],
  ])("refuses %s/%s by name", (os, cpu) => {
    expect(() => currentPlatform(os, cpu)).toThrow(`no parts for ${os}/${cpu}`);
  });
});
