import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Credentials, createRegistry } from "../../src/services/registry.ts";
import {
  type Fault,
  layerOf,
  putImage,
  putIndex,
  type RegistryServer,
  sha256,
  startRegistryServer,
  types,
} from "./registry-server.ts";

// Time runs 500 times as fast.
const secondMs = 2;

let server: RegistryServer;
let lines: string[];

beforeEach(async () => {
  server = await startRegistryServer();
  lines = [];
});
afterEach(() => server.stop());

function client(credentials?: Credentials, timeoutMs = 5000) {
  return createRegistry({
    reference: `${server.host}/octo/demo`,
    ca: server.ca,
    credentials,
    report: (line) => lines.push(line),
    patience: {
      retries: 2,
      secondMs,
      timeoutMs,
    },
  });
}

function paths(): string[] {
  return server.seen.map(({ method, path }) => `${method} ${path}`);
}

/** Answers the first `count` requests of a method and path with a status. */
function failing(count: number, method: string, status: number, headers: Record<string, string> = {}): Fault {
  let left = count;
  return (seen, response) => {
    if (seen.method !== method || left === 0) {
      return false;
    }
    left--;
    response
      .writeHead(status, headers)
      .end(status === 404 ? "" : JSON.stringify({ errors: [{ code: "X", message: "said why" }] }));
    return true;
  };
}

const image = { digest: `sha256:${"1".repeat(64)}`, size: 10 };

describe("a reference", () => {
  test.each([
    "demo",
    "ghcr.io/octo/demo:v1",
    "ghcr.io/Octo/demo",
    "http://ghcr.io/octo/demo",
    "ghcr.io/octo/../demo",
    "",
  ])("%j is refused", (reference) => {
    expect(() => createRegistry({ reference })).toThrow(`image "${reference}": it`);
  });
});

describe("the digest of a tag", () => {
  test("is one HEAD request, with every manifest type accepted", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    expect(await client().digestOf("v1.0.0")).toBe(digest);
    expect(paths()).toEqual(["HEAD /v2/octo/demo/manifests/v1.0.0"]);
    expect(server.seen[0]?.headers.accept).toContain(types.index);
    expect(server.seen[0]?.headers.accept).toContain(types.list);
    expect(server.seen[0]?.headers.authorization).toBeUndefined();
  });

  test("is undefined for a 404", async () => {
    expect(await client().digestOf("v1.0.0")).toBeUndefined();
  });

  test("is computed from the bytes when the header is missing", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = failing(1, "HEAD", 200);
    expect(await client().digestOf("v1.0.0")).toBe(digest);
    expect(paths()).toEqual(["HEAD /v2/octo/demo/manifests/v1.0.0", "GET /v2/octo/demo/manifests/v1.0.0"]);
  });

  test.each([400, 403, 405, 410, 500, 503])("is an error, never missing, for a %i", async (status) => {
    server.fault = failing(99, "HEAD", status);
    await expect(client().digestOf("v1.0.0")).rejects.toThrow(String(status));
  });
});

describe("passing faults", () => {
  test("a 503 is asked again, then given up after the bound", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = failing(2, "HEAD", 503);
    expect(await client().digestOf("v1.0.0")).toBe(digest);
    expect(server.seen).toHaveLength(3);
    server.fault = failing(99, "HEAD", 503);
    await expect(client().digestOf("v1.0.0")).rejects.toThrow(
      `registry ${server.host} answered 503 to HEAD https://${server.host}/v2/octo/demo/manifests/v1.0.0`,
    );
    expect(server.seen).toHaveLength(6);
  });

  test("Retry-After is waited for and reported", async () => {
    putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = failing(1, "HEAD", 429, { "retry-after": "42" });
    const start = performance.now();
    await client().digestOf("v1.0.0");
    expect(performance.now() - start).toBeGreaterThanOrEqual(42 * secondMs - 1);
    expect(lines).toEqual([`registry ${server.host} asks to wait 42 s`]);
  });

  test("a Retry-After beyond the cap fails at once and names the time", async () => {
    server.fault = failing(99, "HEAD", 429, { "retry-after": "3600" });
    await expect(client().digestOf("v1.0.0")).rejects.toThrow(
      /asks to wait 3600 s, until 20\d\d-.*Z; at most 120 s are waited/,
    );
    expect(lines).toEqual([]);
    expect(server.seen).toHaveLength(1);
  });

  test("the cap holds for the sum of the waits", async () => {
    server.fault = failing(99, "HEAD", 429, { "retry-after": "70" });
    await expect(client().digestOf("v1.0.0")).rejects.toThrow("asks to wait 70 s");
    expect(lines).toEqual([`registry ${server.host} asks to wait 70 s`]);
  });

  test("a connection that is cut before the answer is tried again", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = (_seen, response, nth) => nth === 1 && Boolean(response.destroy());
    expect((await client().index("v1.0.0"))?.digest).toBe(digest);
    expect(server.seen).toHaveLength(2);
  });

  test("a silent registry is given up after the time-out", async () => {
    server.fault = () => true;
    await expect(client(undefined, 50).digestOf("v1.0.0")).rejects.toThrow("nothing arrived for 0.05 s");
    expect(server.seen).toHaveLength(3);
  });

  test("an untrusted certificate is not retried and names the fix", async () => {
    const registry = createRegistry({ reference: `localhost:${server.host.split(":")[1]}/octo/demo`, ca: server.ca });
    await expect(registry.digestOf("v1.0.0")).rejects.toThrow(
      /certificate of registry localhost:\d+ is not accepted \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
    );
    expect(() => createRegistry({ reference: "ghcr.io/o/r", ca: "/nowhere/ca.pem" })).toThrow(
      'the CA file "/nowhere/ca.pem" (SSL_CERT_FILE)',
    );
  });
});

describe("an index", () => {
  test("comes with its platforms and its very bytes; attestations are left out", async () => {
    const arm = { digest: `sha256:${"2".repeat(64)}`, size: 20 };
    const { digest, raw } = putIndex(server, "v1.0.0", {
      "linux/amd64": image,
      "linux/arm64/v8": arm,
      "linux/arm/v7": arm,
      "unknown/unknown": image,
    });
    const index = await client().index("v1.0.0");
    expect(index).toEqual({
      digest,
      mediaType: types.index,
      raw,
      platforms: [
        { platform: "linux/amd64", ...image },
        { platform: "linux/arm64", ...arm },
        { platform: "linux/arm/v7", ...arm },
      ],
    });
  });

  test("may be a Docker manifest list", async () => {
    putIndex(server, "v1.0.0", { "linux/amd64": image }, types.list);
    expect((await client().index("v1.0.0"))?.platforms).toEqual([{ platform: "linux/amd64", ...image }]);
  });

  test("is undefined when it is missing, and refused when it is a single image", async () => {
    expect(await client().index("v1.0.0")).toBeUndefined();
    const { digest } = putImage(server, []);
    await expect(client().index(digest)).rejects.toThrow(
      `${server.host}/octo/demo@${digest} is an image for a single platform`,
    );
  });

  test("whose bytes are not what its digest says is refused", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = (seen, response) => {
      response.writeHead(200, {
        "content-type": types.index,
        ...(seen.path.endsWith("v1.0.0") ? { "docker-content-digest": digest } : {}),
      });
      return Boolean(response.end('{"manifests":[]}'));
    };
    const message = `is served with the digest ${digest}, its bytes have sha256:`;
    await expect(client().index("v1.0.0")).rejects.toThrow(message);
    await expect(client().index(digest)).rejects.toThrow(message);
  });

  test.each([
    ["wrong JSON", "<html>", "cannot be read"],
    ["empty", "", "cannot be read"],
    ["another document", `{"mediaType":"${types.index}","manifests":[{"digest":"sha256:12"}]}`, "not a valid index"],
  ])("that is %s is an error", async (_name, body, message) => {
    server.fault = (_seen, response) => {
      response.writeHead(200, { "content-type": types.index });
      return Boolean(response.end(body));
    };
    await expect(client().index("v1.0.0")).rejects.toThrow(message);
  });

  test("that is cut is read again", async () => {
    const { digest, raw } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = (_seen, response, nth) => {
      if (nth > 1) {
        return false;
      }
      response.writeHead(200, { "content-type": types.index, "content-length": raw.length });
      response.write(raw.subarray(0, 10), () => response.destroy());
      return true;
    };
    expect((await client().index("v1.0.0"))?.digest).toBe(digest);
    expect(server.seen).toHaveLength(2);
  });

  test("of more bytes than registries allow is not read", async () => {
    server.fault = (_seen, response) =>
      Boolean(response.writeHead(200, { "content-type": types.index }).end(Buffer.alloc(4 * 1024 * 1024 + 1)));
    await expect(client().index("v1.0.0")).rejects.toThrow("more than 4194304 bytes is not read");
  });

  test("of which one platform did not arrive names that platform's digest", async () => {
    putIndex(server, "v1.0.0", { "linux/amd64": image });
    const [platform] = (await client().index("v1.0.0"))?.platforms ?? [];
    await expect(client().manifest(platform?.digest ?? "")).rejects.toThrow(
      `${server.host}/octo/demo@${image.digest} is not in the registry`,
    );
  });

  test("by digest is asked for once, a missing one again", async () => {
    const { digest } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    const registry = client();
    expect(await registry.index(`sha256:${"9".repeat(64)}`)).toBeUndefined();
    expect(await registry.index(`sha256:${"9".repeat(64)}`)).toBeUndefined();
    expect(server.seen).toHaveLength(2);
    await Promise.all([registry.index(digest), registry.manifest(digest)]);
    await registry.index(digest);
    expect(server.seen).toHaveLength(3);
  });
});

describe("a binary in an image", () => {
  const binary = Buffer.alloc(300_000, "mount-monitor ");
  const expected = { checksum: sha256(binary).slice(7), size: 300_000 };

  test.each([types.tar, types.gzip, types.dockerGzip, types.zstd])(
    "is hashed from a layer of type %s",
    async (type) => {
      const layer = await layerOf(
        type,
        { name: "etc/", type: "directory" },
        { name: "etc/mount-monitor", content: "not this one" },
        { name: "mount-monitor", content: binary },
        { name: "zzz", content: "after it" },
      );
      const { digest } = putImage(server, [layer]);
      expect(await client().binaryChecksums(digest, "mount-monitor")).toEqual(expected);
      expect(paths()).toEqual([
        `GET /v2/octo/demo/manifests/${digest}`,
        `GET /v2/octo/demo/blobs/${sha256(layer.bytes)}`,
      ]);
    },
  );

  test.each(["/mount-monitor", "./mount-monitor"])("is found under its archive name %s", async (name) => {
    const { digest } = putImage(server, [await layerOf(types.gzip, { name, content: binary })]);
    expect(await client().binaryChecksums(digest, "mount-monitor")).toEqual(expected);
  });

  test("is the topmost one; lower layers are not even asked for", async () => {
    const lower = await layerOf(types.gzip, { name: "mount-monitor", content: "old" });
    const upper = await layerOf(types.gzip, { name: "mount-monitor", content: binary });
    const top = await layerOf(types.gzip, { name: "readme", content: "text" });
    const { digest } = putImage(server, [lower, upper, top]);
    expect(await client().binaryChecksums(digest, "mount-monitor")).toEqual(expected);
    expect(paths().slice(1)).toEqual([top, upper].map(({ bytes }) => `GET /v2/octo/demo/blobs/${sha256(bytes)}`));
  });

  test.each([0, 1])("counts although its layer hides what is below (order %i)", async (order) => {
    const entries = [{ name: "mount-monitor", content: binary }, { name: ".wh..wh..opq" }];
    const layer = await layerOf(types.gzip, ...(order === 0 ? entries : entries.toReversed()));
    expect(await client().binaryChecksums(putImage(server, [layer]).digest, "mount-monitor")).toEqual(expected);
  });

  test("is undefined when no layer has it", async () => {
    const { digest } = putImage(server, [await layerOf(types.gzip, { name: "other", content: "x" })]);
    expect(await client().binaryChecksums(digest, "mount-monitor")).toBeUndefined();
  });

  test.each([
    ["a symlink", { name: "mount-monitor", type: "symlink", linkname: "other" }, "a symlink"],
    ["removed by a whiteout", { name: ".wh.mount-monitor" }, "removed by .wh.mount-monitor"],
    ["removed with its directory", { name: ".wh..wh..opq" }, "removed by .wh..wh..opq"],
  ] as const)("is an error when it is %s in a layer above", async (_name, entry, message) => {
    const lower = await layerOf(types.gzip, { name: "mount-monitor", content: binary });
    const { digest } = putImage(server, [lower, await layerOf(types.gzip, entry)]);
    await expect(client().binaryChecksums(digest, "mount-monitor")).rejects.toThrow(message);
  });

  test("is refused when the layer has another digest, although the file unpacks", async () => {
    const layer = await layerOf(types.tar, { name: "mount-monitor", content: binary });
    const { digest } = putImage(server, [layer]);
    const changed = Buffer.from(layer.bytes);
    changed[600] = 0;
    server.blobs.set(sha256(layer.bytes), changed);
    await expect(client().binaryChecksums(digest, "mount-monitor")).rejects.toThrow(
      `${server.host}/octo/demo@${sha256(layer.bytes)} cannot be used: its content has the digest ${sha256(changed)}`,
    );
  });

  test.each([
    ["fewer", (bytes: Buffer) => bytes.subarray(0, 200), "it has 200 bytes"],
    ["more", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("x")]), "it has more than the"],
  ])("is refused when the layer has %s bytes than its manifest says", async (_name, change, message) => {
    const layer = await layerOf(types.gzip, { name: "mount-monitor", content: binary });
    const { digest } = putImage(server, [layer]);
    server.blobs.set(sha256(layer.bytes), change(layer.bytes));
    await expect(client().binaryChecksums(digest, "mount-monitor")).rejects.toThrow(message);
  });

  test("is read again from the start when the connection is cut in the middle", async () => {
    const layer = await layerOf(types.tar, { name: "mount-monitor", content: binary });
    const { digest } = putImage(server, [layer]);
    server.fault = (seen, response, nth) => {
      if (!seen.path.includes("/blobs/") || nth > 1) {
        return false;
      }
      response.writeHead(200, { "content-length": layer.bytes.length });
      response.write(layer.bytes.subarray(0, 100_000), () => response.destroy());
      return true;
    };
    expect(await client().binaryChecksums(digest, "mount-monitor")).toEqual(expected);
    expect(server.seen).toHaveLength(3);
  });

  test("is refused in a layer of an unknown type, or one that is no archive", async () => {
    const layer = { mediaType: "application/x-rar", bytes: Buffer.from("rar") };
    await expect(client().binaryChecksums(putImage(server, [layer]).digest, "mount-monitor")).rejects.toThrow(
      '"application/x-rar"',
    );
    const noise = { mediaType: types.gzip, bytes: Buffer.from("noise") };
    await expect(client().binaryChecksums(putImage(server, [noise]).digest, "mount-monitor")).rejects.toThrow(
      "cannot be used",
    );
  });
});

describe("a redirected blob", () => {
  test("is fetched from the other host, without the credential", async () => {
    const layer = await layerOf(types.gzip, { name: "mount-monitor", content: "x" });
    const { digest } = putImage(server, [layer]);
    const storage = await startRegistryServer();
    try {
      storage.fault = (_seen, response) => Boolean(response.writeHead(200).end(layer.bytes));
      server.fault = (seen, response) => {
        if (seen.headers.authorization !== `Basic ${Buffer.from("me:secret").toString("base64")}`) {
          return Boolean(response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end());
        }
        return (
          seen.path.includes("/blobs/") &&
          Boolean(response.writeHead(307, { location: `https://${storage.host}/bucket?signature=abc` }).end())
        );
      };
      // Its own certificate is trusted by the storage's address alone.
      createRegistry({ reference: `${storage.host}/octo/demo`, ca: storage.ca });
      await client({ username: "me", password: "secret" }).binaryChecksums(digest, "mount-monitor");
      expect(storage.seen.map(({ path }) => path)).toEqual(["/bucket?signature=abc"]);
      expect(storage.seen[0]?.headers.authorization).toBeUndefined();
    } finally {
      await storage.stop();
    }
  });

  test.each([
    ["http://127.0.0.1:1/bucket?signature=abc", "only https is used"],
    ["/v2/again", "redirects more than 5 times"],
    ["https://", "which is no address"],
  ])("to %s is refused, and its query is not shown", async (location, message) => {
    server.fault = (_seen, response) => Boolean(response.writeHead(307, { location }).end());
    const failed = client().blob(`sha256:${"1".repeat(64)}`, async () => undefined);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.not.toThrow("abc");
  });

  test("is no licence for manifests and writes", async () => {
    server.fault = (_seen, response) =>
      Boolean(response.writeHead(307, { location: "https://elsewhere.invalid/x" }).end());
    await expect(client().index("v1")).rejects.toThrow("redirects to another host, https://elsewhere.invalid/x");
    await expect(client().putManifest("v1", Buffer.from("{}"), types.index)).rejects.toThrow("redirects a write");
  });
});

describe("a channel", () => {
  test("gets the very bytes of the index", async () => {
    const { digest, raw } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    const registry = client();
    const index = await registry.index(digest);
    if (!index) {
      throw new Error("the index is missing");
    }
    expect(await registry.putManifest("latest", index.raw, index.mediaType)).toBe(digest);
    expect(server.manifests.get("latest")).toEqual({ raw, mediaType: types.index });
    expect(await registry.digestOf("latest")).toBe(digest);
  });

  test("is put again when the reply was lost", async () => {
    const { raw } = putIndex(server, "v1.0.0", { "linux/amd64": image });
    server.fault = (seen, response, nth) => seen.method === "PUT" && nth === 1 && Boolean(response.destroy());
    await client().putManifest("latest", Buffer.from(raw), types.index);
    expect(paths()).toEqual(Array(2).fill("PUT /v2/octo/demo/manifests/latest"));
  });

  test("is put again when the registry failed in passing, and given up after the bound", async () => {
    server.fault = failing(2, "PUT", 502);
    await client().putManifest("latest", Buffer.from("{}"), types.index);
    expect(server.manifests.has("latest")).toBe(true);
    expect(server.seen).toHaveLength(3);
    server.fault = failing(99, "PUT", 502);
    await expect(client().putManifest("1", Buffer.from("{}"), types.index)).rejects.toThrow(
      `registry ${server.host} answered 502 to PUT https://${server.host}/v2/octo/demo/manifests/1: said why`,
    );
    expect(server.seen).toHaveLength(6);
    expect(server.manifests.has("1")).toBe(false);
  });

  test("is an error when it was refused, or stored as something else", async () => {
    server.fault = failing(1, "PUT", 403);
    await expect(client().putManifest("latest", Buffer.from("{}"), types.index)).rejects.toThrow(
      `${server.host}/octo/demo:latest was refused with 403: said why. The credentials may not do this`,
    );
    server.fault = (_seen, response) =>
      Boolean(response.writeHead(201, { "docker-content-digest": image.digest }).end());
    await expect(client().putManifest("latest", Buffer.from("{}"), types.index)).rejects.toThrow(
      `was stored as ${image.digest}`,
    );
  });
});

describe("a blob", () => {
  const bytes = Buffer.from("layer");

  test("is uploaded by its very bytes, where the registry says", async () => {
    expect(await client().putBlob(bytes)).toBe(sha256(bytes));
    expect(server.blobs.get(sha256(bytes))).toEqual(bytes);
    expect(paths()).toEqual([
      "POST /v2/octo/demo/blobs/uploads/",
      `PUT /v2/octo/demo/blobs/uploads/1?_state=a%2Fb&digest=${encodeURIComponent(sha256(bytes))}`,
    ]);
  });

  test("is begun again when the registry failed in passing, and is an error when it was refused", async () => {
    server.fault = failing(1, "POST", 503);
    await client().putBlob(bytes);
    expect(paths().filter((path) => path.startsWith("POST"))).toHaveLength(2);
    server.fault = failing(1, "POST", 403);
    await expect(client().putBlob(bytes)).rejects.toThrow("was refused with 403: said why");
    server.fault = failing(1, "PUT", 400);
    await expect(client().putBlob(bytes)).rejects.toThrow("was refused with 400: said why");
  });

  test.each(["https://example.com/v2/octo/demo/blobs/uploads/1", "http://[", ""])(
    "is not sent to another place: %j",
    async (location) => {
      server.fault = ({ method }, response) => {
        if (method !== "POST") return false;
        response.writeHead(202, location ? { location } : {}).end();
        return true;
      };
      await expect(client({ username: "octo", password: "secret" }).putBlob(bytes)).rejects.toThrow(
        `is to be uploaded to ${JSON.stringify(location)}, which does not belong to ${server.host}`,
      );
      expect(paths()).toEqual(["POST /v2/octo/demo/blobs/uploads/"]);
    },
  );
});

describe("labels", () => {
  test("are those of the image, or of the first platform of an index", async () => {
    const platform = putImage(server, [], {
      "org.opencontainers.image.version": "1.2.3",
      "org.opencontainers.image.revision": "abc",
    });
    const { digest } = putIndex(server, "v1.2.3", { "linux/amd64": platform });
    const registry = client();
    expect(await registry.versionLabel(digest)).toBe("1.2.3");
    expect(server.seen).toHaveLength(3);
    expect(await registry.labels(platform.digest)).toEqual({
      "org.opencontainers.image.version": "1.2.3",
      "org.opencontainers.image.revision": "abc",
    });
  });

  test("may be missing", async () => {
    expect(await client().versionLabel(putImage(server, []).digest)).toBeUndefined();
    await expect(client().versionLabel(image.digest)).rejects.toThrow("is not in the registry");
    await expect(client().versionLabel("v1.2.3")).rejects.toThrow('"v1.2.3" is no digest');
  });
});
