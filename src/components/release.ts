import * as pulumi from "@pulumi/pulumi";
import { assetChecksums, type DeclaredRelease } from "../model/assets.ts";
import { GithubRelease } from "../resources/github-release.ts";
import { Ledger } from "../resources/ledger.ts";

/** What is released, and where. */
export interface ReleaseArgs {
  /** `owner/name`. */
  readonly repository: string;
  /** Image reference without a tag that was pushed to. */
  readonly image: string;
  /** Versions that nobody is to use any more. */
  readonly withdrawn: readonly string[];
  readonly facts: pulumi.Output<DeclaredRelease>;
  /** What must have succeeded before anything is shown on GitHub. */
  readonly after: pulumi.Resource;
}

/** The GitHub release with its assets, and the line in the ledger that is written once it is published. */
export class Release extends pulumi.ComponentResource {
  readonly github: GithubRelease;
  readonly ledger: Ledger;
  /** Asset name → SHA-256 hex. */
  readonly assets: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: ReleaseArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Release", name, {}, options);
    const { repository, image, withdrawn, facts } = args;
    const stack = pulumi.getStack();
    this.assets = facts.apply(assetChecksums);
    this.github = new GithubRelease(
      `${name}-github`,
      {
        repository,
        stack,
        tag: facts.tag,
        version: facts.version,
        commit: facts.commit,
        title: facts.title,
        notes: facts.notes,
        prerelease: facts.prerelease,
        latest: facts.latest,
        files: facts.files,
        binaries: facts.apply(({ artifacts }) =>
          Object.fromEntries(artifacts.map(({ name, checksum, size }) => [name, { checksum, size }])),
        ),
      },
      { parent: this, dependsOn: args.after },
    );
    this.ledger = new Ledger(
      `${name}-ledger`,
      {
        repository,
        stack,
        image,
        version: facts.version,
        commit: facts.commit,
        digest: facts.image.digest,
        checksums: this.assets,
        withdrawn,
      },
      { parent: this, dependsOn: this.github },
    );
    this.registerOutputs({ url: this.github.url });
  }
}
