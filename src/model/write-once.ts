/** A version tag in the registry and the index that belongs under it. */
export interface VersionTag {
  /** Image reference without a tag. */
  readonly image: string;
  /** Version tag, `v1.2.3`. */
  readonly tag: string;
  /** Digest of the index. */
  readonly digest: string;
}

/**
 * A version tag is written once.
 * @param found digest that the registry has under the tag now
 * @throws when it is another one
 */
export function refuseOtherDigest({ image, tag, digest }: VersionTag, found: string | undefined): void {
  if (found !== undefined && found !== digest) {
    throw new Error(
      `${image}:${tag} is already in the registry with another content: it holds ${found}, this release would be ${digest}. ` +
        "A version is written once: release the next version, or delete that tag in the registry if nobody uses it.",
    );
  }
}

/**
 * What is said when something published is not what was recorded: nothing is overwritten, and there are two ways out.
 * @param problems one sentence each, with both values
 */
export function writtenOnce(version: string, problems: readonly string[]): string {
  return (
    `v${version} is written once, and it is not what was published; nothing was changed:\n${problems.join("\n")}\n` +
    `Two ways out: withdraw it (add ${version} to the setting mount-monitor:withdrawn) and release the next version; ` +
    "or settle it by hand: put back what is recorded, or have the stack forget its record and accept what is there " +
    "(pulumi state delete --target-dependents URN; pulumi stack --show-urns lists them)."
  );
}
