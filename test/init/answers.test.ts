import { describe, expect, test } from "vitest";
import { givenAnswers, parseFlags } from "../../src/init/answers.ts";

const defaults = { repository: "octo/tool", backend: "https://api.pulumi.com" };

test("flags have defaults, and a token is none", () => {
  expect(parseFlags([])).toEqual({
    yes: false,
    help: false,
    stack: "prod",
    repository: undefined,
    backend: undefined,
    githubUrl: undefined,
  });
  expect(() => parseFlags(["--token", "ghp_x"])).toThrow("--token");
  expect(() => parseFlags(["octo/tool"])).toThrow();
});

describe("answers that are given", () => {
  test("flags win over what was found", () => {
    const flags = parseFlags([
      "--yes",
      "--repository",
      "octo/other",
      "--backend",
      "file:///srv/state",
      "--stack",
      "dev",
    ]);
    expect(givenAnswers(flags, defaults, { GITHUB_TOKEN: "ghp_x", PULUMI_CONFIG_PASSPHRASE: "" })).toEqual({
      repository: "octo/other",
      backend: { ok: true, kind: "self-managed", url: "file:///srv/state", shared: false },
      stack: "dev",
      githubUrl: undefined,
      token: "ghp_x",
      passphrase: undefined,
    });
    expect(givenAnswers(parseFlags(["--yes"]), defaults, {})).toMatchObject({
      repository: "octo/tool",
      backend: { kind: "cloud" },
      token: undefined,
    });
  });

  test("all problems are told at once", () => {
    const flags = parseFlags([
      "--yes",
      "--backend",
      "s4://x",
      "--stack",
      "a b",
      "--github-url",
      "http://ghe.example.com",
    ]);
    expect(() => givenAnswers(flags, { ...defaults, repository: undefined }, {})).toThrow(
      /^--repository is not given: .*\n--backend is "s4:\/\/x": .*\n--stack is "a b": .*\n--github-url is "http:\/\/ghe\.example\.com": .*$/,
    );
  });

  test("a self-managed backend needs a passphrase, Pulumi Cloud none", () => {
    const flags = parseFlags(["--yes", "--backend", "file://~"]);
    expect(() => givenAnswers(flags, defaults, {})).toThrow(/^PULUMI_CONFIG_PASSPHRASE is not set: /);
    expect(givenAnswers(flags, defaults, { PULUMI_CONFIG_PASSPHRASE_FILE: "/run/passphrase" }).stack).toBe("prod");
  });
});
