import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { trustCertificates } from "../../src/services/certificate-authority.ts";
import { createRegistry } from "../../src/services/registry.ts";
import { putIndex, type RegistryServer, startRegistryServer } from "./registry-server.ts";

let server: RegistryServer;
beforeAll(async () => {
  server = await startRegistryServer();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
});

test("the registry's authority comes from SSL_CERT_FILE, as for the Go programs", async () => {
  const { digest } = putIndex(server, "v1.0.0", {});
  const options = { reference: `${server.host}/octo/demo`, patience: { retries: 2, secondMs: 2 } };
  await expect(createRegistry(options).digestOf("v1.0.0")).rejects.toThrow("name its CA file in SSL_CERT_FILE");
  expect(server.seen).toEqual([]);
  vi.stubEnv("SSL_CERT_FILE", server.ca);
  expect(await createRegistry(options).digestOf("v1.0.0")).toBe(digest);
});

test.each([
  ["/nowhere/ca.pem", "ENOENT"],
  [import.meta.filename, "it holds no certificate"],
])("%s cannot be used", (path, reason) => {
  expect(() => trustCertificates(path)).toThrow(`the CA file "${path}" (SSL_CERT_FILE) cannot be used: ${reason}`);
});
