import { formatChecksums, sha256 } from "./checksums.ts";
import { artifactsJson, metadataJson, parseMetadata, type ReleaseFacts } from "./metadata.ts";

/** A release as the stack declares it: its facts and the very texts of its assets, recorded ones for a published release. */
export interface DeclaredRelease extends ReleaseFacts {
  /** Text assets: name → text. */
  readonly files: Readonly<Record<string, string>>;
}

/** The text assets of a release: name → text. `checksums.txt` has a line for each binary. */
export function textAssets(facts: ReleaseFacts): Record<string, string> {
  return {
    "artifacts.json": artifactsJson(facts),
    "checksums.txt": formatChecksums(facts.artifacts.map(({ name, checksum }) => ({ name, checksum }))),
    "metadata.json": metadataJson(facts),
  };
}

/**
 * The release that the text of a `metadata.json` records; the other texts are rendered from it.
 * @throws as `parseMetadata` does
 */
export function declaredIn(metadata: string): DeclaredRelease {
  const facts = parseMetadata(metadata);
  return { ...facts, files: { ...textAssets(facts), "metadata.json": metadata } };
}

/** Media type that an asset is served with. */
export function mediaTypeOf(name: string): string {
  return name.endsWith(".json")
    ? "application/json"
    : name.endsWith(".txt")
      ? "text/plain; charset=utf-8"
      : "application/octet-stream";
}

/** Every asset of a release: name → SHA-256 hex. */
export function assetChecksums({ artifacts, files }: DeclaredRelease): Record<string, string> {
  return Object.fromEntries([
    ...artifacts.map(({ name, checksum }) => [name, checksum] as const),
    ...Object.entries(files).map(([name, text]) => [name, sha256(text)] as const),
  ]);
}

/** The binary that the image must hold for each platform: platform → SHA-256 hex. */
export function platformChecksums(facts: ReleaseFacts): Record<string, string> {
  return Object.fromEntries(facts.artifacts.map(({ architecture, checksum }) => [`linux/${architecture}`, checksum]));
}
