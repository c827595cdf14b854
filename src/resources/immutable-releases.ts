import type * as pulumi from "@pulumi/pulumi";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

export interface ImmutableReleasesInputs {
  /** `owner/name`. */
  readonly repository: string;
}

export interface ImmutableReleasesFacts {
  /** Whether this GitHub offers immutable releases; an Enterprise Server may not. */
  readonly offered: boolean;
  /** Whether it was this resource that switched them on; only then does its removal switch them off. */
  readonly switchedOn: boolean;
}

/**
 * That a release is immutable once it is published: GitHub then refuses every change of its tag and assets. The GitHub
 * provider has no resource for it (6.13). Releases that are immutable stay so when it is switched off.
 */
export class ImmutableReleases extends ReleaseResource {
  declare readonly offered: pulumi.Output<boolean>;

  constructor(name: string, inputs: InputsOf<ImmutableReleasesInputs>, options: pulumi.CustomResourceOptions) {
    super(
      "immutable-releases",
      "ImmutableReleases",
      name,
      { ...inputs, offered: undefined, switchedOn: undefined },
      { ...options, retainOnDelete: false },
    );
  }
}

/** @throws when the token may not administer the repository */
export const implementation: Implementation<ImmutableReleasesInputs, ImmutableReleasesFacts> = {
  facts: ["offered", "switchedOn"],

  async ensure({ repository }, recorded) {
    const github = githubOf(repository);
    const ours = recorded?.repository === repository && recorded.switchedOn;
    if (await github.immutableReleases()) {
      return { offered: true, switchedOn: ours };
    }
    const offered = await github.switchImmutableReleases(true);
    if (!offered) {
      process.stderr.write(
        `immutable releases are not offered by this GitHub: releases of ${repository} can be changed by who may write to it\n`,
      );
    }
    return { offered, switchedOn: offered };
  },

  async observe({ repository, offered }) {
    return !offered || (await githubOf(repository).immutableReleases())
      ? []
      : [`immutable releases of ${repository} are switched off`];
  },

  async remove({ repository, switchedOn }) {
    if (switchedOn) {
      await githubOf(repository).switchImmutableReleases(false);
    }
  },
};
