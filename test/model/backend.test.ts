import { expect, test } from "vitest";
import { parseBackend } from "../../src/model/backend.ts";

test.each([
  ["https://api.pulumi.com", "cloud", "https://api.pulumi.com"],
  ["https://pulumi.example.com/", "cloud", "https://pulumi.example.com"],
  ["http://127.0.0.1:1234", "cloud", "http://127.0.0.1:1234"],
  ["file://~", "self-managed", "file://~"],
  ["file:///srv/state", "self-managed", "file:///srv/state"],
  ["s3://bucket?region=eu-central-1", "self-managed", "s3://bucket?region=eu-central-1"],
  ["gs://bucket", "self-managed", "gs://bucket"],
  ["azblob://container", "self-managed", "azblob://container"],
])("%s is %s", (text, kind, url) => {
  expect(parseBackend(text)).toEqual({ ok: true, kind, url });
});

test.each([
  "",
  "prod",
  "/srv/state",
  "file://",
  "http://example.com",
  "http://127.0.0.1.example.com",
  "ftp://x",
  "s3://a b",
])("%j is refused with what there is", (text) => {
  expect(parseBackend(text)).toEqual({
    ok: false,
    problem: "a backend is https://api.pulumi.com, or begins with file://, s3://, gs:// or azblob://",
  });
});
