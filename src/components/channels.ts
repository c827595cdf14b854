import * as pulumi from "@pulumi/pulumi";
import type { DeclaredRelease } from "../model/assets.ts";
import type { PlannedChannel } from "../plan.ts";
import { Channel } from "../resources/channel.ts";

/** Where the channels are, and what they point at. */
export interface ChannelsArgs {
  /** Image reference without a tag. */
  readonly image: string;
  readonly channels: readonly PlannedChannel[];
  /** The release of this update: the target of every channel that has no digest yet. */
  readonly facts: pulumi.Output<DeclaredRelease>;
  /** What must have succeeded before a channel moves. */
  readonly after: pulumi.Resource;
}

/** Every channel of the published versions, each a resource of its own, written last of all. */
export class Channels extends pulumi.ComponentResource {
  constructor(name: string, args: ChannelsArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Channels", name, {}, options);
    for (const { channel, version, digest } of args.channels) {
      new Channel(
        `${name}-${channel}`,
        { image: args.image, channel, version, digest: digest ?? args.facts.image.digest },
        { parent: this, dependsOn: args.after },
      );
    }
    this.registerOutputs({});
  }
}
