import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { DeclaredRelease } from "../../src/model/assets.ts";
import { missing, other } from "../../src/model/difference.ts";
import { registryOf } from "../../src/resources/clients.ts";
import { beforePush, type GuardInputs, implementation } from "../../src/resources/guard.ts";
import { exportIndex } from "../../src/services/builder.ts";
import { engine } from "../components/engine.ts";
import { FACTS } from "../model/facts.ts";
import { putIndex, type RegistryServer } from "../services/registry-server.ts";
import { configure, emptyDirectory, registryWrites, startTestRegistry } from "./services.ts";

vi.mock("../../src/services/builder.ts");

const DIGEST = `sha256:${"1".repeat(64)}`;
const OTHER = `sha256:${"2".repeat(64)}`;
const build = vi.mocked(exportIndex);

let registry: RegistryServer & { image: string };
let inputs: GuardInputs;

beforeEach(async () => {
  registry = await startTestRegistry();
  build.mockReset().mockResolvedValue({ digest: DIGEST, digests: {} });
  inputs = {
    image: registry.image,
    tag: "v1.0.0",
    digest: DIGEST,
    buildkit: "v0.31.1",
    platforms: ["linux/amd64", "linux/arm64"],
    labels: { "org.opencontainers.image.version": "1.0.0" },
    sourceDateEpoch: 1_770_000_000,
  };
});

describe("the guard", () => {
  test.each([
    { builder: "", used: undefined },
    { builder: "release", used: "release" },
  ])("lets pass what would be pushed as announced (builder $used)", async ({ builder, used }) => {
    configure({ builder });
    expect(await implementation.ensure(inputs, undefined)).toEqual({});
    expect(build.mock.calls).toEqual([
      [
        {
          builder: used,
          context: "docker-context",
          dockerfile: "docker-context/Dockerfile.release",
          platforms: inputs.platforms,
          labels: inputs.labels,
          sourceDateEpoch: 1_770_000_000,
        },
        ".build/guard",
      ],
    ]);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("refuses when something else would be pushed than was announced", async () => {
    build.mockResolvedValue({ digest: OTHER, digests: {} });
    await expect(implementation.ensure(inputs, undefined)).rejects.toThrow(
      `${registry.image}:v1.0.0 would be pushed as ${OTHER}, and ${DIGEST} was announced: the files in docker-context/ were changed, ` +
        "or the builder does not run BuildKit v0.31.1",
    );
  });

  test("refuses when the build fails", async () => {
    build.mockRejectedValue(new Error("builder (buildx default) failed"));
    await expect(implementation.ensure(inputs, undefined)).rejects.toThrow("builder (buildx default) failed");
  });
});

describe("before a push", () => {
  const [dockerfile, binary] = ["FROM scratch\n", "a binary"];

  beforeEach(async () => {
    await emptyDirectory();
    await mkdir("docker-context");
    await writeFile("docker-context/Dockerfile.release", dockerfile);
    await writeFile("docker-context/demo-linux-arm64", binary);
  });

  const ask = async (digest: string) => {
    await engine();
    const checksum = createHash("sha256").update(binary).digest("hex");
    const artifacts = FACTS.artifacts.slice(1).map((artifact) => ({ ...artifact, name: "demo-linux-arm64", checksum }));
    const release = { ...FACTS, tag: "v1.0.0", image: { ...FACTS.image, digest }, artifacts, dockerfile, files: {} };
    const facts = pulumi.output<DeclaredRelease>(release);
    const place = { image: registry.image, registry: await registryOf(registry.image) };
    return beforePush("tag", { ...place, facts }).callback({ urn: "", id: "", name: "", type: "" });
  };

  test("a version tag that holds another index is refused; one that is free or holds the same is not", async () => {
    await ask(DIGEST);
    const { digest: found } = putIndex(registry, "v1.0.0", {});
    await ask(found);
    await expect(ask(DIGEST)).rejects.toThrow(
      `${registry.image}:v1.0.0 is already in the registry with another content: it holds ${found}, this release would be ${DIGEST}`,
    );
    expect(registryWrites(registry)).toEqual([]);
  });

  test("a staged binary that was changed in between is refused", async () => {
    await writeFile("docker-context/demo-linux-arm64", "another binary");
    await expect(ask(DIGEST)).rejects.toThrow(
      /^docker-context\/demo-linux-arm64 holds sha256:[^\n]*\n.*Nothing was pushed/,
    );
  });

  test("nothing goes on when nobody knows what the version tag holds", async () => {
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(ask(DIGEST)).rejects.toThrow("was refused with 403");
  });
});

describe("a refresh", () => {
  test("compares the tag, and builds nothing", async () => {
    expect(await implementation.observe(inputs)).toEqual([
      missing(`${registry.image}:v1.0.0 is missing from the registry`),
    ]);
    const { digest } = putIndex(registry, "v1.0.0", {});
    expect(await implementation.observe(inputs)).toEqual([
      other(`${registry.image}:v1.0.0 points at ${digest}, recorded is ${DIGEST}`),
    ]);
    expect(await implementation.observe({ ...inputs, digest })).toEqual([]);
    expect(build).not.toHaveBeenCalled();
  });

  test("fails when the registry refuses to answer: that is no missing tag", async () => {
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(implementation.observe(inputs)).rejects.toThrow("was refused with 403");
  });
});
