import * as pulumi from "@pulumi/pulumi";
import type { DeclaredRelease } from "../model/assets.ts";
import { missing, other } from "../model/difference.ts";
import { refuseOtherDigest } from "../model/write-once.ts";
import { exportIndex } from "../services/builder.ts";
import { CONTEXT, DOCKERFILE, expectStaged } from "../services/docker-context.ts";
import type { Registry } from "../services/registry.ts";
import { registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, providerConfiguration, ReleaseResource } from "./dynamic.ts";

/** What the guard stands before. */
export interface GuardInputs {
  /** Image reference without a tag. */
  readonly image: string;
  /** Version tag, `v1.2.3`. */
  readonly tag: string;
  /** Digest of the index that is to be pushed under the tag. */
  readonly digest: string;
  /** Version of BuildKit that made it, `v0.31.1`. */
  readonly buildkit: string;
  /** `linux/{arch}`, in the order of the index. */
  readonly platforms: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number;
}

/**
 * Stands before the push: builds the index once more from the staged context, without a push, and refuses when it is
 * not the one that was announced (a file was changed, another BuildKit). {@link beforePush} is its other half.
 */
export class Guard extends ReleaseResource {
  declare readonly digest: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<GuardInputs>, options: pulumi.CustomResourceOptions) {
    super("guard", "Guard", name, inputs, options);
  }
}

/**
 * Asked by the engine before every push, also in an update that goes on where an earlier one died: refuses when the
 * version tag holds another index by now, which the push would overwrite, or when the staged files were changed, which
 * would give the tag to other bytes for good.
 */
export function beforePush(
  name: string,
  { registry, image, facts }: { registry: Registry; image: string; facts: pulumi.Output<DeclaredRelease> },
): pulumi.ResourceHook {
  return new pulumi.ResourceHook(name, async () => {
    const release = await new Promise<DeclaredRelease>((resolve) => {
      facts.apply(resolve);
    });
    const { tag, image: index } = release;
    refuseOtherDigest({ image, tag, digest: index.digest }, await registry.digestOf(tag));
    await expectStaged(release);
  });
}

/** @throws when a push would write other bytes than announced */
export const implementation: Implementation<GuardInputs, object> = {
  facts: [],

  async ensure(inputs) {
    const { image, tag, digest, buildkit, platforms, labels, sourceDateEpoch } = inputs;
    const builder = providerConfiguration().get("builder") || undefined;
    const built = await exportIndex(
      { builder, context: CONTEXT, dockerfile: `${CONTEXT}/${DOCKERFILE}`, platforms, labels, sourceDateEpoch },
      ".build/guard",
    );
    if (built.digest !== digest) {
      throw new Error(
        `${image}:${tag} would be pushed as ${built.digest}, and ${digest} was announced: the files in ${CONTEXT}/ were changed, ` +
          `or the builder does not run BuildKit ${buildkit}, which the release was made with. Nothing was pushed; use that version, and run again.`,
      );
    }
    return {};
  },
  async observe({ image, tag, digest }) {
    const found = await (await registryOf(image)).digestOf(tag);
    if (found === undefined) {
      return [missing(`${image}:${tag} is missing from the registry`)];
    }
    return found === digest ? [] : [other(`${image}:${tag} points at ${found}, recorded is ${digest}`)];
  },
};
