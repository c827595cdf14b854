import type * as pulumi from "@pulumi/pulumi";
import type { Release } from "./components/release.ts";
import type { DeclaredRelease } from "./model/assets.ts";
import type { PlannedChannel } from "./plan/pointers.ts";
import type { Settings } from "./settings.ts";

/** The stack outputs of a release: plain values, nothing secret. */
export function releaseOutputs(
  facts: pulumi.Output<DeclaredRelease>,
  channels: readonly PlannedChannel[],
  { image, withdrawn }: Pick<Settings, "image" | "withdrawn">,
  { github, assets }: Release,
): Record<string, unknown> {
  return {
    version: facts.version,
    tag: facts.tag,
    commit: facts.commit,
    artifacts: facts.artifacts,
    image: facts.image.apply(({ tag, digest, platforms, digests }) => ({
      reference: image,
      tag,
      digest,
      platforms,
      digests,
    })),
    release: { url: github.url, id: github.releaseId, assets },
    channels: Object.fromEntries(channels.map(({ channel, version }) => [channel, version]).sort()),
    ...(withdrawn.length === 0 ? {} : { withdrawn }),
  };
}

/** The stack outputs of an update that declares no release. */
export function nothingReleased(reason: string): Record<string, unknown> {
  return { release: null, reason };
}
