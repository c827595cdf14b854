import { beforeEach, describe, expect, test } from "vitest";
import { missing, other } from "../../src/model/difference.ts";
import { implementation, type ManifestInputs } from "../../src/resources/manifest.ts";
import { layerOf, putImage, putIndex, type RegistryServer, sha256, types } from "../services/registry-server.ts";
import { registryWrites, sha256Hex, startTestRegistry } from "./services.ts";

let registry: RegistryServer & { image: string };
let inputs: ManifestInputs;
let images: Record<"linux/amd64" | "linux/arm64", { digest: `sha256:${string}`; size: number }>;

beforeEach(async () => {
  registry = await startTestRegistry();
  images = { "linux/amd64": await imageWith("amd64 binary"), "linux/arm64": await imageWith("arm64 binary") };
  const { digest } = putIndex(registry, "v1.0.0", images);
  inputs = {
    image: registry.image,
    tag: "v1.0.0",
    digest,
    digests: { "linux/amd64": images["linux/amd64"].digest, "linux/arm64": images["linux/arm64"].digest },
    entrypoint: "mount-monitor",
    checksums: { "linux/amd64": sha256Hex("amd64 binary"), "linux/arm64": sha256Hex("arm64 binary") },
  };
});

async function imageWith(content: string, name = "mount-monitor") {
  return putImage(registry, [await layerOf(types.gzip, { name, content })]);
}

async function refusal(changed: Partial<ManifestInputs> = {}): Promise<string[]> {
  const [first, ...problems] = await implementation.ensure({ ...inputs, ...changed }, undefined).then(
    () => ["nothing was refused"],
    ({ message }: Error) => message.split("\n"),
  );
  expect(first).toBe("what the registry serves is not what was built:");
  return problems;
}

describe("after the push", () => {
  test("the index, its platforms and both binaries are read, and nothing is written", async () => {
    const text = (platform: keyof typeof images) => registry.manifests.get(images[platform].digest)?.raw.toString();
    expect(await implementation.ensure(inputs, undefined)).toEqual({
      manifests: { "linux/amd64": text("linux/amd64"), "linux/arm64": text("linux/arm64") },
    });
    expect(registryWrites(registry)).toEqual([]);
    const read = registry.seen.map(({ path }) => path);
    expect(read).toContain(`/v2/octo/demo/manifests/${images["linux/amd64"].digest}`);
    expect(read).toContain(`/v2/octo/demo/manifests/${images["linux/arm64"].digest}`);
  });

  test("a platform that is missing is named", async () => {
    const { digest } = putIndex(registry, "v1.0.0", { "linux/amd64": images["linux/amd64"] });
    expect(await refusal()).toEqual([
      `${registry.image}:v1.0.0 points at ${digest}, expected ${inputs.digest}`,
      `${registry.image}:v1.0.0 serves nothing for linux/arm64, expected ${images["linux/arm64"].digest}`,
    ]);
    expect(await refusal({ digest })).toEqual([
      `${registry.image}:v1.0.0 serves nothing for linux/arm64, expected ${images["linux/arm64"].digest}`,
    ]);
  });

  test("a platform that the index names and the registry does not have is named", async () => {
    registry.manifests.delete(images["linux/arm64"].digest);
    expect(await refusal()).toEqual([
      `${registry.image}:v1.0.0 holds /mount-monitor with SHA-256 (none) for linux/arm64, built was ${sha256Hex("arm64 binary")}`,
    ]);
  });

  test("a platform that was not built is named", async () => {
    const { digest } = putIndex(registry, "v1.0.0", { ...images, "linux/s390x": images["linux/amd64"] });
    expect(await refusal({ digest })).toEqual([
      `${registry.image}:v1.0.0 serves a platform that was not built: linux/s390x`,
    ]);
  });

  test("platforms that changed places are named", async () => {
    const swapped = { "linux/amd64": images["linux/arm64"], "linux/arm64": images["linux/amd64"] };
    const { digest } = putIndex(registry, "v1.0.0", swapped);
    expect(await refusal({ digest })).toEqual([
      `${registry.image}:v1.0.0 serves ${images["linux/arm64"].digest} for linux/amd64, expected ${images["linux/amd64"].digest}`,
      `${registry.image}:v1.0.0 serves ${images["linux/amd64"].digest} for linux/arm64, expected ${images["linux/arm64"].digest}`,
    ]);
  });

  test("another binary of the same size in a layer is found", async () => {
    const wrong = await imageWith("ARM64 binary");
    const { digest } = putIndex(registry, "v1.0.0", { ...images, "linux/arm64": wrong });
    expect(await refusal({ digest, digests: { ...inputs.digests, "linux/arm64": wrong.digest } })).toEqual([
      `${registry.image}:v1.0.0 holds /mount-monitor with SHA-256 ${sha256Hex("ARM64 binary")} for linux/arm64, ` +
        `built was ${sha256Hex("arm64 binary")}`,
    ]);
  });

  test("an image without the binary is found", async () => {
    const empty = await imageWith("arm64 binary", "other");
    const { digest } = putIndex(registry, "v1.0.0", { ...images, "linux/arm64": empty });
    expect(await refusal({ digest, digests: { ...inputs.digests, "linux/arm64": empty.digest } })).toEqual([
      `${registry.image}:v1.0.0 holds /mount-monitor with SHA-256 (none) for linux/arm64, built was ${sha256Hex("arm64 binary")}`,
    ]);
  });

  test("a tag that is missing with its index is told", async () => {
    registry.manifests.delete("v1.0.0");
    registry.manifests.delete(inputs.digest);
    expect(await refusal()).toEqual([`${registry.image}:v1.0.0 is missing from the registry`]);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("a registry that refuses to answer is an error, and no missing image", async () => {
    registry.fault = ({ path }, response) => {
      if (!path.includes("/blobs/")) {
        return false;
      }
      response.writeHead(403).end();
      return true;
    };
    await expect(implementation.ensure(inputs, undefined)).rejects.toThrow("was refused with 403");
  });
});

describe("a version tag", () => {
  test("that was deleted is put back at its very bytes", async () => {
    const raw = registry.manifests.get("v1.0.0")?.raw ?? Buffer.alloc(0);
    registry.manifests.delete("v1.0.0");
    await implementation.ensure(inputs, undefined);
    expect(registryWrites(registry)).toEqual(["PUT /v2/octo/demo/manifests/v1.0.0"]);
    expect(registry.manifests.get("v1.0.0")).toEqual({ raw, mediaType: types.index });
    expect(sha256(raw)).toBe(inputs.digest);
  });

  test("that holds something else is not written", async () => {
    const { digest } = putIndex(registry, "v1.0.0", { ...images, "linux/s390x": images["linux/amd64"] });
    expect(await refusal()).toContain(`${registry.image}:v1.0.0 points at ${digest}, expected ${inputs.digest}`);
    expect(registryWrites(registry)).toEqual([]);
  });
});

describe("a platform that somebody deleted while the index is there", () => {
  const drift = ["something"];
  const arm64 = () => images["linux/arm64"].digest;
  const gone = () =>
    missing(`${registry.image}:v1.0.0 lacks the manifest of linux/arm64, ${arm64()}: it is missing from the registry`);

  test("is seen by a refresh, no conflict, and stored again by its recorded bytes", async () => {
    const recorded = { ...inputs, ...(await implementation.ensure(inputs, undefined)), drift };
    const before = registry.manifests.get(arm64());
    registry.manifests.delete(arm64());
    expect(await implementation.observe(recorded)).toEqual([gone()]);
    expect(await implementation.conflicts?.(inputs, recorded)).toEqual([]);
    await implementation.ensure(inputs, recorded);
    expect(registryWrites(registry)).toEqual([`PUT /v2/octo/demo/manifests/${arm64()}`]);
    expect(registry.manifests.get(arm64())).toEqual(before);
    expect(await implementation.observe(recorded)).toEqual([]);
  });

  test("is stored before the tag, when that is gone, too", async () => {
    const recorded = { ...inputs, ...(await implementation.ensure(inputs, undefined)), drift };
    for (const name of ["v1.0.0", arm64()]) registry.manifests.delete(name);
    await implementation.ensure(inputs, recorded);
    expect(registryWrites(registry)).toEqual([
      `PUT /v2/octo/demo/manifests/${arm64()}`,
      "PUT /v2/octo/demo/manifests/v1.0.0",
    ]);
  });

  test("is never stored from other bytes, nor where older code recorded none", async () => {
    registry.manifests.delete(arm64());
    for (const manifests of [{ "linux/arm64": "{}" }, undefined]) {
      const recorded = { ...inputs, drift, ...(manifests ? { manifests } : {}) };
      await expect(implementation.ensure(inputs, recorded)).rejects.toThrow("linux/arm64");
    }
    expect(registryWrites(registry)).toEqual([]);
  });
});

describe("a refresh", () => {
  test("sees no difference, and reads no layer and no manifest but the index", async () => {
    expect(await implementation.observe(inputs)).toEqual([]);
    expect(
      registry.seen.map(({ method, path }) => `${method} ${path.replace("/v2/octo/demo/manifests/", "")}`),
    ).toEqual([
      "HEAD v1.0.0",
      "GET v1.0.0",
      `HEAD ${images["linux/amd64"].digest}`,
      `HEAD ${images["linux/arm64"].digest}`,
    ]);
  });

  test("says that the tag is gone", async () => {
    registry.manifests.delete("v1.0.0");
    expect(await implementation.observe(inputs)).toEqual([
      missing(`${registry.image}:v1.0.0 is missing from the registry`),
    ]);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("says where a moved tag points, be it an index or not", async () => {
    const { digest } = putIndex(registry, "v1.0.0", { "linux/amd64": images["linux/amd64"] });
    expect(await implementation.observe(inputs)).toEqual([
      other(`${registry.image}:v1.0.0 points at ${digest}, expected ${inputs.digest}`),
    ]);
    const single = registry.manifests.get(images["linux/amd64"].digest);
    registry.manifests.set("v1.0.0", single ?? { raw: Buffer.alloc(0), mediaType: "" });
    expect(await implementation.observe(inputs)).toEqual([
      other(`${registry.image}:v1.0.0 points at ${images["linux/amd64"].digest}, expected ${inputs.digest}`),
    ]);
  });

  test("fails when the registry refuses to answer", async () => {
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(implementation.observe(inputs)).rejects.toThrow("was refused with 403");
  });
});

describe("a preview after a refresh that saw drift", () => {
  const conflicts = (next = inputs) => implementation.conflicts?.(next, { ...inputs, drift: ["something"] });

  test("refuses a tag that holds another index, with both digests", async () => {
    const { digest } = putIndex(registry, "v1.0.0", { "linux/amd64": images["linux/amd64"] });
    const [message, ...others] = (await conflicts()) ?? [];
    expect(others).toEqual([]);
    expect(message).toContain(
      `v1.0.0 is written once, and it is not what was published; nothing was changed:\n${registry.image}:v1.0.0 points at ${digest}, expected ${inputs.digest}\nTwo ways out: withdraw it`,
    );
  });

  test("lets a missing tag be restored, and another version go on", async () => {
    registry.manifests.delete("v1.0.0");
    expect(await conflicts()).toEqual([]);
    putIndex(registry, "v1.0.0", {});
    expect(await conflicts({ ...inputs, tag: "v1.1.0" })).toEqual([]);
  });
});
