import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMarker, type Marker, parseMarker, sameMarker, stripMarker } from "../../src/model/marker.ts";
import { anyVersion, hexadecimal } from "./arbitrary.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const marker: Marker = { stack: "prod", version: "1.2.3", commit: COMMIT };
const text = `<!-- mount-monitor:release {"stack":"prod","version":"1.2.3","commit":"${COMMIT}"} -->`;
const anyMarker = fc.record({ stack: fc.string({ unit: "binary" }), version: anyVersion, commit: hexadecimal(40) });

describe("formatMarker", () => {
  test("is a hidden comment", () => {
    expect(formatMarker(marker)).toBe(text);
  });

  test("no stack name ends the comment early", () => {
    expect(formatMarker({ ...marker, stack: "a--> <!-- b" })).toBe(
      `<!-- mount-monitor:release {"stack":"a\\u002d-\\u003e \\u003c!\\u002d- b","version":"1.2.3","commit":"${COMMIT}"} -->`,
    );
    fc.assert(
      fc.property(anyMarker, (any) => {
        expect(formatMarker(any).slice(4, -3)).not.toMatch(/--|<|>/);
      }),
    );
  });
});

describe("parseMarker", () => {
  test("round trip behind any notes, as GitHub may change line ends", () => {
    fc.assert(
      fc.property(anyMarker, fc.lorem(), fc.constantFrom("", "\n", "\r\n", "\n\n"), (any, notes, end) => {
        const body = `${notes}\n\n${formatMarker(any)}${end}`;
        expect(parseMarker(body)).toEqual(any);
        expect(stripMarker(body)).toBe(notes);
      }),
    );
  });

  test.each([
    ["no body", null],
    ["absent body", undefined],
    ["empty body", ""],
    ["notes only", "## Features"],
    ["text behind it", `${text}\nmore`],
    ["two of them", `${text}\n${text}`],
    ["a forged one before ours", `<!-- mount-monitor:release {} -->\n${text}`],
    ["a cut one", text.slice(0, -10)],
    ["another product's", text.replace("mount-monitor:release", "other:release")],
    ["no JSON", "<!-- mount-monitor:release prod -->"],
    ["null", "<!-- mount-monitor:release null -->"],
    ["a list", '<!-- mount-monitor:release ["prod"] -->'],
    ["a missing key", '<!-- mount-monitor:release {"stack":"prod","version":"1.2.3"} -->'],
    ["one key more", text.replace('"stack"', '"x":1,"stack"')],
    ["another order of keys", `<!-- mount-monitor:release {"version":"1.2.3","stack":"prod","commit":"${COMMIT}"} -->`],
    ["a number for the stack", text.replace('"prod"', "1")],
    ["a number for the version", text.replace('"1.2.3"', "1.2")],
    ["a number for the commit", text.replace(`"${COMMIT}"`, "1")],
    ["no version", text.replace("1.2.3", "1.2")],
    ["a short commit", text.replace(COMMIT, COMMIT.slice(0, 7))],
    ["other white space", text.replace('":"prod"', '": "prod"')],
  ])("%s is not ours", (_name, body) => {
    expect(parseMarker(body)).toBeUndefined();
    expect(stripMarker(body ?? "")).toBe(body ?? "");
  });

  test("never throws", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        (json) => parseMarker(`<!-- mount-monitor:release ${json} -->`) === undefined,
      ),
    );
  });
});

test("sameMarker compares every part, and absence is never the same", () => {
  expect(sameMarker(marker, { ...marker })).toBe(true);
  expect(sameMarker(marker, { ...marker, stack: "dev" })).toBe(false);
  expect(sameMarker(marker, { ...marker, version: "1.2.4" })).toBe(false);
  expect(sameMarker(marker, { ...marker, commit: "f".repeat(40) })).toBe(false);
  expect(sameMarker(undefined, marker)).toBe(false);
  expect(sameMarker(undefined, undefined)).toBe(false);
});
