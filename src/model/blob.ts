import { createHash } from "node:crypto";

/** SHA-1 that git gives to a file of this text: what GitHub calls the SHA of a file. */
export function blobOf(text: string): string {
  const bytes = Buffer.from(text);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
