import { brotliCompressSync, brotliDecompressSync } from "node:zlib";

/** A text in a few characters: compressed, as base64. What it is packed to may differ from one Node to another. */
export function packText(text: string): string {
  return brotliCompressSync(Buffer.from(text, "utf8")).toString("base64");
}

/** The text that was packed. @throws when it is garbled */
export function unpackText(packed: string): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(brotliDecompressSync(Buffer.from(packed, "base64")));
}
