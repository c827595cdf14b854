import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { type Extract, extract } from "tar-stream";
import { quoted } from "../../model/quotation.ts";
import type { Digest } from "./digest.ts";

/** A file as it stands in a layer. */
export interface LayerFile {
  /** SHA-256, hex. */
  readonly checksum: string;
  /** Bytes. */
  readonly size: number;
}

/** What one layer says of a path: a file, that something else is there or hides it, or nothing at all. */
export type LayerEntry = LayerFile | { readonly other: string } | undefined;

/**
 * Reads a layer to its end, as it arrives, and hashes the file at `path` in it.
 *
 * @param mediaType of the layer: tar, plain or compressed with gzip or zstd
 * @param path path in the image, without a leading slash
 * @param take is given the file's bytes, piece by piece
 * @throws when the layer cannot be unpacked
 */
export async function entryInLayer(
  bytes: AsyncIterable<Uint8Array>,
  mediaType: string,
  path: string,
  take?: (piece: Uint8Array) => void,
): Promise<LayerEntry> {
  const tar = extract();
  const [unpacking, search] = await Promise.allSettled([
    pipeline(bytes, decompression(mediaType), tar),
    entryInTar(tar, path, take),
  ]);
  // The pipeline's error is the cause: the search only sees its stream end.
  for (const result of [unpacking, search]) {
    if (result.status === "rejected") {
      throw result.reason;
    }
  }
  return search.status === "fulfilled" ? search.value : undefined;
}

async function entryInTar(tar: Extract, path: string, take?: (piece: Uint8Array) => void): Promise<LayerEntry> {
  let found: LayerEntry;
  for await (const entry of tar) {
    const { name, type } = entry.header;
    const place = cleanPath(name);
    const hash = createHash("sha256");
    let size = 0;
    for await (const piece of entry) {
      if (place === path && piece instanceof Uint8Array) {
        hash.update(piece);
        size += piece.length;
        take?.(piece);
      }
    }
    if (place === path) {
      found =
        type === "file" || type === "contiguous-file" ? { checksum: hash.digest("hex"), size } : { other: `a ${type}` };
    } else if (found === undefined && hides(place, path)) {
      found = { other: `removed by ${place}` };
    }
  }
  return found;
}

// A whiteout removes a path, or all that lower layers have in a directory.
// Source: https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
function hides(place: string, path: string): boolean {
  const steps = path.split("/");
  return steps.some((step, index) => {
    const directory = steps
      .slice(0, index)
      .map((name) => `${name}/`)
      .join("");
    return place === `${directory}.wh.${step}` || place === `${directory}.wh..wh..opq`;
  });
}

function cleanPath(name: string): string {
  return name.replace(/^(\.?\/)+/, "").replace(/\/+$/, "");
}

function decompression(mediaType: string) {
  if (/[+.]gzip$/.test(mediaType)) {
    return createGunzip();
  }
  if (mediaType.endsWith("+zstd")) {
    return createZstdDecompress();
  }
  if (mediaType.endsWith(".tar")) {
    return new PassThrough();
  }
  throw new Error(`layers of type ${quoted(mediaType)} cannot be read; known are tar, gzip and zstd`);
}

/** Passes bytes on and throws at their end when they are not what the descriptor says, or as soon as they are too many. */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  digest: Digest,
  size?: number,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let seen = 0;
  for await (const piece of bytes) {
    seen += piece.length;
    if (size !== undefined && seen > size) {
      throw new Error(`it has more than the ${size} bytes that its manifest says`);
    }
    hash.update(piece);
    yield piece;
  }
  if (size !== undefined && seen !== size) {
    throw new Error(`it has ${seen} bytes, its manifest says ${size}`);
  }
  const actual = `sha256:${hash.digest("hex")}`;
  if (actual !== digest) {
    throw new Error(`its content has the digest ${actual}`);
  }
}
