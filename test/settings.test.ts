import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { afterEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseSettings } from "../src/model/configuration.ts";
import { NAMESPACE, SETTINGS } from "../src/model/setting.ts";
import { readSettings } from "../src/settings.ts";

const project = parse(readFileSync("Pulumi.yaml", "utf8"));

describe("Pulumi.yaml", () => {
  // The engine would refuse a value of another `type` by itself, one at a time and without the fix.
  test("declares exactly the settings, with their descriptions and defaults, in their order", () => {
    expect(Object.entries(project.config)).toEqual(
      SETTINGS.map(({ key, description, default: value }) => [key, { description, default: value }]),
    );
  });

  test("shows the type of each by its default", () => {
    const typeOf = (value: unknown) =>
      Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
    expect(Object.values<{ default: unknown }>(project.config).map((declared) => typeOf(declared.default))).toEqual(
      SETTINGS.map(({ type }) => type),
    );
  });

  test("is the project of the namespace, and runs TypeScript as it is", () => {
    expect(project).toMatchObject({
      name: NAMESPACE,
      main: "index.ts",
      runtime: { name: "nodejs", options: { typescript: false, packagemanager: "npm" } },
    });
  });

  // The engine would refuse a default that is not encrypted, and demand a value where there is none.
  test("has a default for every key, and leaves the check of secrets to us", () => {
    for (const declared of Object.values<object>(project.config)) {
      expect(declared).toHaveProperty("default");
      expect(declared).not.toHaveProperty("secret");
    }
  });
});

test.each(["prod", "local"])("Pulumi.%s.yaml is valid and keeps no secret", (stack) => {
  const text = readFileSync(`Pulumi.${stack}.yaml`, "utf8");
  const { config } = parse(text);
  expect(parseSettings({ config, environment: {} })).toMatchObject({
    ok: true,
    settings: { repository: "octo-example/mount-monitor", release: { kind: "none" } },
  });
  expect(text).not.toMatch(/secure:/);
});

describe("readSettings", () => {
  afterEach(() => pulumi.runtime.setAllConfig({}));

  const value = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

  test("gives checked settings, with secrets as secret outputs", async () => {
    pulumi.runtime.setAllConfig(
      {
        "mount-monitor:repository": "octo/app",
        "mount-monitor:githubToken": "t0ken",
        "mount-monitor:secrets": '{"A":"x"}',
        "mount-monitor:registryUser": "octo",
        "mount-monitor:registryPassword": "pw",
      },
      ["mount-monitor:githubToken", "mount-monitor:secrets", "mount-monitor:registryPassword"],
    );
    const settings = readSettings({ PULUMI_CI_TAG_NAME: "v1.0.0" });
    expect(settings.repository).toBe("octo/app");
    expect(settings.release).toEqual({ kind: "tag", tag: "v1.0.0", version: "1.0.0" });
    for (const [output, expected] of [
      [settings.githubToken, "t0ken"],
      [settings.registryPassword, "pw"],
      [settings.secrets.A, "x"],
    ] as const) {
      expect(output && (await pulumi.isSecret(output))).toBe(true);
      expect(output && (await value(output))).toBe(expected);
    }
    expect(JSON.stringify({ ...settings, githubToken: 0, registryPassword: 0, secrets: 0 })).not.toMatch(/t0ken|pw/);
  });

  test("has no credentials when the stack has none: plugins find the environment's themselves", () => {
    pulumi.runtime.setAllConfig({ "mount-monitor:repository": "octo/app", "mount-monitor:githubToken": "" });
    const settings = readSettings({ GITHUB_TOKEN: "t0ken" });
    expect(settings).not.toHaveProperty("githubToken");
    expect(settings.secrets).toEqual({});
    expect(JSON.stringify(settings)).not.toContain("t0ken");
  });

  test("throws all problems as one error, and knows what was not encrypted", () => {
    pulumi.runtime.setAllConfig({ "mount-monitor:repository": "app", "mount-monitor:githubToken": "t0ken" });
    expect(() => readSettings({})).toThrow(
      /^the settings of this stack are not valid:\nmount-monitor:githubToken \(secret\): it is stored in clear text.*\nmount-monitor:repository is "app".*$/,
    );
  });
});
