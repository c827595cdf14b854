import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "../../src/model/nearest.ts";

const KEYS = ["repository", "registryUser", "registryPassword", "version", "versionVariable", "image"];

test.each([
  ["repositry", "repository"],
  ["Repository", "repository"],
  ["repo", "repository"],
  ["ver", "version"],
  ["ve", undefined],
  ["VERSION", "version"],
  ["verison", "version"],
  ["registrypasswd", "registryPassword"],
  ["imgae", "image"],
  ["", undefined],
  ["somethingElse", undefined],
])("%j was meant as %j", (word, expected) => {
  expect(nearest(word, KEYS)).toBe(expected);
});

test("a known word is nearest to itself, and one edit away from a long one is found", () => {
  fc.assert(
    fc.property(fc.constantFrom(...KEYS), fc.nat(), fc.constantFrom("", "x", "é"), (key, at, character) => {
      const index = at % key.length;
      expect(nearest(key, KEYS)).toBe(key);
      expect(nearest(key.slice(0, index) + character + key.slice(index + 1), KEYS)).toBe(key);
    }),
  );
});
