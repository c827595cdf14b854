import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, test, vi } from "vitest";
import program from "../index.ts";
import { exportIndex } from "../src/services/builder.ts";
import { engine, type Registered, secret, settled } from "./components/engine.ts";
import { publishOurs } from "./published.ts";
import { emptyDirectory, startTestGitHub, startTestRegistry, type TestGitHub, TOKEN } from "./resources/services.ts";
import type { RegistryServer } from "./services/registry-server.ts";

vi.mock("../src/services/builder.ts");

let github: TestGitHub;
let registry: RegistryServer & { image: string };

beforeEach(async () => {
  await emptyDirectory();
  [github, registry] = [await startTestGitHub(), await startTestRegistry()];
});

/** Runs the whole program against the mocked engine; gives its resources and outputs. */
async function run(): Promise<[Record<string, Registered>, unknown]> {
  const { resources } = await start();
  const outputs = await settled(pulumi.output(await program()));
  return [await resources(), outputs];
}

function start(): ReturnType<typeof engine> {
  const settings = { repository: github.repository, image: registry.image, githubUrl: github.url, githubToken: TOKEN };
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(settings).map(([key, value]) => [`mount-monitor:${key}`, value])),
    ["mount-monitor:githubToken"],
  );
  return engine();
}

describe("the program", () => {
  test("declares nothing but the repository when there is no release", async () => {
    const [resources, outputs] = await run();
    expect(Object.keys(resources).filter((name) => !name.startsWith("repository"))).toEqual([]);
    expect(outputs).toEqual({
      release: null,
      reason: "no version tag was pushed, and the setting version is not set",
    });
  });

  test("declares a published release in the order in which it was made, and writes nothing", async () => {
    const facts = await publishOurs(github, registry, "1.0.0");
    github.history.length = 0;
    const [resources, outputs] = await run();
    const order = (name: string): string[] => {
      const before = resources[name]?.dependsOn ?? [];
      return [...before.flatMap(order), name];
    };
    expect([...new Set(order("channels-latest"))]).toEqual([
      "image-guard",
      "image-push",
      "image-manifest",
      "release-github",
      "release-ledger",
      "channels-latest",
    ]);
    expect(outputs).toMatchObject({
      version: "1.0.0",
      commit: facts.commit,
      image: { reference: registry.image, digest: facts.image.digest },
      channels: { latest: "1.0.0", "1": "1.0.0", "1.0": "1.0.0" },
    });
    expect(github.writes()).toEqual([]);
    expect(exportIndex).not.toHaveBeenCalled();
  });

  test("keeps the names of its resources from version to version", async () => {
    await publishOurs(github, registry, "1.0.0");
    const [first] = await run();
    await publishOurs(github, registry, "1.0.1-rc.1");
    const [second] = await run();
    expect(second["release-github"]?.inputs.version).toBe("1.0.1-rc.1");
    expect(Object.keys(second).sort()).toEqual(Object.keys(first).sort());
    expect(
      Object.keys(first)
        .filter((name) => !name.startsWith("repository-"))
        .sort(),
    ).toEqual([
      "binaries",
      "binaries-amd64",
      "binaries-arm64",
      "binaries-tests",
      "channels",
      "channels-1",
      "channels-1.0",
      "channels-latest",
      "channels-withdrawals",
      "image",
      "image-guard",
      "image-manifest",
      "image-push",
      "release",
      "release-github",
      "release-ledger",
      "repository",
    ]);
  });

  test("declares the same for the same release on any machine, and no secret, path or address of it", async () => {
    await publishOurs(github, registry, "1.0.0");
    const [first] = await run();
    const directory = await emptyDirectory();
    const [second] = await run();
    expect(second).toEqual(first);
    // The provider is told where GitHub is, and the stack's token as a secret.
    const { "repository-github": provider, ...others } = second;
    expect(provider?.inputs).toMatchObject({ baseUrl: `${github.url}/`, token: secret(TOKEN) });
    const text = JSON.stringify(others);
    for (const absent of [directory, TOKEN, github.url]) {
      expect(text).not.toContain(absent);
    }
  });

  test("refuses before it declares anything", async () => {
    await publishOurs(github, registry, "1.0.0");
    github.inspect.setTag(github.repository, "v1.0.0", "f".repeat(40));
    const { resources } = await start();
    const refusal = await program().catch((error: unknown) => error);
    expect(pulumi.RunError.isInstance(refusal)).toBe(true);
    expect(String(refusal)).toContain(`tag v1.0.0 on GitHub is at ${"f".repeat(40)}`);
    expect(await resources()).toEqual({});
  });
});
