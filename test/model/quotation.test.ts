import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { messageOf, oneLine, quoted, shown, visible } from "../../src/model/quotation.ts";

// Everything that a terminal, a log or a reader could take for something else.
const hidden = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u;
const anything = fc.string({ unit: "binary" });

describe("quoted", () => {
  test.each([
    ["", '""'],
    ["plain", '"plain"'],
    ['a "b" \\c', String.raw`"a \"b\" \\c"`],
    ["two\nlines", String.raw`"two\nlines"`],
    ["оcto", String.raw`"\u{43e}cto"`],
    ["\u202etxt", String.raw`"\u{202e}txt"`],
    ["\u001b[2J\u007f\u009b", String.raw`"\u001b[2J\u{7f}\u{9b}"`],
    ["🎉", String.raw`"\u{1f389}"`],
    ["\ud83c", String.raw`"\ud83c"`],
    ["a".repeat(80), `"${"a".repeat(80)}"`],
    ["a".repeat(1_000_000), `"${"a".repeat(80)}"… (1000000 characters)`],
    ["ghp_0123456789abcdef", '"***"'],
    ["https://octo:pass@example.com/x", '"https://***@example.com/x"'],
    [`https://octo:${"p".repeat(500)}@example.com`, '"https://***@example.com"'],
  ])("%j", (value, expected) => expect(quoted(value)).toBe(expected));

  test("tells an absent value as an empty one", () => expect(quoted(undefined)).toBe('""'));

  test("is short and in ASCII, whatever it quotes", () => {
    fc.assert(
      fc.property(fc.oneof(anything, fc.string({ unit: "binary", minLength: 81, maxLength: 500 })), (value) => {
        expect(quoted(value)).toMatch(/^"[ -~]*"(?:… \(\d+ characters\))?$/);
        expect(quoted(value).length).toBeLessThan(80 * 10 + 30);
      }),
    );
  });

  test("is the very value, when it is short and has no credential", () => {
    fc.assert(
      fc.property(anything, (value) => {
        fc.pre(value.length <= 80 && !/gh[a-z]_|github_pat_|:\/\//.test(value));
        const json = quoted(value).replace(/(?<!\\)((?:\\\\)*)\\u\{([0-9a-f]+)\}/g, (_, before, code) => {
          return `${before}${String.fromCodePoint(Number.parseInt(code, 16))}`;
        });
        expect(JSON.parse(json)).toBe(value);
      }),
    );
  });

  test("never repeats a token", () => {
    const token = fc.stringMatching(/^(?:gh[opsu]_|github_pat_)[A-Za-z0-9_]{10,60}$/);
    fc.assert(
      fc.property(anything, token, anything, (before, value, after) => {
        expect(quoted(`${before}${value}${after}`)).not.toContain(value.slice(0, 12));
      }),
    );
  });
});

describe("shown", () => {
  test("leaves a plain name, and quotes anything else", () => {
    expect(["demo-linux-amd64", "https://a:1/b.c@d+e", "", "a b", "-x\n", "a".repeat(251)].map(shown)).toEqual([
      ...["demo-linux-amd64", "https://a:1/b.c@d+e", '""', '"a b"', String.raw`"-x\n"`],
      `"${"a".repeat(250)}"… (251 characters)`,
    ]);
  });
});

describe("visible", () => {
  test("keeps lines and letters, and shows what hides", () => {
    expect(visible("grüße\n\tвот\u001b[31m\r\u202e\u200b\u2028\ufeff")).toBe(
      "grüße\n\tвот\\u{1b}[31m\\u{d}\\u{202e}\\u{200b}\\u{2028}\\u{feff}",
    );
  });

  test("leaves nothing hidden, and does nothing a second time", () => {
    fc.assert(
      fc.property(anything, (text) => {
        const shown = visible(text);
        expect(shown.replaceAll("\t", "")).not.toMatch(hidden);
        expect(visible(shown)).toBe(shown);
      }),
    );
  });
});

test("oneLine is one short line", () => {
  expect(oneLine("  a\r\n\tb\u0007 ")).toBe("a b\\u{7}");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 1000 }), (text) => {
      expect(oneLine(text)).not.toMatch(/[\n\t]/);
      expect(oneLine(text).length).toBeLessThanOrEqual(300 * 10);
    }),
  );
});

test("messageOf tells what anything thrown says, visibly", () => {
  expect([messageOf(new Error("a\u202e")), messageOf("b\u0000"), messageOf(undefined)]).toEqual([
    ...["a\\u{202e}", "b\\u{0}", "undefined"],
  ]);
});
