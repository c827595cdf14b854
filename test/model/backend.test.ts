import { expect, test } from "vitest";
import { parseBackend } from "../../src/model/backend.ts";

test.each([
  ["https://api.pulumi.com", "cloud", true],
  ["https://pulumi.example.com/", "cloud", true],
  ["s3://bucket?region=eu-central-1", "self-managed", true],
  ["gs://bucket", "self-managed", true],
  ["azblob://container", "self-managed", true],
  ["file://~", "self-managed", false],
  ["file:///srv/state", "self-managed", false],
])("%s is %s; shared with the workflows: %s", (url, kind, shared) => {
  expect(parseBackend(url)).toEqual({ ok: true, url, kind, shared });
});

test.each(["", "prod", "/srv/state", "file://", "file://a b", "http://example.com", "ftp://x", "s3://a b"])(
  "%j is refused with what there is",
  (text) => {
    expect(parseBackend(text)).toEqual({
      ok: false,
      problem:
        "it must be an address of Pulumi Cloud such as https://api.pulumi.com, or s3://…, azblob://… or gs://…; on this machine file://…",
    });
  },
);

test("credentials do not belong into it", () => {
  expect(parseBackend("https://me:secret@api.pulumi.com")).toMatchObject({ ok: false });
});
