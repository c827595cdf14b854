import type * as pulumi from "@pulumi/pulumi";
import { compareVersions, parseVersion } from "../model/version.ts";
import type { Registry } from "../services/registry.ts";
import { registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** A moving tag and the release that it points at. */
export interface ChannelInputs {
  /** Image reference without a tag. */
  readonly image: string;
  /** `latest`, `1` or `1.2`. */
  readonly channel: string;
  /** Version that the channel points at. */
  readonly version: string;
  /** Digest of that version's index. */
  readonly digest: string;
}

/** A Channel in the registry. It points at the digest of a release and never moves backwards. */
export class Channel extends ReleaseResource {
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<ChannelInputs>, options: pulumi.CustomResourceOptions) {
    super("channel", "Channel", name, inputs, options);
  }
}

/** @throws when the channel holds a higher version, or when the release that it shall point at is not there */
export const implementation: Implementation<ChannelInputs, object> = {
  facts: [],

  async ensure(inputs, recorded) {
    const registry = await registryOf(inputs.image);
    const found = await registry.digestOf(inputs.channel);
    if (found === inputs.digest) {
      return {};
    }
    // What this stack put there itself may be moved by its own decision; anything else only forwards.
    if (found !== undefined && found !== recorded?.digest) {
      await refuseBackwards(registry, inputs, found);
    }
    const index = await registry.index(inputs.digest);
    if (!index) {
      throw new Error(
        `${inputs.image}@${inputs.digest} (v${inputs.version}) is not in the registry; "${inputs.channel}" stays as it is`,
      );
    }
    await registry.putManifest(inputs.channel, index.raw, index.mediaType);
    return {};
  },
  async observe({ image, channel, version, digest }) {
    const found = await (await registryOf(image)).digestOf(channel);
    if (found === undefined) {
      return [`${image}:${channel} is missing from the registry`];
    }
    return found === digest ? [] : [`${image}:${channel} points at ${found}, recorded is ${digest} (v${version})`];
  },
};

async function refuseBackwards(registry: Registry, inputs: ChannelInputs, found: string): Promise<void> {
  const label = await registry.versionLabel(found);
  const held = label === undefined ? undefined : parseVersion(label);
  const wanted = parseVersion(inputs.version);
  if (held?.ok && wanted.ok && compareVersions(held.version, wanted.version) > 0) {
    throw new Error(
      `${inputs.image}:${inputs.channel} already holds ${label}, which is higher than ${inputs.version}: a channel never moves backwards. ` +
        "Somebody else published it; publish it on GitHub too, or move the tag by hand if that was a mistake.",
    );
  }
}
