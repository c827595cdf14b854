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
