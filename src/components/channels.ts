import * as pulumi from "@pulumi/pulumi";
import type { DeclaredRelease } from "../model/assets.ts";
import type { PlannedChannel } from "../plan/pointers.ts";
import { Channel } from "../resources/channel.ts";
import { Withdrawals } from "../resources/withdrawals.ts";

/** Where the channels are, and what they point at. */
export interface ChannelsArgs {
  /** `owner/name`. */
  readonly repository: string;
  /** Image reference without a tag. */
  readonly image: string;
  readonly channels: readonly PlannedChannel[];
  /** Versions that no channel points at. */
  readonly withdrawn: readonly string[];
  /** Version that GitHub marks as "Latest", if any. */
  readonly latest: string | undefined;
  /** The release of this update: the target of every channel that has no digest yet. */
  readonly facts: pulumi.Output<DeclaredRelease>;
  /** What must have succeeded before a channel moves. */
  readonly after: pulumi.Resource;
}

/**
 * Every channel of the published versions, each a resource of its own, written last of all; and then what GitHub says of
 * them, so that nobody is sent to a withdrawn version while its release is being marked.
 */
export class Channels extends pulumi.ComponentResource {
  constructor(name: string, args: ChannelsArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Channels", name, {}, options);
    const { repository, image, withdrawn, latest } = args;
    for (const { channel, version } of args.channels.filter(isStranded)) {
      pulumi.log.warn(
        `channel ${channel} stays at ${version}, which is withdrawn: no other stable version of its line is published`,
        this,
      );
    }
    const channels = args.channels.map(
      ({ channel, version, digest, withdrawn: above = [] }) =>
        new Channel(
          `${name}-${channel}`,
          { image, channel, version, digest: digest ?? args.facts.image.digest, withdrawn: above },
          { parent: this, dependsOn: args.after },
        ),
    );
    new Withdrawals(
      `${name}-withdrawals`,
      { repository, stack: pulumi.getStack(), withdrawn, ...(latest === undefined ? {} : { latest }) },
      { parent: this, dependsOn: [args.after, ...channels] },
    );
    this.registerOutputs({});
  }
}

function isStranded({ version, withdrawn = [] }: PlannedChannel): boolean {
  return withdrawn.includes(version);
}
