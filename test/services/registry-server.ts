import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { generate } from "selfsigned";
import { type Header, pack } from "tar-stream";

/** One request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Answers a request in place of the registry and gives true, or leaves it to the registry. */
export type Fault = (seen: Seen, response: ServerResponse, nth: number) => boolean | undefined;

/** A registry as small as the protocol allows, with TLS, whose answers a test can replace. */
export interface RegistryServer {
  readonly host: string;
  /** PEM file of its certificate. */
  readonly ca: string;
  readonly seen: Seen[];
  readonly manifests: Map<string, { readonly raw: Buffer; readonly mediaType: string }>;
  readonly blobs: Map<string, Buffer>;
  fault: Fault | undefined;
  stop(): Promise<void>;
}

const certificate = generate([{ name: "commonName", value: "127.0.0.1" }], {
  algorithm: "sha256",
  extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
});

export async function startRegistryServer(): Promise<RegistryServer> {
  const pems = await certificate;
  const directory = await mkdtemp(join(tmpdir(), "registry-test-"));
  const ca = join(directory, "ca.pem");
  await writeFile(ca, pems.cert);
  const seen: Seen[] = [];
  const manifests: RegistryServer["manifests"] = new Map();
  const blobs: RegistryServer["blobs"] = new Map();
  const listener = createServer({ key: pems.private, cert: pems.cert }, (request, response) => {
    void received(request).then((record) => {
      seen.push(record);
      const nth = seen.filter(({ method, path }) => method === record.method && path === record.path).length;
      if (!registry.fault?.(record, response, nth)) {
        answer(record, response);
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const registry: RegistryServer = {
    host: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    ca,
    seen,
    manifests,
    blobs,
    fault: undefined,
    async stop() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
  return registry;

  function answer({ method, path, body, headers }: Seen, response: ServerResponse): void {
    const [, kind, name = ""] = /^\/v2\/octo\/demo\/(manifests|blobs)\/([^/?]+)$/.exec(decodeURIComponent(path)) ?? [];
    if (kind === "manifests" && method === "PUT") {
      const stored = { raw: body, mediaType: headers["content-type"] ?? "" };
      manifests.set(name, stored).set(sha256(body), stored);
      response.writeHead(201, { "docker-content-digest": sha256(body) }).end();
      return;
    }
    if (path === "/v2/octo/demo/blobs/uploads/" && method === "POST") {
      response.writeHead(202, { location: "/v2/octo/demo/blobs/uploads/1?_state=a%2Fb" }).end();
      return;
    }
    const upload = /^\/v2\/octo\/demo\/blobs\/uploads\/1\?_state=a%2Fb&digest=(sha256%3A[0-9a-f]{64})$/.exec(path);
    if (upload && method === "PUT") {
      const digest = decodeURIComponent(upload[1] ?? "");
      const isWhole = sha256(body) === digest;
      if (isWhole) {
        blobs.set(digest, body);
      }
      response.writeHead(isWhole ? 201 : 400, { "docker-content-digest": digest }).end();
      return;
    }
    const found =
      kind === "manifests" ? manifests.get(name) : { raw: blobs.get(name), mediaType: "application/octet-stream" };
    if (!found?.raw) {
      const error = { errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] };
      response.writeHead(404, { "content-type": "application/json" }).end(JSON.stringify(error));
      return;
    }
    response.writeHead(200, {
      "content-type": found.mediaType,
      "content-length": found.raw.length,
      "docker-content-digest": sha256(found.raw),
    });
    response.end(method === "HEAD" ? undefined : found.raw);
  }
}

async function received(request: IncomingMessage): Promise<Seen> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  return {
    method: request.method ?? "",
    path: request.url ?? "",
    headers: request.headers,
    body: Buffer.concat(pieces),
  };
}

export function sha256(bytes: Uint8Array): `sha256:${string}` {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export const types = {
  index: "application/vnd.oci.image.index.v1+json",
  list: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  tar: "application/vnd.oci.image.layer.v1.tar",
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  dockerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

export type Entry = Partial<Header> & { readonly name: string; readonly content?: string | Buffer };

/** A layer with these entries, in this order. */
export async function layerOf(
  mediaType: string,
  ...entries: readonly Entry[]
): Promise<{ mediaType: string; bytes: Buffer }> {
  const archive = pack();
  for (const { content, ...header } of entries) {
    archive.entry(header, content ?? "");
  }
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) {
    pieces.push(Buffer.from(piece as Uint8Array));
  }
  const tar = Buffer.concat(pieces);
  const bytes = mediaType.endsWith("gzip") ? gzipSync(tar) : mediaType.endsWith("zstd") ? zstdCompressSync(tar) : tar;
  return { mediaType, bytes };
}

/** Puts the image of one platform into a registry; gives the digest of its manifest. */
export function putImage(
  registry: RegistryServer,
  layers: readonly { readonly mediaType: string; readonly bytes: Buffer }[],
  labels?: Record<string, string>,
): { digest: `sha256:${string}`; size: number } {
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", config: labels ? { Labels: labels } : {} }));
  registry.blobs.set(sha256(config), config);
  for (const { bytes } of layers) {
    registry.blobs.set(sha256(bytes), bytes);
  }
  const raw = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: sha256(config), size: config.length },
      layers: layers.map(({ mediaType, bytes }) => ({ mediaType, digest: sha256(bytes), size: bytes.length })),
    }),
  );
  registry.manifests.set(sha256(raw), { raw, mediaType: types.manifest });
  return { digest: sha256(raw), size: raw.length };
}

/** Puts an index under a tag. */
export function putIndex(
  registry: RegistryServer,
  tag: string,
  platforms: Readonly<Record<string, { readonly digest: string; readonly size: number }>>,
  mediaType: string = types.index,
): { digest: `sha256:${string}`; raw: Buffer } {
  const raw = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      manifests: Object.entries(platforms).map(([platform, descriptor]) => {
        const [os, architecture, variant] = platform.split("/");
        return { mediaType: types.manifest, ...descriptor, platform: { os, architecture, variant } };
      }),
    }),
  );
  registry.manifests.set(tag, { raw, mediaType }).set(sha256(raw), { raw, mediaType });
  return { digest: sha256(raw), raw };
}
