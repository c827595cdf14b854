import type * as pulumi from "@pulumi/pulumi";
import { missing } from "../model/difference.ts";
import { githubOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

export interface SecretCheckInputs {
  /** `owner/name`. */
  readonly repository: string;
  readonly environment: string;
  /** Name → when the stack wrote the secret last, as the GitHub provider records it; empty when it does not know. */
  readonly written: Readonly<Record<string, string>>;
  /** Name → time of the foreign write that the stack has written over. */
  readonly settled: Readonly<Record<string, string>>;
}

export interface SecretCheckFacts {
  /** Name → time of a foreign write that the last refresh saw; the next update writes over it. */
  readonly foreign: Readonly<Record<string, string>>;
}

/**
 * Comes after the secrets of an environment, and notices in a refresh when somebody else has written one: GitHub tells
 * nobody the value, but it tells when it was written. The provider (6.13) records that time and compares it with nothing.
 */
export class SecretCheck extends ReleaseResource {
  constructor(name: string, inputs: InputsOf<SecretCheckInputs>, options: pulumi.CustomResourceOptions) {
    super(
      "secret-check",
      "SecretCheck",
      name,
      { ...inputs, foreign: undefined },
      { ...options, retainOnDelete: false },
    );
  }
}

/** Writes nothing: the program has the provider replace the secrets that are in `foreign`. */
export const implementation: Implementation<SecretCheckInputs, SecretCheckFacts> = {
  facts: ["foreign"],

  ensure: async () => ({ foreign: {} }),

  async observe({ repository, environment, written }) {
    const now = await githubOf(repository).secretTimes(environment);
    const foreign = Object.entries(written).flatMap(([name, ours]): [string, string][] => {
      // GitHub keeps names in capitals. One that is gone is the difference of its own resource.
      const theirs = now[name.toUpperCase()];
      return theirs && ours && secondOf(theirs) !== secondOf(ours) ? [[name, theirs]] : [];
    });
    return {
      differences: foreign.map(([name, time]) =>
        missing(
          `secret ${name} of the environment ${environment} was written by somebody else (${time}; by the stack: ${written[name]})`,
        ),
      ),
      notes: { foreign: Object.fromEntries(foreign) },
    };
  },
};

// GitHub says 2026-01-02T03:04:05Z, the provider records Go's 2026-01-02 03:04:05 +0000 UTC.
function secondOf(time: string): string {
  return time.slice(0, 19).replace(" ", "T");
}
