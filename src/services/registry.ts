import { messageOf, oneLine, quoted, shown } from "../model/quotation.ts";
import { parseReference } from "../model/reference.ts";
import { trustCertificates } from "./certificate-authority.ts";
import type { Credentials } from "./registry/credentials.ts";
import { type Digest, digestOfBytes, isDigest } from "./registry/digest.ts";
import { entryInLayer, type LayerEntry, type LayerFile, verified } from "./registry/layer.ts";
import {
  imageManifestOf,
  isIndexType,
  labelsOf,
  manifestTypes,
  mediaTypeOf,
  type PlatformManifest,
  platformsOf,
} from "./registry/manifest.ts";
import { persistent } from "./registry/persistence.ts";
import { createSession } from "./registry/session.ts";
import type { Patience } from "./retry.ts";
import { ServiceError } from "./service-error.ts";
import { type Answer, contentOf, createTransport, detailOf, type Exchange } from "./transport.ts";

export { type Credentials, credentialsFor } from "./registry/credentials.ts";
export type { Digest } from "./registry/digest.ts";
export type { LayerFile } from "./registry/layer.ts";
export type { PlatformManifest } from "./registry/manifest.ts";

/** A manifest as the registry serves it: the bytes that its digest names. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly raw: Uint8Array<ArrayBuffer>;
}

/** A manifest that lists platforms. */
export interface Index extends Manifest {
  /** Its platforms, in its order, without attestations. */
  readonly platforms: readonly PlatformManifest[];
}

/**
 * One repository of a registry. Everything read is checked against its digest; a manifest is read once.
 * Every function throws a {@link ServiceError} that names the registry, the reference and the fix.
 * Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md
 */
export interface Registry {
  /**
   * Digest that a tag points at, or a digest when the registry has it; undefined when the registry says that there is no
   * such thing (404), and only then.
   */
  digestOf(reference: string): Promise<Digest | undefined>;
  /** The index under a tag or digest, or undefined when there is none. @throws when it is a single-platform image */
  index(reference: string): Promise<Index | undefined>;
  /** Any manifest, by digest. @throws when it is missing */
  manifest(digest: string): Promise<Manifest>;
  /** A blob as it arrives; throws at its end when its digest is another. `read` starts anew when the connection breaks. */
  blob<T>(digest: string, read: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
  /**
   * Checksum of a file in the image of one platform, from the topmost layer that has it; undefined when none has.
   * @param platformDigest digest of the platform's manifest
   * @param path path in the image without the leading slash: `mount-monitor`
   */
  binaryChecksums(platformDigest: string, path: string): Promise<LayerFile | undefined>;
  /** The bytes of that file. */
  binary(platformDigest: string, path: string): Promise<Buffer<ArrayBuffer> | undefined>;
  /** Stores a blob by its very bytes; one that is there already is the same. Gives its digest. */
  putBlob(bytes: Uint8Array<ArrayBuffer>): Promise<Digest>;
  /** Stores a manifest by its very bytes, under a tag or its own digest; what it names is there. Gives its digest. */
  putManifest(reference: string, raw: Uint8Array<ArrayBuffer>, mediaType: string): Promise<Digest>;
  /** Labels of an image; of an index those of its first platform. */
  labels(digest: string): Promise<Readonly<Record<string, string>>>;
  /** The label `org.opencontainers.image.version`, of the same image. */
  versionLabel(digest: string): Promise<string | undefined>;
}

/** What a registry client needs. */
export interface RegistryOptions {
  /** `host[:port]/path`, without tag and digest. Always reached by https, on the loopback interface too. */
  readonly reference: string;
  readonly credentials?: Credentials | undefined;
  /** PEM file with the certificate authority of the registry. Default: the environment's `SSL_CERT_FILE`. */
  readonly ca?: string | undefined;
  /** Told when the registry asks to wait. */
  readonly report?: ((line: string) => void) | undefined;
  readonly patience?: Patience | undefined;
}

/** Questions that a registry is asked at the same time, where there is one for each release. */
export const AT_ONCE = 16;

// The limit that registries have for manifests; configurations of images are as small.
const largestDocument = 4 * 1024 * 1024;
const LOOK = "Check the setting image, and what stands between here and the registry";

/** A client for one repository of a registry. Nothing is sent before the first call. */
export function createRegistry({ reference, credentials, ca, report, patience }: RegistryOptions): Registry {
  const { host, repository } = splitReference(reference);
  const trust = ca ?? process.env.SSL_CERT_FILE;
  if (trust) {
    trustCertificates(trust);
  }
  const service = `registry ${host}`;
  const transport = persistent(createTransport({ service, timeoutMs: patience?.timeoutMs }), service, patience, report);
  const session = createSession(transport, { service, repository, credentials });
  const root = `https://${host === "docker.io" ? "registry-1.docker.io" : host}/v2/${repository}`;
  // What a digest names cannot change, so a manifest is asked for once; a failure is not kept.
  const documents = new Map<Digest, Promise<Manifest | undefined>>();

  return {
    async digestOf(tag) {
      const head = await ask("HEAD", tag, async (answer) => {
        const digest = answer.headers.get("docker-content-digest");
        return answer.status === 404 ? undefined : isDigest(digest) ? digest : "unnamed";
      });
      return head === "unnamed" ? (await fetchManifest(tag))?.digest : head;
    },

    async index(name) {
      const found = await (isDigest(name) ? remembered(name) : fetchManifest(name));
      if (found === undefined) {
        return undefined;
      }
      if (!isIndexType(found.mediaType)) {
        throw fail(
          name,
          `is an image for a single platform (${quoted(found.mediaType)}), not an index: publish it for all platforms`,
        );
      }
      documents.set(found.digest, Promise.resolve(found));
      return { ...found, platforms: parsed(name, found, platformsOf) };
    },

    manifest,

    blob: (digest, read) => blob({ digest: named(digest) }, read),

    binaryChecksums: (platformDigest, path) => topmost(platformDigest, path, entryInLayer),

    async binary(platformDigest, path) {
      let pieces: Uint8Array[] = [];
      const found = await topmost(platformDigest, path, (...layer) => {
        // A layer is read anew when its connection breaks.
        pieces = [];
        return entryInLayer(...layer, (piece) => pieces.push(piece));
      });
      return found && Buffer.concat(pieces);
    },

    async putBlob(bytes) {
      const digest = digestOfBytes(bytes);
      // An upload that was begun and not ended is nothing: beginning another one doubles nothing.
      const begin: Exchange = { method: "POST", url: `${root}/blobs/uploads/`, idempotent: true };
      const target = await session.exchange(begin, async (answer) => {
        if (answer.status !== 202) {
          throw await refusal(digest, answer);
        }
        return uploadTarget(digest, answer.headers.get("location") ?? "");
      });
      const headers = { "content-type": "application/octet-stream" };
      return session.exchange({ method: "PUT", url: target, headers, body: bytes }, async (answer) => {
        if (answer.status !== 201) {
          throw await refusal(digest, answer);
        }
        return digest;
      });
    },

    async putManifest(tag, raw, mediaType) {
      const digest = digestOfBytes(raw);
      const request: Exchange = {
        method: "PUT",
        url: manifestUrl(tag),
        headers: { "content-type": mediaType },
        body: raw,
      };
      return session.exchange(request, async (answer) => {
        if (answer.status !== 201 && answer.status !== 200) {
          throw await refusal(tag, answer);
        }
        const stored = answer.headers.get("docker-content-digest");
        if (stored !== null && stored !== digest) {
          throw fail(tag, `was stored as ${shown(stored)}, sent was ${digest}: do not trust this tag`);
        }
        return digest;
      });
    },

    labels,

    versionLabel: async (digest) => (await labels(digest))["org.opencontainers.image.version"],
  };

  async function topmost(
    platformDigest: string,
    path: string,
    search: (bytes: AsyncIterable<Uint8Array>, mediaType: string, path: string) => Promise<LayerEntry>,
  ): Promise<LayerFile | undefined> {
    const { layers } = parsed(platformDigest, await manifest(platformDigest), imageManifestOf);
    for (const layer of layers.toReversed()) {
      const entry = await blob(layer, (bytes) => search(bytes, layer.mediaType, path));
      if (entry && "other" in entry) {
        throw fail(platformDigest, `has no file /${path}: its layer ${layer.digest} has there ${entry.other}`);
      }
      if (entry) {
        return entry;
      }
    }
    return undefined;
  }

  async function manifest(digest: string): Promise<Manifest> {
    const found = await remembered(named(digest));
    if (found === undefined) {
      throw fail(digest, "is not in the registry: has somebody deleted it?", 404);
    }
    return found;
  }

  async function labels(digest: string): Promise<Record<string, string>> {
    const found = await manifest(digest);
    if (isIndexType(found.mediaType)) {
      const [first] = parsed(digest, found, platformsOf);
      return first ? labels(first.digest) : {};
    }
    const { config } = parsed(digest, found, imageManifestOf);
    const raw = await blob(config, (body) => documentOf({ body }));
    return parsed(config.digest, { raw }, labelsOf);
  }

  async function fetchManifest(name: string): Promise<Manifest | undefined> {
    return ask("GET", name, async (answer) => {
      if (answer.status === 404) {
        return undefined;
      }
      const raw = await documentOf(answer).catch((error: unknown) => {
        throw error instanceof ServiceError ? error : fail(name, `cannot be read: ${messageOf(error)}. ${LOOK}`);
      });
      const digest = digestOfBytes(raw);
      for (const claimed of [answer.headers.get("docker-content-digest"), isDigest(name) ? name : null]) {
        if (claimed !== null && claimed !== digest) {
          throw fail(
            name,
            `is served with the digest ${shown(claimed)}, its bytes have ${digest}: the registry or something before it changed them. ${LOOK}`,
          );
        }
      }
      const mediaType = mediaTypeOf(
        parsed(name, { raw }, (json) => json),
        answer.headers.get("content-type"),
      );
      return { digest, mediaType, raw };
    });
  }

  function ask<T>(method: "GET" | "HEAD", name: string, read: (answer: Answer) => Promise<T>): Promise<T> {
    const headers = { accept: manifestTypes.join(", "), "accept-encoding": "identity" };
    return session.exchange({ method, url: manifestUrl(name), headers }, async (answer) => {
      // A missing tag is good news for a release: nothing but the registry's own 404 may be taken for it.
      if (answer.status !== 200 && answer.status !== 404) {
        throw await refusal(name, answer);
      }
      return read(answer);
    });
  }

  function blob<T>(
    { digest, size }: { readonly digest: Digest; readonly size?: number },
    read: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    const request: Exchange = {
      method: "GET",
      url: `${root}/blobs/${digest}`,
      // Undecoded: the digest names the bytes as they are stored.
      headers: { "accept-encoding": "identity" },
      redirects: "anywhere",
    };
    return session.exchange(request, async (answer) => {
      if (answer.status !== 200) {
        throw await refusal(digest, answer);
      }
      return read(verified(answer.body, digest, size)).catch((error: unknown) => {
        throw error instanceof ServiceError ? error : fail(digest, `cannot be used: ${oneLine(messageOf(error))}`);
      });
    });
  }

  function remembered(digest: Digest): Promise<Manifest | undefined> {
    const known = documents.get(digest);
    if (known) {
      return known;
    }
    const loading = fetchManifest(digest);
    documents.set(digest, loading);
    const forget = () => documents.delete(digest);
    loading.then((found) => found ?? forget(), forget);
    return loading;
  }

  function parsed<T>(name: string, { raw }: Pick<Manifest, "raw">, parse: (json: unknown) => T): T {
    try {
      return parse(JSON.parse(Buffer.from(raw).toString("utf8")));
    } catch (error) {
      throw fail(name, `cannot be read: ${oneLine(messageOf(error))}. ${LOOK}`);
    }
  }

  // Checked rather than escaped: neither form has a character that an address could take for something else.
  function manifestUrl(name: string): string {
    if (!isDigest(name) && !/^\w[\w.-]{0,127}$/.test(name)) {
      throw new Error(`${quoted(name)} is neither a tag nor a digest of ${host}/${repository}`);
    }
    return `${root}/manifests/${name}`;
  }

  // It gets the credential, and comes from an answer.
  function uploadTarget(digest: Digest, location: string): string {
    const url = URL.canParse(location, root) ? new URL(location, root) : undefined;
    if (location === "" || url?.origin !== new URL(root).origin) {
      throw fail(digest, `is to be uploaded to ${quoted(location)}, which does not belong to ${host}. ${LOOK}`);
    }
    url.searchParams.set("digest", digest);
    return url.href;
  }

  function named(digest: string): Digest {
    if (!isDigest(digest)) {
      throw new Error(`${quoted(digest)} is no digest of ${host}/${repository}: expected sha256: and 64 hex digits`);
    }
    return digest;
  }

  async function refusal(name: string, answer: Answer): Promise<ServiceError> {
    const detail = detailOf((await contentOf(answer)).toString("utf8"));
    const fix =
      answer.status === 403
        ? "The credentials may not do this: on ghcr.io the token needs packages: write, and the package must give the repository access"
        : "Check the setting image, and that the registry is well";
    return fail(name, `was refused with ${answer.status}: ${detail}. ${fix}`, answer.status);
  }

  function fail(name: string, why: string, status?: number): ServiceError {
    const full = `${host}/${repository}${name.includes(":") ? "@" : ":"}${name}`;
    return new ServiceError(`${full} ${why}`, { service, ...(status === undefined ? {} : { status }) });
  }
}

async function documentOf(answer: Pick<Answer, "body">): Promise<Buffer<ArrayBuffer>> {
  let size = 0;
  const bounded = async function* () {
    for await (const piece of answer.body) {
      size += piece.length;
      if (size > largestDocument) {
        throw new Error(`a manifest or configuration of more than ${largestDocument} bytes is not read`);
      }
      yield piece;
    }
  };
  return contentOf({ body: bounded() });
}

function splitReference(text: string): { host: string; repository: string } {
  const parsed = parseReference(text);
  const problem = !parsed.ok
    ? parsed.problem
    : parsed.reference.tag !== undefined || parsed.reference.digest !== undefined
      ? "it has a tag or a digest, which the release adds itself"
      : undefined;
  if (!parsed.ok || problem !== undefined) {
    throw new Error(`image ${quoted(text)}: ${problem}: pulumi config set mount-monitor:image host/path`);
  }
  return { host: parsed.reference.host, repository: parsed.reference.path };
}
