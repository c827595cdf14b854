import type * as pulumi from "@pulumi/pulumi";
import { registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** What the guard stands before. */
export interface GuardInputs {
  /** Image reference without a tag. */
  readonly image: string;
  /** Version tag, `v1.2.3`. */
  readonly tag: string;
  /** Digest of the index that is to be pushed under the tag. */
  readonly digest: string;
}

/** Stands before the push: refuses when the version tag already holds another index. */
export class Guard extends ReleaseResource {
  declare readonly digest: pulumi.Output<string>;

  constructor(name: string, inputs: InputsOf<GuardInputs>, options: pulumi.CustomResourceOptions) {
    super("guard", "Guard", name, inputs, options);
  }
}

/** @throws when `tag` holds an index other than `digest` */
export const implementation: Implementation<GuardInputs, object> = {
  async ensure(inputs) {
    refuseOtherDigest(inputs, await (await registryOf(inputs.image)).digestOf(inputs.tag));
    return {};
  },
  async observe({ image, tag, digest }) {
    const found = await (await registryOf(image)).digestOf(tag);
    if (found === undefined) {
      return [`${image}:${tag} is missing from the registry`];
    }
    return found === digest ? [] : [`${image}:${tag} points at ${found}, recorded is ${digest}`];
  },
};

/** The rule of the guard, also applied before anything is declared: a version tag is written once. */
export function refuseOtherDigest({ image, tag, digest }: GuardInputs, found: string | undefined): void {
  if (found !== undefined && found !== digest) {
    throw new Error(
      `${image}:${tag} is already in the registry with another content: it holds ${found}, this release would be ${digest}. ` +
        "A version is written once: release the next version, or delete that tag in the registry if nobody uses it.",
    );
  }
}
