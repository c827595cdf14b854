import { describe, expect, test } from "vitest";
import { z } from "zod";
import { cliAnswer } from "../../src/model/cli-answer.ts";

const schema = z.object({ url: z.string(), version: z.int().optional() });

describe("what the CLI printed as JSON", () => {
  test("is what the schema says, and no more", () => {
    expect(cliAnswer("whoami", '{"url":"file://~","user":"me"}\n', schema)).toEqual({ url: "file://~" });
  });

  test.each([
    ["", 'it is no JSON: ""'],
    ["Previewing\n{}", String.raw`it is no JSON: "Previewing\n{}"`],
    ["<".repeat(1_000_000), `it is no JSON: "${"<".repeat(80)}"… (1000000 characters)`],
    ["null", "✖ Invalid input: expected object, received null"],
    ["{}", "✖ Invalid input: expected string, received undefined → at url"],
    [
      '{"url":7,"version":"x"}',
      "✖ Invalid input: expected string, received number → at url ✖ Invalid input: expected number, received string → at version",
    ],
  ])("is one error that names the command and the fix: %#", (text, why) => {
    expect(() => cliAnswer("stack export", text, schema)).toThrow(
      new Error(
        `pulumi stack export printed what this program does not understand (${why}): ` +
          "use the version of the CLI that package.json names (npm ci, then npx pulumi), and run it again",
      ),
    );
  });
});
