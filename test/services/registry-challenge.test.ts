import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChallenge } from "../../src/services/registry/challenge.ts";

test.each([
  [null, undefined],
  ["", undefined],
  ["Negotiate", undefined],
  ['Bearer service="x"', undefined],
  ["Basic", { scheme: "basic" }],
  ['basic realm="Registry, with comma"', { scheme: "basic" }],
  ['Bearer realm="https://a/t"', { scheme: "bearer", realm: "https://a/t", service: undefined, scope: undefined }],
  [
    'bearer Realm="https://a/t",SERVICE=b , scope="repository:c/d:pull,push"',
    { scheme: "bearer", realm: "https://a/t", service: "b", scope: "repository:c/d:pull,push" },
  ],
  [
    'Basic realm="x", Bearer realm="https://a/t",service="b"',
    { scheme: "bearer", realm: "https://a/t", service: "b", scope: undefined },
  ],
])("%j", (header, expected) => {
  expect(parseChallenge(header)).toEqual(expected);
});

test("every quoted text comes back", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (realm, scope) => {
      const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
      const header = `Bearer realm=${quoted(realm)},scope=${quoted(scope)}`;
      expect(parseChallenge(header)).toEqual({ scheme: "bearer", realm, service: undefined, scope });
    }),
  );
});

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseChallenge(text)));
});
