import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCommitMessage } from "../../src/model/commit-message.ts";

describe("parseCommitMessage", () => {
  test.each([
    ["feat: watch bind mounts", { type: "feat", description: "watch bind mounts" }],
    ["fix(api): answer 503", { type: "fix", scope: "api", description: "answer 503" }],
    ["FEAT: shout", { type: "feat", description: "shout" }],
    ["feat!: drop /health", { type: "feat", description: "drop /health", breaking: "drop /health" }],
    ["feat( api/v2 )!: drop it", { type: "feat", scope: "api/v2", description: "drop it", breaking: "drop it" }],
    ["fix: a: b", { type: "fix", description: "a: b" }],
    ["  fix: spaces around  ", { type: "fix", description: "spaces around" }],
    ["watch bind mounts", { description: "watch bind mounts" }],
    ["feat:no space", { description: "feat:no space" }],
    ["feat: ", { description: "feat:" }],
    ["feat(): empty scope", { description: "feat(): empty scope" }],
    ["feat (api): space before", { description: "feat (api): space before" }],
    ["12: number", { description: "12: number" }],
    ['Revert "feat: x"', { description: 'Revert "feat: x"' }],
    ["", { description: "" }],
  ])("%j", (subject, expected) => {
    expect(parseCommitMessage({ subject, body: "" })).toEqual(expected);
  });

  test.each([
    ["BREAKING CHANGE: use /livez", "use /livez"],
    ["BREAKING-CHANGE: use /livez", "use /livez"],
    [
      "More words.\n\nBREAKING CHANGE: use /livez\ninstead of /health\n\nNext paragraph",
      "use /livez\ninstead of /health",
    ],
    ["BREAKING CHANGE: use /livez\nSigned-off-by: Octo <octo@example.org>", "use /livez"],
    ["BREAKING CHANGE: use /livez\nFixes #12", "use /livez"],
    ["BREAKING CHANGE: use /livez\r\nSigned-off-by: Octo\r\n", "use /livez"],
    ["Signed-off-by: Octo\nBREAKING CHANGE: use /livez", "use /livez"],
    ["breaking change: lower case is none", undefined],
    ["a BREAKING CHANGE: in the middle is none", undefined],
    ["BREAKING CHANGE:", undefined],
  ])("the footer of %j", (body, breaking) => {
    expect(parseCommitMessage({ subject: "fix: x", body })).toEqual({
      type: "fix",
      description: "x",
      ...(breaking === undefined ? {} : { breaking }),
    });
  });

  test("the footer's words stand for the mark's", () => {
    expect(parseCommitMessage({ subject: "feat!: x", body: "BREAKING CHANGE: y" }).breaking).toBe("y");
  });

  test("round trip of well-formed headers", () => {
    const word = fc.stringMatching(/^[a-z]{1,10}$/);
    const description = fc.stringMatching(/^[a-z][ a-z0-9:()!#]{0,30}[a-z]$/);
    fc.assert(
      fc.property(word, fc.option(word, { nil: undefined }), fc.boolean(), description, (type, scope, mark, text) => {
        const subject = `${type}${scope === undefined ? "" : `(${scope})`}${mark ? "!" : ""}: ${text}`;
        expect(parseCommitMessage({ subject, body: "" })).toEqual({
          type,
          ...(scope === undefined ? {} : { scope }),
          description: text,
          ...(mark ? { breaking: text } : {}),
        });
      }),
    );
  });

  test("every text has a meaning", () => {
    const any = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(any, any, (subject, body) => typeof parseCommitMessage({ subject, body }).description === "string"),
    );
  });
});
