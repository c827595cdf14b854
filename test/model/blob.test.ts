import { execa } from "execa";
import { expect, test } from "vitest";
import { blobOf } from "../../src/model/blob.ts";

test.each(["", "on: push\n", "größe ✓\r\n"])("git gives %j the same SHA", async (text) => {
  const { stdout } = await execa("git", ["hash-object", "--stdin"], { input: text });
  expect(blobOf(text)).toBe(stdout);
});
