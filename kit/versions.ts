/**
 * The one place that pins what the kit is made of. The versions of the plugins are those of the npm packages
 * `@pulumi/…` in package.json; the Go modules are pinned once more, by their checksums, in engine/go.mod and go.sum.
 */
export const versions = {
  pulumi: "3.259.0",
  "pulumi-resource-docker-build": "0.0.22",
  "pulumi-resource-github": "6.13.1",
  "pulumi-resource-command": "1.2.1",
  buildkitd: "0.31.1",
  buildx: "0.35.0",
  registry: "3.1.2",
} as const;

/** Name of a part of the kit, which is also the name of its executable. */
export type PartName = keyof typeof versions;
