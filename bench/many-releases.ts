import type { LocalGitHub } from "../rehearsal/github/server.ts";
import type { Release } from "../rehearsal/github/state.ts";
import { assetChecksums, textAssets } from "../src/model/assets.ts";
import type { LedgerEntry } from "../src/model/ledger.ts";
import { formatMarker } from "../src/model/marker.ts";
import type { ReleaseFacts } from "../src/model/metadata.ts";
import { packText } from "../src/model/packed-text.ts";
import { digestOfBytes } from "../src/services/registry/digest.ts";
import type { Registry } from "../src/services/registry.ts";

const PLATFORMS = ["amd64", "arm64"] as const;
const TIME = "2026-01-02T03:04:05Z";
const types = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
};

/** Where a release is put. */
export interface Storage {
  readonly github: LocalGitHub;
  readonly registry: Registry;
  /** `owner/name`. */
  readonly repository: string;
  readonly stack: string;
}

/** Puts a release of a stack into the storage of GitHub, and its image into the registry; gives its line in the ledger. */
export async function stored(
  { github, registry, repository: name, stack }: Storage,
  version: string,
): Promise<LedgerEntry> {
  const commit = Buffer.from(version).toString("hex").padStart(40, "0");
  const facts = await pushed(registry, version, commit);
  const files = textAssets(facts);
  const checksums = assetChecksums({ ...facts, files });
  const repository = github.inspect.repository(name);
  const id = repository.releases.length + 1;
  const release: Release = {
    id,
    tagName: facts.tag,
    targetCommitish: commit,
    name: facts.title,
    body: formatMarker({ stack, version, commit }),
    draft: false,
    prerelease: false,
    immutable: false,
    author: "octo",
    createdAt: TIME,
    updatedAt: TIME,
    publishedAt: TIME,
    untagged: "",
    assets: Object.entries(checksums).map(([asset, sha256], index) => ({
      id: id * 10 + index,
      name: asset,
      label: "",
      contentType: "application/octet-stream",
      state: "uploaded",
      size: 1,
      sha256,
      downloads: 0,
      uploader: "octo",
      createdAt: TIME,
      updatedAt: TIME,
    })),
  };
  repository.releases.push(release);
  repository.refs[`refs/tags/${facts.tag}`] = { type: "commit", sha: commit };
  return { commit, digest: facts.image.digest, checksums, metadata: packText(files["metadata.json"] ?? "") };
}

/** Pushes an image with an empty layer for each platform; gives the facts of a release that has it. */
async function pushed(registry: Registry, version: string, commit: string): Promise<ReleaseFacts> {
  const tag = `v${version}`;
  const layer = Buffer.alloc(1024);
  const layerDigest = await registry.putBlob(layer);
  const manifests: object[] = [];
  const digests: Record<string, string> = {};
  for (const architecture of PLATFORMS) {
    const labels = { version };
    const config = json({ os: "linux", architecture, config: { Labels: labels } });
    const manifest = json({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: await registry.putBlob(config), size: config.length },
      layers: [{ mediaType: types.layer, digest: layerDigest, size: layer.length }],
    });
    const digest = await registry.putManifest(digestOfBytes(manifest), manifest, types.manifest);
    digests[`linux/${architecture}`] = digest;
    manifests.push({
      mediaType: types.manifest,
      digest,
      size: manifest.length,
      platform: { os: "linux", architecture },
    });
  }
  const index = json({ schemaVersion: 2, mediaType: types.index, manifests });
  return {
    version,
    tag,
    commit,
    commitTime: TIME,
    prerelease: false,
    latest: true,
    title: tag,
    notes: "",
    go: "go1.26.8",
    buildkit: "v0.31.1",
    source: { prefix: "", package: "./", binaryName: "demo", versionVariable: "main.Version", verifyArgs: [] },
    dockerfile: 'FROM scratch\nENTRYPOINT ["/demo"]\n',
    labels: {},
    image: {
      reference: "ghcr.io/octo/demo",
      tag,
      digest: await registry.putManifest(tag, index, types.index),
      platforms: Object.keys(digests),
      digests,
    },
    artifacts: PLATFORMS.map((architecture) => {
      const checksum = (digests[`linux/${architecture}`] ?? "").slice("sha256:".length);
      const name = `demo-linux-${architecture}`;
      return { name, path: `sha256/${checksum}`, architecture, version, checksum, size: 1 };
    }),
  };
}

function json(value: object): Buffer<ArrayBuffer> {
  return Buffer.from(JSON.stringify(value));
}
