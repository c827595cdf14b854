import { beforeEach, describe, expect, test } from "vitest";
import { implementation, type LedgerEntry, type LedgerInputs } from "../../src/resources/ledger.ts";
import { putIndex, type RegistryServer } from "../services/registry-server.ts";
import {
  bodyOf,
  COMMIT,
  OTHER_COMMIT,
  registryWrites,
  STACK,
  sha256Hex,
  startTestGitHub,
  startTestRegistry,
  type TestGitHub,
} from "./services.ts";

let github: TestGitHub;
let registry: RegistryServer & { image: string };

beforeEach(async () => {
  [github, registry] = [await startTestGitHub(), await startTestRegistry()];
});

function inputs(version: string, entry: Partial<LedgerEntry> = {}): LedgerInputs {
  return {
    repository: github.repository,
    stack: STACK,
    image: registry.image,
    version,
    commit: COMMIT,
    digest: `sha256:${sha256Hex(version)}`,
    checksums: { "checksums.txt": sha256Hex(`sums of ${version}`) },
    ...entry,
  };
}

function entryOf({ commit, digest, checksums }: LedgerEntry): LedgerEntry {
  return { commit, digest, checksums };
}

/** Publishes a release of ours and its image; gives its line in the ledger. */
async function release(version: string, marker: Parameters<typeof bodyOf>[1] = {}): Promise<LedgerEntry> {
  const text = `sums of ${version}`;
  const draft = await github.draft({ tag_name: `v${version}`, body: bodyOf("", { version, ...marker }) });
  await github.attach(draft, "checksums.txt", text);
  await github.publish(draft);
  const platform = { digest: `sha256:${sha256Hex(version)}`, size: 1 };
  const { digest } = putIndex(registry, `v${version}`, { "linux/amd64": platform });
  return { commit: COMMIT, digest, checksums: { "checksums.txt": sha256Hex(text) } };
}

async function releases(version: string, recorded?: Record<string, LedgerEntry>): Promise<[string, LedgerEntry][]> {
  github.history.length = 0;
  const earlier = recorded && { ...inputs("0.0.1"), releases: recorded };
  const facts = await implementation.ensure(inputs(version), earlier);
  expect(github.writes()).toEqual([]);
  expect(registryWrites(registry)).toEqual([]);
  return Object.entries(facts.releases);
}

describe("the ledger", () => {
  test("begins with the first release", async () => {
    expect(await releases("1.0.0")).toEqual([["1.0.0", entryOf(inputs("1.0.0"))]]);
  });

  test("is appended to, in the order of versions, and keeps what it says", async () => {
    const [first, second] = [entryOf(inputs("1.10.0")), entryOf(inputs("1.2.0", { commit: OTHER_COMMIT }))];
    expect(await releases("1.9.0-rc.1", { "1.10.0": first, "1.2.0": second })).toEqual([
      ["1.2.0", second],
      ["1.9.0-rc.1", entryOf(inputs("1.9.0-rc.1"))],
      ["1.10.0", first],
    ]);
  });

  test("says about a published release what it recorded, not what is there now", async () => {
    await release("1.0.0");
    const recorded = entryOf(inputs("1.0.0", { commit: OTHER_COMMIT }));
    expect(await releases("1.1.0", { "1.0.0": recorded })).toEqual([
      ["1.0.0", recorded],
      ["1.1.0", entryOf(inputs("1.1.0"))],
    ]);
    expect(registry.seen).toEqual([]);
  });

  test.each([
    ["is rebuilt from what is published when it is lost", undefined],
    ["gets the line that an update which died did not write", { "0.9.0": true }],
  ])("%s", async (_, known) => {
    const [first, second] = [await release("1.0.0"), await release("1.1.0")];
    const line = entryOf(inputs("0.9.0"));
    expect(await releases("1.2.0", known && { "0.9.0": line })).toEqual([
      ...(known ? [["0.9.0", line]] : []),
      ["1.0.0", first],
      ["1.1.0", second],
      ["1.2.0", entryOf(inputs("1.2.0"))],
    ]);
  });

  test("is not rebuilt from drafts, from other stacks, by other tools, from a copied marker or without an image", async () => {
    await release("0.1.0", { stack: "staging" });
    await release("0.2.0", { version: "0.1.9" });
    await release("0.3.0");
    registry.manifests.delete("v0.3.0");
    await github.publish(await github.draft({ tag_name: "v0.4.0", body: "by hand" }));
    putIndex(registry, "v0.4.0", {});
    await github.draft({ tag_name: "v0.5.0", body: bodyOf("", { version: "0.5.0" }) });
    putIndex(registry, "v0.5.0", {});
    expect(await releases("1.0.0")).toEqual([["1.0.0", entryOf(inputs("1.0.0"))]]);
  });

  test("is not rebuilt in part: a registry that refuses to answer is an error", async () => {
    await release("1.0.0");
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await expect(implementation.ensure(inputs("1.1.0"), undefined)).rejects.toThrow("was refused with 403");
  });
});

describe("a refresh", () => {
  const observe = (recorded: Record<string, LedgerEntry>) =>
    implementation.observe({ ...inputs("1.1.0"), releases: recorded });

  test("sees no difference, with one request for each image", async () => {
    const recorded = { "1.0.0": await release("1.0.0"), "1.1.0": await release("1.1.0") };
    github.history.length = 0;
    expect(await observe(recorded)).toEqual([]);
    expect(github.requests()).toEqual(["GET /releases"]);
    expect(registry.seen.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "HEAD /v2/octo/demo/manifests/v1.0.0",
      "HEAD /v2/octo/demo/manifests/v1.1.0",
    ]);
  });

  test("says what was done to any release", async () => {
    const recorded = {
      "1.0.0": await release("1.0.0"),
      "1.1.0": await release("1.1.0"),
      "1.2.0": await release("1.2.0"),
      "1.3.0": await release("1.3.0"),
    };
    const releasesOf = (tag: string) => github.inspect.releases(github.repository, tag);
    github.inspect.repository(github.repository).releases = ["v1.1.0", "v1.2.0", "v1.3.0"].flatMap(releasesOf);
    github.inspect.deleteAsset(github.repository, "v1.1.0", "checksums.txt");
    github.inspect.setAssetBytes(github.repository, "v1.2.0", "checksums.txt", Buffer.from("other"));
    registry.manifests.delete("v1.2.0");
    const { digest } = putIndex(registry, "v1.3.0", {});
    expect(await observe(recorded)).toEqual([
      "release v1.0.0 is missing",
      `asset checksums.txt of v1.1.0 is missing, recorded is ${sha256Hex("sums of 1.1.0")}`,
      `asset checksums.txt of v1.2.0 is ${sha256Hex("other")}, recorded is ${sha256Hex("sums of 1.2.0")}`,
      `${registry.image}:v1.2.0 is at nothing, recorded is ${recorded["1.2.0"].digest}`,
      `${registry.image}:v1.3.0 is at ${digest}, recorded is ${recorded["1.3.0"].digest}`,
    ]);
  });

  test("takes a draft for no release", async () => {
    putIndex(registry, "v1.0.0", {});
    await github.draft();
    expect(await observe({ "1.0.0": entryOf(inputs("1.0.0")) })).toContain("release v1.0.0 is missing");
  });
});
