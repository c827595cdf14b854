import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { ContainerImage, type ContainerImageArgs } from "../../src/components/image.ts";
import { textAssets } from "../../src/model/assets.ts";
import { createRegistry } from "../../src/services/registry.ts";
import { FACTS } from "../model/facts.ts";
import { engine, type Registered, secret } from "./engine.ts";

const IMAGE = "127.0.0.1:5000/octo/demo";
const SECONDS = Date.parse("2026-03-01T10:00:00Z") / 1000;

async function declared(change: Partial<ContainerImageArgs> = {}): Promise<Record<string, Registered>> {
  const { resources } = await engine();
  const registry = createRegistry({ reference: IMAGE, credentials: undefined });
  const facts = pulumi.output({ ...FACTS, files: textAssets(FACTS) });
  new ContainerImage("image", { image: IMAGE, registry, sealed: false, facts, ...change });
  return resources();
}

describe("the image", () => {
  test("is guarded, pushed under its version tag, and read back", async () => {
    const { image, ...children } = await declared();
    expect(image?.type).toBe("mount-monitor:release:Image");
    const { digest, platforms, digests } = FACTS.image;
    expect(children).toEqual({
      "image-guard": {
        type: "pulumi-nodejs:dynamic/release:Guard",
        name: "image-guard",
        parent: "image",
        dependsOn: [],
        ignoreChanges: [],
        retainOnDelete: true,
        inputs: {
          image: IMAGE,
          tag: "v1.1.0",
          digest,
          buildkit: "v0.31.1",
          platforms,
          labels: FACTS.labels,
          sourceDateEpoch: SECONDS,
          drift: [],
        },
      },
      "image-push": {
        type: "docker-build:index:Image",
        name: "image-push",
        parent: "image",
        dependsOn: ["image-guard"],
        ignoreChanges: [],
        retainOnDelete: true,
        before: { create: ["image-tag"], update: ["image-tag"] },
        inputs: {
          context: { location: "docker-context" },
          dockerfile: { location: "docker-context/Dockerfile.release" },
          platforms,
          labels: FACTS.labels,
          buildArgs: { SOURCE_DATE_EPOCH: String(SECONDS) },
          tags: [`${IMAGE}:v1.1.0`],
          exports: [{ raw: "type=image,push=true,rewrite-timestamp=true" }],
          registries: [],
          network: "default",
          push: false,
          buildOnPreview: false,
        },
      },
      "image-manifest": {
        type: "pulumi-nodejs:dynamic/release:Manifest",
        name: "image-manifest",
        parent: "image",
        dependsOn: ["image-push"],
        ignoreChanges: [],
        retainOnDelete: true,
        inputs: {
          image: IMAGE,
          tag: "v1.1.0",
          digest,
          digests,
          entrypoint: "mount-monitor",
          checksums: {
            "linux/amd64": FACTS.artifacts[0]?.checksum,
            "linux/arm64": FACTS.artifacts[1]?.checksum,
          },
          drift: [],
        },
      },
    });
  });

  test("is built by the builder and with the account that are set", async () => {
    const password = pulumi.secret("ghp_secret");
    const { "image-push": push } = await declared({
      builder: "release",
      registryUser: "octo",
      registryPassword: password,
    });
    expect(push?.inputs).toMatchObject({
      builder: { name: "release" },
      registries: secret([{ address: "127.0.0.1:5000", username: "octo", password: "ghp_secret" }]),
      push: false,
    });
  });

  test.each([{ registryUser: "octo" }, { registryPassword: pulumi.secret("ghp_secret") }])(
    "leaves half an account to Docker",
    async (half) => {
      expect((await declared(half))["image-push"]?.inputs).toMatchObject({ registries: [] });
    },
  );

  test("that is published is not pushed again for another builder or account", async () => {
    const { "image-push": push, ...others } = await declared({ sealed: true, builder: "other" });
    expect(push?.ignoreChanges).toEqual(["builder", "registries"]);
    expect(Object.values(others).flatMap(({ ignoreChanges }) => ignoreChanges)).toEqual([]);
  });
});
