import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatReference, parseReference, parseRepository } from "../../src/model/reference.ts";
import { hexadecimal } from "./arbitrary.ts";

const DIGEST = `sha256:${"0f".repeat(32)}`;

describe("parseReference", () => {
  test.each([
    ["ghcr.io/octo/app", { host: "ghcr.io", path: "octo/app" }],
    ["ghcr.io/octo/app:v1.2.3", { host: "ghcr.io", path: "octo/app", tag: "v1.2.3" }],
    [`ghcr.io/octo/app@${DIGEST}`, { host: "ghcr.io", path: "octo/app", digest: DIGEST }],
    [`ghcr.io/octo/app:v1@${DIGEST}`, { host: "ghcr.io", path: "octo/app", tag: "v1", digest: DIGEST }],
    ["127.0.0.1:5000/app", { host: "127.0.0.1:5000", path: "app" }],
    ["localhost/a/b/c", { host: "localhost", path: "a/b/c" }],
    ["localhost:65535/a:latest", { host: "localhost:65535", path: "a", tag: "latest" }],
    ["[::1]:5000/a", { host: "[::1]:5000", path: "a" }],
    ["Registry.Example.org/a.b_c__d---e", { host: "Registry.Example.org", path: "a.b_c__d---e" }],
    [`ghcr.io/${"a".repeat(255)}`, { host: "ghcr.io", path: "a".repeat(255) }],
    [`ghcr.io/a:${"_".repeat(128)}`, { host: "ghcr.io", path: "a", tag: "_".repeat(128) }],
  ])("reads %s", (text, reference) => {
    expect(parseReference(text)).toEqual({ ok: true, reference });
    expect(formatReference(reference)).toBe(text);
  });

  test.each([
    ["", "names no registry"],
    ["alpine", "names no registry"],
    ["alpine:3", "names no registry"],
    ["library/alpine", "names no registry"],
    ["/a", "names no registry"],
    ["https://ghcr.io/a", "registry is not host"],
    ["ghcr.io:0/a", "registry is not host"],
    ["ghcr.io:65536/a", "registry is not host"],
    ["ghcr.io:/a", "registry is not host"],
    ["ghcr.io:x/a", "registry is not host"],
    ["-ghcr.io/a", "registry is not host"],
    ["ghcr..io/a", "registry is not host"],
    ["user:pw@ghcr.io/a", "names no registry"],
    ["ghcr.ıo/a", "registry is not host"],
    ["ghcr.io/", "path has lower-case"],
    ["ghcr.io/Octo/app", "path has lower-case"],
    ["ghcr.io/octo//app", "path has lower-case"],
    ["ghcr.io/octo/app/", "path has lower-case"],
    ["ghcr.io/../app", "path has lower-case"],
    ["ghcr.io/a..b", "path has lower-case"],
    ["ghcr.io/a_-b", "path has lower-case"],
    ["ghcr.io/-a", "path has lower-case"],
    ["ghcr.io/a$(id)", "path has lower-case"],
    ["ghcr.io/a\n", "path has lower-case"],
    ["ghcr.io/а", "path has lower-case"],
    [`ghcr.io/${"a".repeat(256)}`, "more than 255"],
    ["ghcr.io/a:", "tag has"],
    ["ghcr.io/a:.x", "tag has"],
    ["ghcr.io/a:-x", "tag has"],
    ["ghcr.io/a:x+y", "tag has"],
    ["ghcr.io/a:x/y", "tag has"],
    [`ghcr.io/a:${"x".repeat(129)}`, "tag has"],
    ["ghcr.io/a@", "digest is not"],
    ["ghcr.io/a@sha256:12", "digest is not"],
    [`ghcr.io/a@${DIGEST.toUpperCase()}`, "digest is not"],
    [`ghcr.io/a@${DIGEST}@${DIGEST}`, "digest is not"],
  ])("refuses %j", (text, problem) => {
    expect(parseReference(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test("round trip", () => {
    const reference = fc.record(
      {
        host: fc.constantFrom("ghcr.io", "127.0.0.1:5000", "localhost", "a-b.example:1"),
        path: fc.stringMatching(/^[a-z0-9]{1,4}((__|[._]|-)[a-z0-9]{1,3}){0,2}(\/[a-z0-9]{1,4}){0,3}$/),
        tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/),
        digest: hexadecimal(64).map((digits) => `sha256:${digits}`),
      },
      { requiredKeys: ["host", "path"] },
    );
    fc.assert(
      fc.property(reference, (any) => {
        expect(parseReference(formatReference(any))).toEqual({ ok: true, reference: any });
      }),
    );
  });

  test("never throws, and answers a huge text at once", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => typeof parseReference(text).ok === "boolean"));
    const before = performance.now();
    for (const text of [`ghcr.io/${"a-".repeat(500_000)}`, `${"a-".repeat(500_000)}/a`, `${"a.".repeat(500_000)}/a`]) {
      expect(parseReference(text).ok).toBe(false);
    }
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

describe("parseRepository", () => {
  test.each([
    ["octo-example/mount-monitor", "octo-example", "mount-monitor"],
    ["a/b", "a", "b"],
    ["Octo/.github", "Octo", ".github"],
    ["octo_corp/a.b_c-d", "octo_corp", "a.b_c-d"],
    [`${"o".repeat(39)}/${"n".repeat(100)}`, "o".repeat(39), "n".repeat(100)],
  ])("reads %s", (text, owner, name) => {
    expect(parseRepository(text)).toEqual({ ok: true, owner, name });
  });

  test.each([
    ["", "one slash"],
    ["mount-monitor", "one slash"],
    ["a/b/c", "one slash"],
    ["https://github.com/a/b", "one slash"],
    ["/b", "its owner"],
    ["-a/b", "its owner"],
    ["a--b/c", "its owner"],
    ["a b/c", "its owner"],
    ["а/b", "its owner"],
    [`${"o".repeat(40)}/n`, "its owner"],
    ["a/", "its name"],
    ["a/.", "its name"],
    ["a/..", "its name"],
    ["a/b.git", "its name"],
    ["a/b;id", "its name"],
    ["a/b\n", "its name"],
    [`a/${"n".repeat(101)}`, "its name"],
  ])("refuses %j", (text, problem) => {
    expect(parseRepository(text)).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });
});
