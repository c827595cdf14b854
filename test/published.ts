import { type DeclaredRelease, textAssets } from "../src/model/assets.ts";
import type { ReleaseFacts } from "../src/model/metadata.ts";
import { isPrerelease } from "../src/model/version.ts";
import { FACTS } from "./model/facts.ts";
import { bodyOf, COMMIT, STACK, sha256Hex, type TestGitHub } from "./resources/services.ts";
import { layerOf, putImage, putIndex, type RegistryServer, types } from "./services/registry-server.ts";

/** The bytes of a version's binary. */
export function binaryOf(version: string, architecture: string): Buffer {
  return Buffer.from(`${architecture} binary of ${version}`);
}

/** Puts the image of a version into the registry, as a release of ours; for both platforms the same, without a layer. */
export function imageOf(registry: RegistryServer, version: string): ReleaseFacts["image"] {
  const image = putImage(registry, [], { "org.opencontainers.image.version": version });
  const { digest } = putIndex(registry, `v${version}`, { "linux/amd64": image, "linux/arm64": image });
  const digests = { "linux/amd64": image.digest, "linux/arm64": image.digest };
  const reference = "ghcr.io/octo/demo";
  return { reference, tag: `v${version}`, digest, platforms: ["linux/amd64", "linux/arm64"], digests };
}

/** The facts of a version as this program declares them. */
export function declared(registry: RegistryServer, version: string, commit = COMMIT): DeclaredRelease {
  const facts: ReleaseFacts = {
    ...FACTS,
    version,
    tag: `v${version}`,
    commit,
    title: `v${version}`,
    prerelease: isPrerelease(version),
    image: imageOf(registry, version),
    artifacts: FACTS.artifacts.map((artifact) => {
      const bytes = binaryOf(version, artifact.architecture);
      const checksum = sha256Hex(bytes);
      return { ...artifact, version, checksum, path: `sha256/${checksum}`, size: bytes.length };
    }),
  };
  return { ...facts, files: textAssets(facts) };
}

/** Publishes a version with its image, as this program does it. */
export async function publishOurs(
  github: TestGitHub,
  registry: RegistryServer,
  version: string,
  { commit = COMMIT, stack = STACK, facts = declared(registry, version, commit) } = {},
): Promise<DeclaredRelease> {
  const draft = await github.draft({
    tag_name: facts.tag,
    target_commitish: commit,
    name: facts.title,
    body: bodyOf(facts.notes, { stack, version, commit }),
    prerelease: facts.prerelease,
  });
  for (const { name, architecture } of facts.artifacts) {
    await github.attach(draft, name, binaryOf(version, architecture));
  }
  for (const [name, text] of Object.entries(facts.files)) {
    await github.attach(draft, name, text);
  }
  await github.publish(draft);
  return facts;
}

/** Publishes a version as another tool does: no marker, no record, and no image. */
export async function publishForeign(github: TestGitHub, version: string, commit = COMMIT): Promise<void> {
  const draft = await github.draft({ tag_name: `v${version}`, target_commitish: commit, body: "by hand" });
  await github.attach(draft, "demo.tar.gz", `archive of ${version}`);
  await github.publish(draft);
}

/** The same, with an image that holds the released binaries. */
export async function publishWithImage(
  github: TestGitHub,
  registry: RegistryServer,
  version: string,
): Promise<DeclaredRelease> {
  const { files: _, ...plain } = declared(registry, version);
  const platforms = await Promise.all(
    plain.artifacts.map(async ({ architecture }) => {
      const content = binaryOf(version, architecture);
      const layer = await layerOf(types.gzip, { name: "mount-monitor", mode: 0o755, content });
      return [`linux/${architecture}`, putImage(registry, [layer])] as const;
    }),
  );
  const { digest } = putIndex(registry, plain.tag, Object.fromEntries(platforms));
  const digests = Object.fromEntries(platforms.map(([platform, image]) => [platform, image.digest]));
  const facts = { ...plain, image: { ...plain.image, digest, digests } };
  return publishOurs(github, registry, version, { facts: { ...facts, files: textAssets(facts) } });
}
