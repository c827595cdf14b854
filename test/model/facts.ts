import type { ReleaseFacts } from "../../src/model/metadata.ts";

const AMD64 = "a".repeat(64);
const ARM64 = "b".repeat(64);

/** Facts of a release as tests use them. */
export const FACTS: ReleaseFacts = {
  version: "1.1.0",
  tag: "v1.1.0",
  previousTag: "v1.0.0",
  commit: "0123456789abcdef0123456789abcdef01234567",
  commitTime: "2026-03-01T10:00:00Z",
  prerelease: false,
  latest: true,
  title: "v1.1.0",
  notes: "## Features\n\n- watch bind mounts\n",
  go: "go1.26.8",
  buildkit: "v0.31.1",
  source: {
    prefix: "app",
    package: "./cmd/mount-monitor",
    binaryName: "mount-monitor",
    versionVariable: "main.Version",
    verifyArgs: ["--version"],
  },
  dockerfile: 'FROM scratch\nENTRYPOINT ["/mount-monitor"]\n',
  labels: { "org.opencontainers.image.version": "1.1.0", "org.opencontainers.image.title": "mount-monitor" },
  image: {
    reference: "ghcr.io/octo-example/mount-monitor",
    tag: "v1.1.0",
    digest: `sha256:${"1".repeat(64)}`,
    platforms: ["linux/amd64", "linux/arm64"],
    digests: { "linux/amd64": `sha256:${"2".repeat(64)}`, "linux/arm64": `sha256:${"3".repeat(64)}` },
  },
  artifacts: [
    {
      name: "mount-monitor-linux-amd64",
      path: `sha256/${AMD64}`,
      architecture: "amd64",
      version: "1.1.0",
      checksum: AMD64,
      size: 4_000_000,
    },
    {
      name: "mount-monitor-linux-arm64",
      path: `sha256/${ARM64}`,
      architecture: "arm64",
      version: "1.1.0",
      checksum: ARM64,
      size: 3_900_000,
    },
  ],
};
