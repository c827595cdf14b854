import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { moduleDirectory } from "../../kit/cache.ts";
import { versions } from "../../kit/versions.ts";
import manifest from "../../package.json" with { type: "json" };

const goModule = readFileSync(join(moduleDirectory, "go.mod"), "utf8");

describe("versions", () => {
  it.each([
    ["@pulumi/pulumi", "pulumi"],
    ["@pulumi/docker-build", "pulumi-resource-docker-build"],
    ["@pulumi/github", "pulumi-resource-github"],
    ["@pulumi/command", "pulumi-resource-command"],
  ] as const)("%s in package.json asks for the part's version", (dependency, part) => {
    expect(manifest.dependencies[dependency]).toBe(versions[part]);
  });

  it.each([
    ["github.com/pulumi/pulumi/pkg/v3", "pulumi"],
    ["github.com/pulumi/pulumi/sdk/v3", "pulumi"],
    ["github.com/pulumi/pulumi-docker-build", "pulumi-resource-docker-build"],
    ["github.com/moby/buildkit", "buildkitd"],
    ["github.com/docker/buildx", "buildx"],
    ["github.com/distribution/distribution/v3", "registry"],
  ] as const)("%s in go.mod is the part's version", (module, part) => {
    expect(goModule.split("\n").filter((line) => line.trim().startsWith(`${module} v`))).toEqual([
      expect.stringMatching(new RegExp(`^\\t${module} v${versions[part].replaceAll(".", "\\.")}( // indirect)?$`)),
    ]);
  });
});
