import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { missing, other } from "../../src/model/difference.ts";
import { type ChannelInputs, implementation } from "../../src/resources/channel.ts";
import { putImage, putIndex, type RegistryServer, types } from "../services/registry-server.ts";
import { registryWrites, startTestRegistry } from "./services.ts";

let registry: RegistryServer & { image: string };

beforeEach(async () => {
  registry = await startTestRegistry();
});

/** A release's index under its version tag, or under another tag; its image says its version when it is ours. */
function release(version: string, tag = `v${version}`, labels?: Record<string, string>): string {
  const image = putImage(registry, [], labels ?? { "org.opencontainers.image.version": version });
  return putIndex(registry, tag, { "linux/amd64": image }).digest;
}

function inputs(version: string, digest: string, channel = "latest"): ChannelInputs {
  return { image: registry.image, channel, version, digest, withdrawn: [] };
}

function target(channel = "latest") {
  return registry.manifests.get(channel);
}

const PUT = ["PUT /v2/octo/demo/manifests/latest"];

describe("a channel", () => {
  test("that is not there gets the very bytes of its release", async () => {
    const digest = release("1.0.0");
    expect(await implementation.ensure(inputs("1.0.0", digest), undefined)).toEqual({});
    expect(registryWrites(registry)).toEqual(PUT);
    expect(target()).toEqual({ raw: registry.manifests.get(digest)?.raw, mediaType: types.index });
  });

  test("that is there already is not written", async () => {
    const digest = release("1.0.0", "latest");
    await implementation.ensure(inputs("1.0.0", digest), undefined);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("moves forwards over what somebody else put there", async () => {
    release("1.0.0", "latest");
    const digest = release("1.0.1");
    await implementation.ensure(inputs("1.0.1", digest), undefined);
    expect(target()?.raw).toEqual(registry.manifests.get(digest)?.raw);
  });

  test("never moves backwards over what somebody else put there", async () => {
    const held = release("2.0.0", "latest");
    const digest = release("1.0.1");
    const before = target();
    await expect(implementation.ensure(inputs("1.0.1", digest), undefined)).rejects.toThrow(
      `${registry.image}:latest already holds 2.0.0, which is higher than 1.0.1: a channel never moves backwards, unless the version that it holds is withdrawn.`,
    );
    // Neither does it when this stack once put another release there.
    await expect(implementation.ensure(inputs("1.0.1", digest), inputs("1.0.0", release("1.0.0")))).rejects.toThrow(
      "never moves backwards",
    );
    expect(registryWrites(registry)).toEqual([]);
    expect(target()).toBe(before);
    // Nor over what this stack put there itself: its release may have been deleted on GitHub.
    await expect(implementation.ensure(inputs("1.0.1", digest), inputs("2.0.0", held))).rejects.toThrow(
      "never moves backwards, unless the version that it holds is withdrawn",
    );
    const other = { ...inputs("1.0.1", digest), withdrawn: ["1.0.2", "2.0.1"] };
    await expect(implementation.ensure(other, inputs("2.0.0", held))).rejects.toThrow("already holds 2.0.0");
    expect(registryWrites(registry)).toEqual([]);
  });

  test.each(["recorded", "lost"])(
    "moves backwards from a withdrawn version, with a state that is %s",
    async (state) => {
      const held = release("2.0.0", "latest");
      const digest = release("1.0.1");
      const recorded = state === "lost" ? undefined : inputs("2.0.0", held);
      await implementation.ensure({ ...inputs("1.0.1", digest), withdrawn: ["2.0.0"] }, recorded);
      expect(registryWrites(registry)).toEqual(PUT);
      expect(target()?.raw).toEqual(registry.manifests.get(digest)?.raw);
      // And forwards again, once it no longer is.
      await implementation.ensure(inputs("2.0.0", held), { ...inputs("1.0.1", digest), withdrawn: ["2.0.0"] });
      expect(registryWrites(registry)).toEqual([...PUT, ...PUT]);
    },
  );

  test("knows the version of what it recorded itself, also when the image does not say it", async () => {
    const held = release("0", "latest", {});
    await expect(implementation.ensure(inputs("1.0.1", release("1.0.1")), inputs("2.0.0", held))).rejects.toThrow(
      "already holds 2.0.0",
    );
    expect(registryWrites(registry)).toEqual([]);
  });

  test("moves off an image that does not say its version", async () => {
    release("0", "latest", {});
    await implementation.ensure(inputs("1.0.0", release("1.0.0")), undefined);
    expect(registryWrites(registry)).toEqual(PUT);
  });

  test("stays when its release is not in the registry", async () => {
    release("1.0.0", "latest");
    const missing = `sha256:${"0".repeat(64)}`;
    await expect(implementation.ensure(inputs("1.1.0", missing), undefined)).rejects.toThrow(
      `${registry.image}@${missing} (v1.1.0) is not in the registry; "latest" stays as it is`,
    );
    expect(registryWrites(registry)).toEqual([]);
  });

  test("of one name leaves the others alone", async () => {
    const before = release("1.0.0", "1.0");
    await implementation.ensure(inputs("1.1.0", release("1.1.0"), "1"), undefined);
    expect(registryWrites(registry)).toEqual(["PUT /v2/octo/demo/manifests/1"]);
    expect(target("1.0")).toEqual(registry.manifests.get(before));
  });

  test("ends at the highest version, whoever writes in whatever order", async () => {
    const digests = new Map(["1.0.0", "1.0.1", "1.1.0", "2.0.0"].map((version) => [version, release(version)]));
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray([...digests], { minLength: 1 }), async (order) => {
        registry.manifests.delete("latest");
        for (const [version, digest] of order) {
          await implementation.ensure(inputs(version, digest), undefined).catch(() => {});
        }
        const highest =
          order
            .map(([version]) => version)
            .sort()
            .at(-1) ?? "";
        expect(target()).toEqual(registry.manifests.get(digests.get(highest) ?? ""));
      }),
      { numRuns: 20 },
    );
  });
});

describe("a refresh", () => {
  test("sees no difference", async () => {
    expect(await implementation.observe(inputs("1.0.0", release("1.0.0", "latest")))).toEqual([]);
  });

  test("says that the channel is gone, or where it points", async () => {
    const digest = release("1.0.0");
    expect(await implementation.observe(inputs("1.0.0", digest))).toEqual([
      missing(`${registry.image}:latest is missing from the registry`),
    ]);
    const held = release("1.1.0", "latest");
    expect(await implementation.observe(inputs("1.0.0", digest))).toEqual([
      other(`${registry.image}:latest points at ${held}, recorded is ${digest} (v1.0.0)`),
    ]);
    expect(registryWrites(registry)).toEqual([]);
  });
});

test("a refresh fails when the registry refuses to answer: that is no missing channel", async () => {
  const digest = release("1.0.0", "latest");
  registry.fault = (_, response) => {
    response.writeHead(403).end();
    return true;
  };
  await expect(implementation.observe(inputs("1.0.0", digest))).rejects.toThrow("was refused with 403");
});

describe("a channel that was moved by hand", () => {
  const conflicts = (recorded: ChannelInputs, next = recorded) =>
    implementation.conflicts?.(next, { ...recorded, drift: ["moved"] });

  test("is named in the preview and refused by the update, with both digests and the two ways out", async () => {
    const digest = release("1.1.0");
    const held = release("1.0.0", "latest");
    const recorded = inputs("1.1.0", digest);
    const message =
      `${registry.image}:latest points at ${held}, recorded is ${digest} (v1.1.0). Somebody moved it by hand, and it is not moved back over that. ` +
      "Two ways out: withdraw 1.1.0 (add it to the setting mount-monitor:withdrawn) or release the next version, and the channel moves on; " +
      `or put it back by hand: docker buildx imagetools create --tag ${registry.image}:latest ${registry.image}@${digest}`;
    expect(await conflicts(recorded)).toEqual([message]);
    await expect(implementation.ensure(recorded, recorded)).rejects.toThrow(message);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("is taken back all the same from a withdrawn version that an update which died put there", async () => {
    const recorded = inputs("1.1.3", release("1.1.3"));
    release("1.2.0", "latest");
    const next = { ...recorded, withdrawn: ["1.2.0"] };
    expect(await conflicts(recorded, next)).toEqual([]);
    await implementation.ensure(next, recorded);
    expect(registryWrites(registry)).toEqual(PUT);
    expect(target()?.raw).toEqual(registry.manifests.get(recorded.digest)?.raw);
  });

  test("is taken back from where an update that died was to move it, and from nowhere else", async () => {
    const digest = release("1.1.0");
    const [attempted, byHand] = [release("1.0.0", "latest"), release("1.0.1")];
    const recorded = { ...inputs("1.1.0", digest), attempted };
    expect(await conflicts(recorded)).toEqual([]);
    await implementation.ensure(inputs("1.1.0", digest), recorded);
    expect(registryWrites(registry)).toEqual(PUT);
    expect(target()?.raw).toEqual(registry.manifests.get(digest)?.raw);
    release("1.0.1", "latest");
    expect(await conflicts(recorded)).toEqual([expect.stringContaining(`points at ${byHand}`)]);
    await expect(implementation.ensure(inputs("1.1.0", digest), recorded)).rejects.toThrow("Somebody moved it by hand");
  });

  test("is another's business when the image is another", async () => {
    release("1.0.0", "latest");
    const recorded = inputs("1.1.0", release("1.1.0"));
    const elsewhere = { ...recorded, image: "ghcr.io/octo/elsewhere" };
    expect(await conflicts(elsewhere, recorded)).toEqual([]);
    await implementation.ensure(recorded, elsewhere);
    expect(registryWrites(registry)).toEqual(PUT);
  });

  test("moves on with the next release", async () => {
    const recorded = inputs("1.1.0", release("1.1.0"));
    release("1.0.0", "latest");
    const next = inputs("1.2.0", release("1.2.0"));
    expect(await conflicts(recorded, next)).toEqual([]);
    await implementation.ensure(next, recorded);
    expect(registryWrites(registry)).toEqual(PUT);
  });

  test("is none when it is only missing, or back again", async () => {
    const recorded = inputs("1.1.0", release("1.1.0"));
    expect(await conflicts(recorded)).toEqual([]);
    release("1.1.0", "latest");
    expect(await conflicts(recorded)).toEqual([]);
  });
});
