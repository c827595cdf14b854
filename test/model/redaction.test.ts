import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { credentialsIn, redacted } from "../../src/model/redaction.ts";

const SECRET = "p4ss w\u00f6rd/+&x";

describe("redacted", () => {
  test.each([
    ["as it is", SECRET],
    ["in a URL", encodeURIComponent(SECRET)],
    ["as Base64", Buffer.from(SECRET).toString("base64")],
    ["as Base64 for URLs", Buffer.from(SECRET).toString("base64url")],
    ["in JSON", JSON.stringify({ a: `${SECRET}"` }).slice(6, -4)],
  ])("hides a secret %s", (_, form) => {
    expect(redacted(`before ${form} and ${form}, after`, [SECRET])).toBe("before *** and ***, after");
  });

  test("hides the lines of a key", () => {
    const key = "-----BEGIN KEY-----\nMIIBVgIBADANBgkq\n-----END KEY-----\n";
    expect(redacted("| MIIBVgIBADANBgkq |", [key])).toBe("| *** |");
  });

  test("hides the longer of two that begin alike as a whole", () => {
    expect(redacted("token-12345678", ["token-1234", "token-12345678"])).toBe("***");
  });

  test("leaves texts alone that are too short to be a secret", () => {
    expect(redacted("LOG_LEVEL: info", ["", "info"])).toBe("LOG_LEVEL: info");
  });

  test("no secret is left in any text", () => {
    const secret = fc.string({ minLength: 6, maxLength: 40 }).filter((text) => !text.includes("*"));
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, hidden, after) => {
        expect(redacted(before + hidden + after, [hidden])).not.toContain(hidden);
      }),
    );
  });
});

test("credentials are known by the names of their variables", () => {
  const environment = {
    GITHUB_TOKEN: "a",
    PULUMI_ACCESS_TOKEN: "b",
    PULUMI_CONFIG_PASSPHRASE: "c",
    AWS_SECRET_ACCESS_KEY: "d",
    GOOGLE_CREDENTIALS: "e",
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: "f",
    PATH: "/bin",
    KEYBOARD: "de",
    EMPTY_TOKEN: "",
  };
  expect(credentialsIn(environment)).toEqual(["a", "b", "c", "d", "e", "f"]);
});
