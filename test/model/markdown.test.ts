import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plainText } from "../../src/model/markdown.ts";

describe("plainText", () => {
  test.each([
    ["plain words (#12), 1.5 s - really!", "plain words (#12), 1.5 s - really!"],
    ["grüße 你好 🎉", "grüße 你好 🎉"],
    ["use `rm` *now* _please_ ~~no~~", "use \\`rm\\` \\*now\\* \\_please\\_ \\~\\~no\\~\\~"],
    ["[text](http://x)", "\\[text\\](http:&#8203;//x)"],
    ["![image][1]", "!\\[image\\]\\[1\\]"],
    ["<script>&amp;</script>", "&lt;script&gt;&amp;amp;&lt;/script&gt;"],
    ["<!-- mount-monitor:release {} -->", "&lt;!-- mount-monitor:release {} --&gt;"],
    ["a\\b", "a\\\\b"],
    ["$x^2$ | y", "\\$x^2\\$ \\| y"],
    ["thanks @octocat and @octo/team", "thanks @&#8203;octocat and @&#8203;octo/team"],
    ["me@example.org", "me@&#8203;example.org"],
    ["at @ alone", "at @ alone"],
    ["www.example.org and WWW.x", "www.&#8203;example.org and WWW.&#8203;x"],
    ["https://example.org", "https:&#8203;//example.org"],
    ["line\nbreak\r\n\ttab\u2028separator", "line break tab separator"],
    ["# heading", "\\# heading"],
    ["## heading", "\\## heading"],
    ["#", "\\#"],
    ["#12 fixes", "#12 fixes"],
    ["- item", "\\- item"],
    ["+ item", "\\+ item"],
    ["---", "\\---"],
    ["===", "\\==="],
    ["> quote", "&gt; quote"],
    ["1. item", "1\\. item"],
    ["12) item", "12\\) item"],
    ["12 items", "12 items"],
    ["\u202etxt.exe", "txt.exe"],
    ["zero\u200bwidth", "zero width"],
    ["nul\0bell\u0007", "nul bell"],
    ["lone \ud800 surrogate", "lone \ufffd surrogate"],
    ["   ", ""],
  ])("%j", (text, expected) => {
    expect(plainText(text)).toBe(expected);
  });

  test("is cut at 250 characters, never within one", () => {
    expect(plainText("🎉".repeat(250))).toBe("🎉".repeat(250));
    expect(plainText("🎉".repeat(251))).toBe(`${"🎉".repeat(250)}…`);
    expect(plainText("*".repeat(1_000_000))).toBe(`${"\\*".repeat(250)}…`);
  });

  test("no text brings HTML, a mention, a link, another line or mark-up", () => {
    const dangerous = fc.constantFrom(
      "<",
      ">",
      "&",
      "@a",
      "`",
      "*",
      "_",
      "[",
      "]",
      "\\",
      "$",
      "|",
      "~",
      "\n",
      "http://",
      "x",
    );
    const any = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(dangerous, { maxLength: 40 }).map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(any, (text) => {
        const line = plainText(text);
        expect(line).not.toMatch(/[<>\n\r\p{Cc}]/u);
        expect(line).not.toMatch(/@[A-Za-z0-9]|:\/\//);
        expect(line).not.toMatch(/&(?!(?:amp|lt|gt|#8203);)/);
        expect(line.replace(/\\[^A-Za-z0-9\s]/g, "")).not.toMatch(/[\\`*_[\]~|$]/);
      }),
    );
  });
});
