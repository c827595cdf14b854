import { sha256 } from "../../model/checksums.ts";

/** Name of a content in a registry: the SHA-256 of its bytes. */
export type Digest = `sha256:${string}`;

/** The digest of some bytes. */
export function digestOfBytes(bytes: Uint8Array): Digest {
  return `sha256:${sha256(bytes)}`;
}

/** Whether a text is a complete SHA-256 digest, `sha256:` and 64 lower-case hex digits. */
export function isDigest(text: string | null | undefined): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text ?? "");
}
