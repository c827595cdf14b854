import * as pulumi from "@pulumi/pulumi";
import { describe, expect, test } from "vitest";
import { Channels } from "../../src/components/channels.ts";
import { Release } from "../../src/components/release.ts";
import { textAssets } from "../../src/model/assets.ts";
import { nothingReleased, releaseOutputs } from "../../src/outputs.ts";
import { FACTS } from "../model/facts.ts";
import { STACK, sha256Hex } from "../resources/services.ts";
import { engine, settled } from "./engine.ts";

const IMAGE = "127.0.0.1:5000/octo/demo";
const REPOSITORY = "octo/demo";
const files = textAssets(FACTS);
const facts = pulumi.output({ ...FACTS, files });
const checksums = {
  "mount-monitor-linux-amd64": FACTS.artifacts[0]?.checksum,
  "mount-monitor-linux-arm64": FACTS.artifacts[1]?.checksum,
  "artifacts.json": sha256Hex(files["artifacts.json"] ?? ""),
  "checksums.txt": sha256Hex(files["checksums.txt"] ?? ""),
  "metadata.json": sha256Hex(files["metadata.json"] ?? ""),
};
const CHANNELS = [
  { channel: "latest", version: "1.1.0" },
  { channel: "1.0", version: "1.0.1", digest: `sha256:${"9".repeat(64)}`, withdrawn: ["1.0.2"] },
] as const;
const OPTIONS = { ignoreChanges: [], retainOnDelete: true };

async function declared() {
  const { resources } = await engine((type) =>
    type.endsWith("GithubRelease") ? { url: "https://x", releaseId: 7 } : {},
  );
  const after = new pulumi.ComponentResource("test:manifest", "manifest");
  const release = new Release("release", { repository: REPOSITORY, image: IMAGE, withdrawn: ["1.0.2"], facts, after });
  new Channels("channels", {
    repository: REPOSITORY,
    image: IMAGE,
    channels: CHANNELS,
    withdrawn: ["1.0.2"],
    latest: "1.1.0",
    facts,
    after: release.ledger,
  });
  return { resources: await resources(), release };
}

describe("the release", () => {
  test("is published on GitHub once its manifest was read, and then recorded", async () => {
    const { resources } = await declared();
    expect(resources.release?.type).toBe("mount-monitor:release:Release");
    expect(resources["release-github"]).toEqual({
      ...OPTIONS,
      type: "pulumi-nodejs:dynamic/release:GithubRelease",
      name: "release-github",
      parent: "release",
      dependsOn: expect.any(Array),
      inputs: {
        repository: REPOSITORY,
        stack: STACK,
        tag: "v1.1.0",
        version: "1.1.0",
        commit: FACTS.commit,
        title: "v1.1.0",
        notes: FACTS.notes,
        prerelease: false,
        latest: true,
        files,
        binaries: Object.fromEntries(FACTS.artifacts.map(({ name, checksum, size }) => [name, { checksum, size }])),
        drift: [],
      },
    });
    expect(resources["release-ledger"]).toEqual({
      ...OPTIONS,
      type: "pulumi-nodejs:dynamic/release:Ledger",
      name: "release-ledger",
      parent: "release",
      dependsOn: ["release-github"],
      inputs: {
        repository: REPOSITORY,
        stack: STACK,
        image: IMAGE,
        version: "1.1.0",
        commit: FACTS.commit,
        digest: FACTS.image.digest,
        checksums,
        withdrawn: ["1.0.2"],
        drift: [],
      },
    });
  });

  test("moves the channels last: to this release, or to the digest that another one has", async () => {
    const { resources } = await declared();
    const channel = (name: string, version: string, digest: string, withdrawn: string[]) => ({
      ...OPTIONS,
      type: "pulumi-nodejs:dynamic/release:Channel",
      name: `channels-${name}`,
      parent: "channels",
      dependsOn: ["release-ledger"],
      inputs: { image: IMAGE, channel: name, version, digest, withdrawn, drift: [] },
    });
    expect(Object.values(resources).filter(({ parent }) => parent === "channels")).toHaveLength(3);
    expect(resources["channels-latest"]).toEqual(channel("latest", "1.1.0", FACTS.image.digest, []));
    expect(resources["channels-1.0"]).toEqual(channel("1.0", "1.0.1", `sha256:${"9".repeat(64)}`, ["1.0.2"]));
  });

  test("is marked on GitHub once the channels have moved", async () => {
    const { resources } = await declared();
    expect(resources["channels-withdrawals"]).toEqual({
      ...OPTIONS,
      type: "pulumi-nodejs:dynamic/release:Withdrawals",
      name: "channels-withdrawals",
      parent: "channels",
      dependsOn: ["channels-1.0", "channels-latest", "release-ledger"],
      inputs: { repository: REPOSITORY, stack: STACK, withdrawn: ["1.0.2"], latest: "1.1.0", drift: [] },
    });
  });

  test("is what the stack puts out, in plain values", async () => {
    const { release } = await declared();
    const outputs = releaseOutputs(facts, CHANNELS, { image: IMAGE, withdrawn: [] }, release);
    expect(await settled(pulumi.output(outputs))).toEqual({
      version: "1.1.0",
      tag: "v1.1.0",
      commit: FACTS.commit,
      artifacts: FACTS.artifacts,
      image: {
        reference: IMAGE,
        tag: "v1.1.0",
        digest: FACTS.image.digest,
        platforms: FACTS.image.platforms,
        digests: FACTS.image.digests,
      },
      release: { url: "https://x", id: 7, assets: checksums },
      channels: { latest: "1.1.0", "1.0": "1.0.1" },
    });
    expect(await pulumi.isSecret(pulumi.output(outputs))).toBe(false);
    expect(releaseOutputs(facts, CHANNELS, { image: IMAGE, withdrawn: ["1.0.2"] }, release)).toMatchObject({
      withdrawn: ["1.0.2"],
    });
  });

  test("that is none says why", () => {
    expect(nothingReleased("no tag")).toEqual({ release: null, reason: "no tag" });
  });
});
