import * as pulumi from "@pulumi/pulumi";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { connect, githubOf, registryOf } from "../../src/plan/connections.ts";
import { apiUrlOf } from "../../src/services/github/address.ts";
import { readSettings } from "../../src/settings.ts";
import { engine } from "../components/engine.ts";
import { emptyDirectory, STACK, startTestGitHub, startTestRegistry, TOKEN } from "../resources/services.ts";

describe("the API of", () => {
  test.each([
    [undefined, "https://api.github.com"],
    ["https://github.com", "https://api.github.com"],
    ["https://octo.ghe.com", "https://api.octo.ghe.com"],
    ["https://github.example.com", "https://github.example.com/api/v3"],
    ["https://notghe.com", "https://notghe.com/api/v3"],
    ["http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"],
  ])("%s is %s", (url, api) => {
    expect(apiUrlOf(url)).toBe(api);
  });
});

describe("the token for GitHub", () => {
  test.each([
    { configured: TOKEN, environment: "ghp_other", used: true },
    { configured: undefined, environment: TOKEN, used: true },
    { configured: "", environment: TOKEN, used: true },
    { configured: undefined, environment: "", used: false },
  ])("is the stack's, else the environment's: %o", async ({ configured, environment, used }) => {
    const server = await startTestGitHub();
    vi.stubEnv("GITHUB_TOKEN", environment);
    onTestFinished(() => void vi.unstubAllEnvs());
    const values: Record<string, string | undefined> = { githubUrl: server.url, githubToken: configured };
    await server.draft();
    server.history.length = 0;
    // Drafts are listed for those who may push.
    expect(await githubOf(server.repository, (key) => values[key]).releases()).toHaveLength(used ? 1 : 0);
    expect(server.history.map(({ credential }) => credential)).toEqual([used]);
  });
});

describe("the account for the registry", () => {
  const seen = async (values: Record<string, string>) => {
    const registry = await startTestRegistry();
    vi.stubEnv("DOCKER_CONFIG", await emptyDirectory());
    onTestFinished(() => void vi.unstubAllEnvs());
    registry.fault = ({ headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="test"' }).end();
        return true;
      }
      return false;
    };
    const digest = (await registryOf(registry.image, (key) => values[key])).digestOf("v1.0.0");
    await digest.catch(() => {});
    return registry.seen.at(-1)?.headers.authorization;
  };

  test("is the stack's", async () => {
    expect(await seen({ registryUser: "octo", registryPassword: "secret" })).toBe(
      `Basic ${Buffer.from("octo:secret").toString("base64")}`,
    );
  });

  test.each([{}, { registryUser: "octo" }, { registryPassword: "secret" }, { registryUser: "", registryPassword: "" }])(
    "is Docker's when the stack has none: %o",
    async (values) => {
      expect(await seen(values)).toBeUndefined();
    },
  );
});

test("the program connects with the secrets of its settings", async () => {
  const [github, registry] = [await startTestGitHub(), await startTestRegistry()];
  await engine();
  pulumi.runtime.setAllConfig(
    {
      "mount-monitor:repository": github.repository,
      "mount-monitor:image": registry.image,
      "mount-monitor:githubUrl": github.url,
      "mount-monitor:githubToken": TOKEN,
    },
    ["mount-monitor:githubToken"],
  );
  const connections = await connect(readSettings({}));
  expect(connections.stack).toBe(STACK);
  expect(await connections.github.releases()).toEqual([]);
  expect(github.history[0]?.credential).toBe(true);
  expect(await connections.registry.digestOf("v1.0.0")).toBeUndefined();
});
