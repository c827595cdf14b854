import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Credentials, createRegistry } from "../../src/services/registry.ts";
import { putIndex, type RegistryServer, startRegistryServer, types } from "./registry-server.ts";

const user = { username: "me", password: "s3cret-password" };
const basic = `Basic ${Buffer.from("me:s3cret-password").toString("base64")}`;

let server: RegistryServer;
/** Tokens that are good at the moment, and the token service's answer in their place. */
let good: Set<string>;
let answer: { status: number; body: string } | undefined;
let challenge: string;
let digest: string;

beforeEach(async () => {
  server = await startRegistryServer();
  good = new Set();
  answer = undefined;
  challenge = `Bearer realm="https://${server.host}/token",service="the \\"registry\\"",scope="repository:octo/demo:pull"`;
  digest = putIndex(server, "v1", { "linux/amd64": { digest: `sha256:${"1".repeat(64)}`, size: 1 } }).digest;
  server.fault = ({ path, headers }, response) => {
    if (path.startsWith("/token")) {
      const token = `token-${good.size + 1}`;
      good.add(token);
      response.writeHead(answer?.status ?? 200).end(answer?.body ?? JSON.stringify({ token, expires_in: 300 }));
      return true;
    }
    if (good.has(headers.authorization?.replace("Bearer ", "") ?? "")) {
      return false;
    }
    response
      .writeHead(401, { "www-authenticate": challenge })
      .end('{"errors":[{"message":"authentication required"}]}');
    return true;
  };
});
afterEach(() => server.stop());

function client(credentials?: Credentials) {
  return createRegistry({
    reference: `${server.host}/octo/demo`,
    ca: server.ca,
    credentials,
    patience: { retries: 1, secondMs: 2 },
  });
}

function log(): string[] {
  return server.seen.map(
    ({ method, path, headers }) => `${method} ${path.split("?")[0]} ${headers.authorization ?? "-"}`,
  );
}

describe("the token flow", () => {
  test("asks for a token with the credentials and keeps it", async () => {
    const registry = client(user);
    expect(await registry.digestOf("v1")).toBe(digest);
    await registry.index("v1");
    expect(log()).toEqual([
      "HEAD /v2/octo/demo/manifests/v1 -",
      `GET /token ${basic}`,
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-1",
      "GET /v2/octo/demo/manifests/v1 Bearer token-1",
    ]);
    const query = new URL(server.seen[1]?.path ?? "", "https://x").searchParams;
    expect(Object.fromEntries(query)).toEqual({ service: 'the "registry"', scope: "repository:octo/demo:pull" });
  });

  test("asks anonymously without credentials", async () => {
    expect(await client().digestOf("v1")).toBe(digest);
    expect(log()[1]).toBe("GET /token -");
  });

  test("asks for push when it writes, and reads with that token afterwards", async () => {
    const registry = client(user);
    await registry.digestOf("v1");
    await registry.putManifest("latest", Buffer.from("{}"), types.index);
    await registry.digestOf("v1");
    expect(log().slice(3)).toEqual([
      "PUT /v2/octo/demo/manifests/latest -",
      `GET /token ${basic}`,
      "PUT /v2/octo/demo/manifests/latest Bearer token-2",
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-2",
    ]);
    expect(server.seen[4]?.path).toContain(`scope=${encodeURIComponent("repository:octo/demo:pull,push")}`);
  });

  test("sends a refresh token by POST", async () => {
    expect(await client({ identityToken: "refresh-me" }).digestOf("v1")).toBe(digest);
    expect(log()[1]).toBe("POST /token -");
    expect(Object.fromEntries(new URLSearchParams(server.seen[1]?.body.toString()))).toMatchObject({
      grant_type: "refresh_token",
      refresh_token: "refresh-me",
      scope: "repository:octo/demo:pull",
    });
  });

  test("replaces a token that expired in the middle, once", async () => {
    const registry = client(user);
    await registry.digestOf("v1");
    good.clear();
    good.add("another");
    expect(await registry.digestOf("v1")).toBe(digest);
    expect(log().slice(3)).toEqual([
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-1",
      `GET /token ${basic}`,
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-2",
    ]);
  });

  test("replaces one that expired before a write, for the same write", async () => {
    const registry = client(user);
    await registry.putManifest("latest", Buffer.from("{}"), types.index);
    good.clear();
    good.add("another");
    await registry.putManifest("1", Buffer.from("{}"), types.index);
    expect(log().slice(3)).toEqual([
      "PUT /v2/octo/demo/manifests/1 Bearer token-1",
      `GET /token ${basic}`,
      "PUT /v2/octo/demo/manifests/1 Bearer token-2",
    ]);
    expect(server.seen[4]?.path).toContain(`scope=${encodeURIComponent("repository:octo/demo:pull,push")}`);
    expect(server.manifests.get("1")?.raw.toString()).toBe("{}");
  });

  test("does not try one to push again for every read, once it has expired", async () => {
    const registry = client(user);
    await registry.putManifest("latest", Buffer.from("{}"), types.index);
    good.clear();
    good.add("another");
    await registry.digestOf("v1");
    await registry.digestOf("v1");
    expect(log().slice(3)).toEqual([
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-1",
      `GET /token ${basic}`,
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-2",
      "HEAD /v2/octo/demo/manifests/v1 Bearer token-2",
    ]);
  });

  test("asks a token service again that failed in passing", async () => {
    answer = { status: 503, body: "busy" };
    const { fault } = server;
    server.fault = (seen, response, nth) => {
      if (seen.path.startsWith("/token") && nth === 2) {
        answer = undefined;
      }
      return fault?.(seen, response, nth);
    };
    expect(await client(user).digestOf("v1")).toBe(digest);
    expect(log().filter((line) => line.startsWith("GET /token"))).toHaveLength(2);
  });

  test("sends the credentials to no other host that the token service names", async () => {
    const other = await startRegistryServer();
    try {
      const { fault } = server;
      server.fault = (seen, response, nth) =>
        seen.path.startsWith("/token")
          ? Boolean(response.writeHead(307, { location: `https://${other.host}/token` }).end())
          : fault?.(seen, response, nth);
      await expect(client(user).digestOf("v1")).rejects.toThrow(
        `redirects to another host, https://${other.host}/token`,
      );
      expect(other.seen).toEqual([]);
    } finally {
      await other.stop();
    }
  });

  test("gives one new token to requests under way at the same time", async () => {
    const registry = client(user);
    await registry.digestOf("v1");
    good.clear();
    good.add("another");
    await Promise.all([registry.digestOf("v1"), registry.digestOf("v1"), registry.digestOf("v1")]);
    expect(log().filter((line) => line.startsWith("GET /token"))).toHaveLength(2);
  });

  test("ends with a clear error when a fresh token is refused as well", async () => {
    answer = { status: 200, body: '{"access_token":"never-good"}' };
    const failed = client(user).digestOf("v1");
    await expect(failed).rejects.toThrow(`registry ${server.host} refuses user "me" for "octo/demo" (401)`);
    await expect(failed).rejects.not.toThrow(/s3cret|never-good/);
    expect(server.seen).toHaveLength(3);
  });

  test.each([
    [
      403,
      '{"errors":[{"code":"DENIED","message":"denied for you"}]}',
      "its token service answered 403: denied for you",
    ],
    [200, '{"tok', "holds no token"],
    [200, '{"token":""}', "holds no token"],
    [200, "", "holds no token"],
  ])("explains an answer %i %s of the token service", async (status, body, message) => {
    answer = { status, body };
    await expect(client(user).digestOf("v1")).rejects.toThrow(message);
  });

  test.each([
    ['Bearer realm="http://127.0.0.1/token"', "only https is used"],
    ['Bearer realm="no address"', 'its token service "no address" is no address'],
    ["Negotiate", 'it asks for an authorization that is not known ("Negotiate")'],
  ])("sends the credentials to no one who asks with %s", async (header, message) => {
    challenge = header;
    await expect(client(user).digestOf("v1")).rejects.toThrow(message);
    expect(server.seen).toHaveLength(1);
  });
});

describe("basic authorization", () => {
  beforeEach(() => {
    challenge = 'Basic realm="here"';
    good.add(basic);
  });

  test("is sent once it is asked for, and kept", async () => {
    const registry = client(user);
    await registry.digestOf("v1");
    await registry.digestOf("v1");
    expect(log().map((line) => line.split(" ").slice(2).join(" "))).toEqual(["-", basic, basic]);
  });

  test("without credentials is an error that names the settings", async () => {
    await expect(client().digestOf("v1")).rejects.toThrow(
      /refuses an anonymous user .* Set registryUser and registryPassword/,
    );
  });
});
