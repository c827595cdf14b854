import type * as pulumi from "@pulumi/pulumi";
import { type Difference, missing, other, refusals } from "../model/difference.ts";
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
  /** Withdrawn versions of its line from `version` on: the only ones that it moves backwards from. */
  readonly withdrawn: readonly string[];
}

/** What a channel's state has besides. */
export interface ChannelFacts {
  /** Digest that an update which died meant it to have, and may have given it. Written by the recovery. */
  readonly attempted?: string;
}

/** A Channel in the registry. It points at the digest of a release, and moves backwards from a withdrawn one only. */
export class Channel extends ReleaseResource {
  declare readonly version: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<ChannelInputs>, options: pulumi.CustomResourceOptions) {
    super("channel", "Channel", name, inputs, options);
  }
}

/** @throws when the channel holds a higher version, or when the release that it shall point at is not there */
export const implementation: Implementation<ChannelInputs, ChannelFacts> = {
  facts: ["attempted"],

  async ensure(inputs, recorded) {
    const registry = await registryOf(inputs.image);
    const found = await registry.digestOf(inputs.channel);
    if (found === inputs.digest) {
      return {};
    }
    if (found !== undefined && recorded && isUnmoved(inputs, recorded) && !(await isOurs(inputs, recorded, found))) {
      throw new Error(movedByHand(pointsElsewhere(recorded, found), recorded));
    }
    if (found !== undefined) {
      await refuseBackwards(registry, inputs, found, recorded);
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
  async observe(recorded) {
    return differencesFrom(recorded, await (await registryOf(recorded.image)).digestOf(recorded.channel));
  },

  async conflicts(inputs, recorded) {
    // A channel that moves on is another question: whether it moves forwards.
    if (!recorded.drift?.length || !isUnmoved(inputs, recorded)) {
      return [];
    }
    const found = await (await registryOf(inputs.image)).digestOf(inputs.channel);
    const isTakenBack = found !== undefined && (await isOurs(inputs, recorded, found));
    const problems = isTakenBack ? [] : refusals(differencesFrom(recorded, found));
    return problems.map((problem) => movedByHand(problem, recorded));
  },
};

function isUnmoved(inputs: ChannelInputs, recorded: ChannelInputs): boolean {
  return inputs.digest === recorded.digest && inputs.image === recorded.image;
}

/** Whether an update that died may have moved the channel there without recording it, and nobody by hand. */
async function isOurs({ image, withdrawn }: ChannelInputs, recorded: ChannelFacts, found: string): Promise<boolean> {
  return (
    found === recorded.attempted ||
    // A version that is withdrawn now.
    (withdrawn.length > 0 && withdrawn.includes((await (await registryOf(image)).versionLabel(found)) ?? ""))
  );
}

function differencesFrom(recorded: ChannelInputs, found: string | undefined): Difference[] {
  const { image, channel, digest } = recorded;
  if (found === undefined) {
    return [missing(`${image}:${channel} is missing from the registry`)];
  }
  return found === digest ? [] : [other(pointsElsewhere(recorded, found))];
}

function pointsElsewhere({ image, channel, version, digest }: ChannelInputs, found: string): string {
  return `${image}:${channel} points at ${found}, recorded is ${digest} (v${version})`;
}

function movedByHand(problem: string, { image, channel, version, digest }: ChannelInputs): string {
  return (
    `${problem}. Somebody moved it by hand, and it is not moved back over that. Two ways out: withdraw ${version} ` +
    `(add it to the setting mount-monitor:withdrawn) or release the next version, and the channel moves on; ` +
    `or put it back by hand: docker buildx imagetools create --tag ${image}:${channel} ${image}@${digest}`
  );
}

async function refuseBackwards(
  registry: Registry,
  { image, channel, version, withdrawn }: ChannelInputs,
  found: string,
  recorded: ChannelInputs | undefined,
): Promise<void> {
  const held = found === recorded?.digest ? recorded.version : await registry.versionLabel(found);
  const parsed = parseVersion(held ?? "");
  if (parsed.ok && compareVersions(parsed.version, version) > 0 && !withdrawn.includes(parsed.version)) {
    throw new Error(
      `${image}:${channel} already holds ${held}, which is higher than ${version}: a channel never moves backwards, ` +
        `unless the version that it holds is withdrawn. Publish v${held} on GitHub and name it in the setting withdrawn, ` +
        "or move the tag by hand if somebody put it there by mistake.",
    );
  }
}
