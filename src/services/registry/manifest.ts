import { z } from "zod";
import { oneLine } from "../../model/quotation.ts";
import { type Digest, isDigest } from "./digest.ts";

/** What a registry may serve under a tag; one Accept header for all. */
export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
] as const;

const indexTypes: ReadonlySet<string> = new Set(manifestTypes.slice(0, 2));

/** A content that a manifest points at. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** One platform of an index. */
export interface PlatformManifest {
  /** `linux/amd64`, `linux/arm/v7`; `linux/arm64` stands for its variant v8 as well. */
  readonly platform: string;
  readonly digest: Digest;
  /** Bytes of the platform's manifest. */
  readonly size: number;
}

/** The manifest of one platform. Layers are ordered from the bottom to the top. */
export interface ImageManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

const descriptor = z.object({
  mediaType: z.string(),
  digest: z.custom<Digest>((value) => typeof value === "string" && isDigest(value), "expected a sha256 digest"),
  size: z.int().min(0),
});
const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().optional() });
const indexSchema = z.object({ manifests: z.array(descriptor.extend({ platform: platform.optional() })) });
const imageSchema = z.object({ config: descriptor, layers: z.array(descriptor) });
const configSchema = z.object({
  config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

/** The media type of a manifest: what its own bytes say, else what the answer said. */
export function mediaTypeOf(json: unknown, contentType: string | null): string {
  const own = z.object({ mediaType: z.string() }).safeParse(json);
  return own.success ? own.data.mediaType : (contentType ?? "").replace(/;.*$/, "").trim();
}

/** Whether a media type is one of an index: OCI's, or Docker's manifest list. */
export function isIndexType(mediaType: string): boolean {
  return indexTypes.has(mediaType);
}

/**
 * The platforms of an index, in its order. Attestations, which BuildKit files under `unknown/unknown`, are no platform.
 * Source: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md
 * @throws when the JSON is no index
 */
export function platformsOf(json: unknown): PlatformManifest[] {
  return checked(indexSchema, json, "index").manifests.flatMap(({ platform: target, digest, size }) =>
    target && target.os !== "unknown" ? [{ platform: platformName(target), digest, size }] : [],
  );
}

/** @throws when the JSON is no image manifest */
export function imageManifestOf(json: unknown): ImageManifest {
  return checked(imageSchema, json, "image manifest");
}

/** The labels in an image's configuration. @throws when the JSON is no configuration */
export function labelsOf(json: unknown): Record<string, string> {
  return checked(configSchema, json, "image configuration").config?.Labels ?? {};
}

function platformName({ os, architecture, variant }: z.infer<typeof platform>): string {
  // arm64 has the single variant v8, which some builders write and others leave out.
  const suffix = variant && !(architecture === "arm64" && variant === "v8") ? `/${variant}` : "";
  return `${os}/${architecture}${suffix}`;
}

function checked<T>(schema: z.ZodType<T>, json: unknown, what: string): T {
  const result = schema.safeParse(json);
  if (!result.success) {
    throw new Error(`not a valid ${what}: ${oneLine(z.prettifyError(result.error))}`);
  }
  return result.data;
}
