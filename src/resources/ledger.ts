import type * as pulumi from "@pulumi/pulumi";
import { parseMarker } from "../model/marker.ts";
import { compareVersions, tagOf } from "../model/version.ts";
import type { Release } from "../services/github.ts";
import { githubOf, registryOf } from "./clients.ts";
import { type Implementation, type InputsOf, ReleaseResource } from "./dynamic.ts";

/** One line of the ledger: what a release was when it was published. */
export interface LedgerEntry {
  /** 40 hex digits. */
  readonly commit: string;
  /** Digest of the image index. */
  readonly digest: string;
  /** Asset name → SHA-256 hex. */
  readonly checksums: Readonly<Record<string, string>>;
}

/** The release that is appended. */
export interface LedgerInputs extends LedgerEntry {
  readonly repository: string;
  readonly stack: string;
  /** Image reference without a tag. */
  readonly image: string;
  readonly version: string;
}

/** All releases that the stack has made: version → entry. */
export interface LedgerFacts {
  readonly releases: Readonly<Record<string, LedgerEntry>>;
}

/** What all releases of the stack were: appended on update, rebuilt from what is published when it is lost. */
export class Ledger extends ReleaseResource {
  declare readonly releases: pulumi.Output<Record<string, LedgerEntry>>;

  constructor(name: string, inputs: InputsOf<LedgerInputs>, options: pulumi.CustomResourceOptions) {
    super("ledger", "Ledger", name, { ...inputs, releases: undefined }, options);
  }
}

export const implementation: Implementation<LedgerInputs, LedgerFacts> = {
  facts: ["releases"],

  async ensure(inputs, recorded) {
    const { version, commit, digest, checksums } = inputs;
    // What was recorded counts; what is published and was not (a lost ledger, an update that died) is added.
    const known = recorded?.releases ?? {};
    const earlier = { ...(await publishedEntries(inputs, known)), ...known };
    return { releases: sorted({ ...earlier, [version]: { commit, digest, checksums } }) };
  },
  async observe({ repository, image, releases }) {
    const published = new Map(
      (await githubOf(repository).releases())
        .filter(({ draft }) => !draft)
        .map((release) => [release.tagName, release]),
    );
    const registry = await registryOf(image);
    const problems = await Promise.all(
      Object.entries(releases).map(async ([version, entry]) => {
        const found = await registry.digestOf(`v${version}`);
        return [
          ...entryProblems(version, entry, published.get(`v${version}`)),
          ...(found === entry.digest
            ? []
            : [`${image}:v${version} is at ${found ?? "nothing"}, recorded is ${entry.digest}`]),
        ];
      }),
    );
    return problems.flat();
  },
};

function entryProblems(version: string, entry: LedgerEntry, release: Release | undefined): string[] {
  if (!release) {
    return [`release v${version} is missing`];
  }
  return Object.entries(entry.checksums).flatMap(([name, checksum]) => {
    const asset = release.assets.find((candidate) => candidate.name === name);
    const found = asset?.digest?.replace("sha256:", "");
    // A server that gives no digests is asked for the bytes by the newest release's own resource only.
    return asset && (found === undefined || found === checksum)
      ? []
      : [`asset ${name} of v${version} is ${found ?? "missing"}, recorded is ${checksum}`];
  });
}

// The listing carries every asset's digest; only the index is asked of the registry.
async function publishedEntries(
  { repository, stack, image, version }: LedgerInputs,
  known: Readonly<Record<string, LedgerEntry>>,
): Promise<Record<string, LedgerEntry>> {
  const registry = await registryOf(image);
  const entries = await Promise.all(
    (await githubOf(repository).releases()).map(async (release) => {
      const marker = parseMarker(release.body);
      if (
        release.draft ||
        marker?.stack !== stack ||
        release.tagName !== tagOf(marker.version) ||
        marker.version === version ||
        marker.version in known
      ) {
        return [];
      }
      const digest = await registry.digestOf(release.tagName);
      const checksums = release.assets.flatMap(({ name, digest: sum }) =>
        sum ? [[name, sum.replace("sha256:", "")] as const] : [],
      );
      return digest
        ? [[marker.version, { commit: marker.commit, digest, checksums: Object.fromEntries(checksums) }] as const]
        : [];
    }),
  );
  return Object.fromEntries(entries.flat());
}

function sorted(releases: Record<string, LedgerEntry>): Record<string, LedgerEntry> {
  return Object.fromEntries(Object.entries(releases).sort(([left], [right]) => compareVersions(left, right)));
}
