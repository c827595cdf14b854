import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";

/** One repository of a registry, read from the files that the registry keeps, not through our own client. */
export interface RegistryStorage {
  /** The bytes that a digest names; throws when they are not there. */
  blob(digest: string): Promise<Buffer>;
  // biome-ignore lint/suspicious/noExplicitAny: a manifest as it is stored
  json(digest: string): Promise<any>;
  /** Names of all tags. */
  tags(): Promise<readonly string[]>;
  /** Digest that a tag points at; throws when there is no such tag. */
  digestOf(tag: string): Promise<string>;
  // biome-ignore lint/suspicious/noExplicitAny: a manifest as it is stored
  manifestOf(tag: string, platform: string): Promise<any>;
  /** SHA-256 of a file in the image of one platform. */
  binaryInImage(tag: string, platform: string, path: string): Promise<string | undefined>;
}

/** @param root `docker/registry/v2` in the registry's directory */
export function openRegistryStorage(root: string, repository: string): RegistryStorage {
  const blob = (digest: string) => readFile(join(root, "blobs/sha256", digest.slice(7, 9), digest.slice(7), "data"));
  const json = async (digest: string) => JSON.parse((await blob(digest)).toString());
  const links = join(root, "repositories", repository, "_manifests/tags");
  const digestOf = async (tag: string) => (await readFile(join(links, tag, "current/link"), "utf8")).trim();
  const manifestOf = async (tag: string, platform: string) => {
    const index = await json(await digestOf(tag));
    const entry = index.manifests.find(
      (candidate: { platform: { os: string; architecture: string } }) =>
        `${candidate.platform.os}/${candidate.platform.architecture}` === platform,
    );
    return json(entry.digest);
  };
  return {
    blob,
    json,
    tags: () => readdir(links),
    digestOf,
    manifestOf,
    async binaryInImage(tag, platform, path) {
      for (const layer of (await manifestOf(tag, platform)).layers.reverse()) {
        const entry = await fileIn(gunzipSync(await blob(layer.digest)), path);
        if (entry) return sha256(entry);
      }
      return undefined;
    },
  };
}

/** The bytes of a file in a tar archive; undefined when it has none of that name. */
export async function fileIn(tar: Buffer, path: string): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  const reading = extract();
  reading.on("entry", (header, stream, next) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece) => {
      if (Buffer.isBuffer(piece)) pieces.push(piece);
    });
    stream.on("end", () => {
      if (header.name === path) found = Buffer.concat(pieces);
      next();
    });
  });
  Readable.from([tar]).pipe(reading);
  await once(reading, "finish");
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
