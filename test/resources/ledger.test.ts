import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import pMap from "p-map";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { assetChecksums } from "../../src/model/assets.ts";
import { missing, other } from "../../src/model/difference.ts";
import type { LedgerEntry, Lines } from "../../src/model/ledger.ts";
import { parseMetadata } from "../../src/model/metadata.ts";
import { packText, unpackText } from "../../src/model/packed-text.ts";
import { registryOf } from "../../src/resources/clients.ts";
import { implementation, type LedgerFacts, type LedgerInputs } from "../../src/resources/ledger.ts";
import {
  type WithdrawalsFacts,
  type WithdrawalsInputs,
  implementation as withdrawals,
} from "../../src/resources/withdrawals.ts";
import { exportIndex } from "../../src/services/builder.ts";
import { binaryOf, declared, publishOurs, publishWithImage } from "../published.ts";
import { putIndex, type RegistryServer } from "../services/registry-server.ts";
import {
  bodyOf,
  COMMIT,
  emptyDirectory,
  OTHER_COMMIT,
  registryWrites,
  STACK,
  sha256Hex,
  startTestGitHub,
  startTestRegistry,
  type TestGitHub,
} from "./services.ts";

vi.mock("../../src/services/builder.ts");

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

  test("has no line of another place", async () => {
    const line = entryOf(inputs("0.9.0"));
    for (const elsewhere of [{ repository: "octo/elsewhere" }, { image: "ghcr.io/octo/elsewhere" }]) {
      const recorded = { ...inputs("0.9.0"), ...elsewhere, releases: { "0.9.0": line, "1.0.0": line } };
      expect(await implementation.conflicts?.(inputs("1.0.0"), recorded)).toEqual([]);
      const { releases } = await implementation.ensure(inputs("1.0.0"), recorded);
      expect(releases).toEqual({ "1.0.0": entryOf(inputs("1.0.0")) });
    }
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

/** What a refresh says, and what it notes down. */
async function refresh(recorded: LedgerInputs & LedgerFacts) {
  const seen = await implementation.observe(recorded);
  if (!("notes" in seen)) {
    throw new Error("the ledger notes down what it saw");
  }
  return seen;
}

/** What became of the releases; sentences without what is recorded stand for what was done to them. */
const TAMPERED = [
  { what: "nothing", tamper: () => {}, differences: () => [] },
  {
    what: "a release deleted",
    tamper: () => {
      const repository = github.inspect.repository(github.repository);
      repository.releases = repository.releases.filter(({ tagName }) => tagName !== "v1.0.0");
    },
    differences: () => [missing(`release v1.0.0 is missing from ${github.repository}`)],
  },
  {
    what: "a release turned into a draft",
    tamper: () => Object.assign(github.inspect.releases(github.repository, "v1.0.0")[0] ?? {}, { draft: true }),
    differences: () => [missing(`release v1.0.0 is missing from ${github.repository}`)],
  },
  {
    what: "an asset deleted",
    tamper: () => github.inspect.deleteAsset(github.repository, "v1.0.0", "checksums.txt"),
    differences: () => [
      missing(`asset checksums.txt of v1.0.0 is missing, recorded is SHA-256 ${sha256Hex("sums of 1.0.0")}`),
    ],
  },
  {
    what: "an asset replaced",
    tamper: () => github.inspect.setAssetBytes(github.repository, "v1.0.0", "checksums.txt", Buffer.from("x")),
    differences: () => [
      other(`asset checksums.txt of v1.0.0 has SHA-256 ${sha256Hex("x")}, recorded is ${sha256Hex("sums of 1.0.0")}`),
    ],
  },
  {
    what: "an asset added",
    tamper: () => github.inspect.setAssetBytes(github.repository, "v1.0.0", "extra", Buffer.from("x")),
    differences: () => [other("asset extra of v1.0.0 does not belong to the release")],
  },
  {
    what: "the mark as a prerelease",
    tamper: () => Object.assign(github.inspect.releases(github.repository, "v1.0.0")[0] ?? {}, { prerelease: true }),
    differences: () => [other("release v1.0.0 is marked as a prerelease, recorded is not marked as a prerelease")],
  },
  {
    what: "the git tag moved",
    tamper: () => github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT),
    differences: () => [other(`tag v1.0.0 is at ${OTHER_COMMIT}, recorded is ${COMMIT}`)],
  },
  {
    what: "the git tag deleted",
    tamper: () => github.inspect.deleteTag(github.repository, "v1.0.0"),
    differences: () => [missing(`tag v1.0.0 is missing, recorded is ${COMMIT}`)],
  },
  {
    what: "the image's tag deleted",
    tamper: () => registry.manifests.delete("v1.0.0"),
    differences: ({ digest }: LedgerEntry) => [
      missing(`${registry.image}:v1.0.0 is missing from the registry, recorded is ${digest}`),
    ],
  },
  {
    what: "the image's tag moved",
    tamper: () => putIndex(registry, "v1.0.0", {}),
    differences: ({ digest }: LedgerEntry) => [
      other(
        `${registry.image}:v1.0.0 points at ${registry.seen.length === 0 ? "" : putIndex(registry, "v1.0.0", {}).digest}, recorded is ${digest}`,
      ),
    ],
  },
];

describe("a refresh", () => {
  test("sees no difference, with a page of each list and one question for each image", async () => {
    const lines = { "1.0.0": await release("1.0.0"), "1.1.0": await release("1.1.0") };
    github.history.length = 0;
    expect((await refresh({ ...inputs("1.1.0"), releases: lines })).differences).toEqual([]);
    expect(github.requests().sort()).toEqual(["GET /releases", "GET /tags"]);
    expect(registry.seen.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      "HEAD /v2/octo/demo/manifests/v1.0.0",
      "HEAD /v2/octo/demo/manifests/v1.1.0",
    ]);
  });

  test.each(TAMPERED)("says of an older release: $what", async ({ tamper, differences }) => {
    const lines = { "1.0.0": await release("1.0.0"), "1.1.0": await release("1.1.0") };
    const recorded = { ...inputs("1.1.0"), releases: lines };
    // Also when an earlier refresh has seen the pages as they were.
    const { notes } = await refresh(recorded);
    tamper();
    for (const seen of [{}, notes]) {
      expect((await refresh({ ...recorded, ...seen })).differences).toEqual(differences(lines["1.0.0"]));
    }
  });

  test("says nothing of a release that is withdrawn", async () => {
    const lines = { "1.0.0": await release("1.0.0"), "1.1.0": await release("1.1.0") };
    registry.manifests.delete("v1.0.0");
    registry.seen.length = 0;
    const recorded = { ...inputs("1.1.0"), withdrawn: ["1.0.0"], releases: lines };
    expect((await refresh(recorded)).differences).toEqual([]);
    expect(registry.seen).toHaveLength(1);
  });

  test("is asked anew of a page that changed only, and counts nothing of the limit otherwise", async () => {
    const lines = { "1.0.0": await release("1.0.0") };
    const recorded = { ...inputs("1.0.0"), releases: lines };
    const first = await refresh(recorded);
    github.history.length = 0;
    const second = await refresh({ ...recorded, ...first.notes });
    expect(second).toEqual(first);
    expect(github.history.map(({ status }) => status)).toEqual([304, 304]);
    github.inspect.deleteAsset(github.repository, "v1.0.0", "checksums.txt");
    github.history.length = 0;
    const third = await refresh({ ...recorded, ...second.notes });
    expect(third.differences).toHaveLength(1);
    expect(github.history.map(({ path, status }) => `${path.split("/").at(-1)} ${status}`).sort()).toEqual([
      "releases 200",
      "tags 304",
    ]);
    // Nothing is forgotten while the page stays as it is.
    github.history.length = 0;
    expect((await refresh({ ...recorded, ...third.notes })).differences).toEqual(third.differences);
    expect(github.history.map(({ status }) => status)).toEqual([304, 304]);
  });

  test.each([
    ["GitHub", () => github.misbehave({ path: "/repos/*/*/tags", action: { status: 403, body: { message: "no" } } })],
    [
      "the registry",
      () => {
        registry.fault = (_, response) => {
          response.writeHead(403).end();
          return true;
        };
      },
    ],
  ])("fails when %s refuses to answer: that is nothing missing", async (_, refuse) => {
    const lines = { "1.0.0": await release("1.0.0") };
    refuse();
    await expect(refresh({ ...inputs("1.0.0"), releases: lines })).rejects.toThrow("403");
  });
});

describe("an older release", () => {
  let lines: Lines;
  let facts: Awaited<ReturnType<typeof publishWithImage>>;
  const [AMD64, ARM64] = ["mount-monitor-linux-amd64", "mount-monitor-linux-arm64"];

  beforeEach(async () => {
    await emptyDirectory();
    facts = await publishWithImage(github, registry, "1.0.0");
    builds(facts.image.digest);
    lines = (await implementation.ensure(inputs("1.1.0"), undefined)).releases;
    await release("1.1.0").then((line) => {
      lines = { ...lines, "1.1.0": line };
    });
    github.history.length = 0;
    registry.seen.length = 0;
  });

  /** A builder that makes the image of 1.0.0, as it is in the registry now, whenever it sees its binaries. */
  function builds(digest: string): void {
    const blobs = new Map([
      ...registry.blobs,
      ...[...registry.manifests].map(([name, { raw }]) => [name, raw] as const),
    ]);
    vi.mocked(exportIndex)
      .mockReset()
      .mockImplementation(async ({ context, dockerfile, platforms, labels, sourceDateEpoch }, layout) => {
        expect((await readdir(context)).sort()).toEqual(["Dockerfile.release", AMD64, ARM64]);
        expect(await readFile(`${context}/${AMD64}`)).toEqual(binaryOf("1.0.0", "amd64"));
        expect(await readFile(`${context}/${ARM64}`)).toEqual(binaryOf("1.0.0", "arm64"));
        expect(await readFile(dockerfile, "utf8")).toBe(facts.dockerfile);
        expect({ platforms, labels }).toEqual({ platforms: facts.image.platforms, labels: facts.labels });
        expect(sourceDateEpoch).toBe(Date.parse(facts.commitTime) / 1000);
        await mkdir(`${layout}/blobs/sha256`, { recursive: true });
        for (const [name, bytes] of blobs) {
          await writeFile(`${layout}/blobs/${name.replace(":", "/")}`, bytes).catch(() => undefined);
        }
        return { digest, digests: facts.image.digests };
      });
  }

  const current = () => inputs("1.1.0", lines["1.1.0"]);
  const update = () => implementation.ensure(current(), { ...current(), releases: lines, drift: ["something"] });

  test("has its line from what is published, with the text of its record", () => {
    const { metadata, ...line } = lines["1.0.0"] ?? { metadata: "" };
    expect(unpackText(metadata ?? "")).toBe(facts.files["metadata.json"]);
    expect(line).toEqual({ commit: facts.commit, digest: facts.image.digest, checksums: expect.any(Object) });
  });

  test("has the line that it recorded itself when a lost ledger is rebuilt, whatever is there by then", async () => {
    const recorded = lines["1.0.0"];
    github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
    const [release] = github.inspect.releases(github.repository, "v1.0.0");
    Object.assign(release ?? {}, { body: bodyOf("", { version: "1.0.0", commit: OTHER_COMMIT }) });
    github.inspect.setAssetBytes(github.repository, "v1.0.0", AMD64, Buffer.from("other"));
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "checksums.txt", Buffer.from("other"));
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "extra", Buffer.from("other"));
    github.inspect.deleteAsset(github.repository, "v1.0.0", "artifacts.json");
    putIndex(registry, "v1.0.0", {});
    const rebuilt = await implementation.ensure(inputs("1.2.0"), undefined);
    expect(rebuilt.releases["1.0.0"]).toEqual(recorded);
    expect((await refresh({ ...inputs("1.2.0"), releases: { "1.0.0": recorded } as Lines })).differences).toHaveLength(
      6,
    );
  });

  test("keeps in a rebuilt ledger what another program rendered of its facts", async () => {
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "artifacts.json", Buffer.from("[]"));
    const { releases } = await implementation.ensure(inputs("1.2.0"), undefined);
    expect(releases["1.0.0"]?.checksums).toEqual({
      ...lines["1.0.0"]?.checksums,
      "artifacts.json": sha256Hex("[]"),
    });
  });

  test.each([
    ["standing", []],
    ["withdrawn", ["1.0.0"]],
  ])("that a newer program recorded keeps an older one from rebuilding a lost ledger: %s", async (_, withdrawn) => {
    const record = Buffer.from(JSON.stringify({ release: { schema: 99 } }));
    github.inspect.setAssetBytes(github.repository, "v1.0.0", "metadata.json", record);
    await expect(implementation.ensure({ ...inputs("1.2.0"), withdrawn }, undefined)).rejects.toThrow(
      "v1.0.0: metadata.json has schema 99, and this program reads up to 1: update it to work on this release",
    );
    expect([...github.writes(), ...registryWrites(registry)]).toEqual([]);
  });

  test.each([
    ["{", "metadata.json of v1.0.0 cannot be read: metadata.json is not JSON"],
    [JSON.stringify({ release: {} }), "metadata.json of v1.0.0 cannot be read: metadata.json "],
    [() => declared(registry, "1.0.1").files["metadata.json"] ?? "", "metadata.json of v1.0.0 describes v1.0.1"],
  ])(
    "whose record cannot be believed keeps a lost ledger from being rebuilt, until it is withdrawn",
    async (text, problem) => {
      const record = typeof text === "string" ? text : text();
      github.inspect.setAssetBytes(github.repository, "v1.0.0", "metadata.json", Buffer.from(record));
      await expect(implementation.ensure(inputs("1.2.0"), undefined)).rejects.toThrow(problem);
      expect([...github.writes(), ...registryWrites(registry)]).toEqual([]);
      const { releases } = await implementation.ensure({ ...inputs("1.2.0"), withdrawn: ["1.0.0"] }, undefined);
      expect(releases["1.0.0"]).toEqual({
        ...{ commit: facts.commit, digest: facts.image.digest },
        checksums: { ...lines["1.0.0"]?.checksums, "metadata.json": sha256Hex(record) },
      });
    },
  );

  test("gets back every asset that it lost, byte by byte: texts from the ledger, binaries from the image", async () => {
    for (const name of [AMD64, ARM64, "metadata.json", "checksums.txt", "artifacts.json"]) {
      github.inspect.deleteAsset(github.repository, "v1.0.0", name);
    }
    const { drift, releases } = await update();
    expect(drift).toEqual([]);
    expect(releases["1.0.0"]).toEqual(lines["1.0.0"]);
    for (const [name, text] of Object.entries(facts.files)) {
      expect(github.inspect.assetBytes(github.repository, "v1.0.0", name).toString()).toBe(text);
    }
    expect(github.inspect.assetBytes(github.repository, "v1.0.0", AMD64)).toEqual(binaryOf("1.0.0", "amd64"));
    expect(github.inspect.assetBytes(github.repository, "v1.0.0", ARM64)).toEqual(binaryOf("1.0.0", "arm64"));
    expect(github.writes()).toEqual(Array.from({ length: 5 }, () => "POST /releases/ID/assets"));
    expect(registryWrites(registry)).toEqual([]);
  });

  test("has its line again in a lost ledger also when the registry lost its image: it is restored after the next refresh", async () => {
    for (const name of [...registry.manifests.keys()]) registry.manifests.delete(name);
    const rebuilt = (await implementation.ensure(inputs("1.2.0"), undefined)).releases;
    expect(rebuilt["1.0.0"]).toEqual(lines["1.0.0"]);
  });

  test("gets back its tags, of git and of the image", async () => {
    github.inspect.deleteTag(github.repository, "v1.0.0");
    registry.manifests.delete("v1.0.0");
    expect((await update()).drift).toEqual([]);
    expect(github.inspect.tags(github.repository)["v1.0.0"]).toBe(facts.commit);
    expect(registry.manifests.get("v1.0.0")).toEqual(registry.manifests.get(facts.image.digest));
    expect(github.writes()).toEqual(["POST /git/refs"]);
    expect(registryWrites(registry)).toEqual(["PUT /v2/octo/demo/manifests/v1.0.0"]);
  });

  test("gets back the manifest of a platform that the registry lost while its index stayed", async () => {
    const arm64 = facts.image.digests["linux/arm64"] ?? "";
    const before = registry.manifests.get(arm64);
    registry.manifests.delete(arm64);
    expect((await refresh({ ...current(), releases: lines })).differences).toEqual([
      missing(`${registry.image}:v1.0.0 lacks the manifest of linux/arm64: it is missing from the registry`),
    ]);
    expect((await update()).drift).toEqual([]);
    expect(registry.manifests.get(arm64)).toEqual(before);
    expect(registryWrites(registry)).not.toContain("PUT /v2/octo/demo/manifests/v1.0.0");
  });

  test("gets back its whole image from the binaries of the release, blobs first, the tag last", async () => {
    const [manifests, blobs] = [new Map(registry.manifests), new Map(registry.blobs)];
    const { image } = facts;
    const gone = [image.tag, image.digest, ...Object.values(image.digests)];
    for (const name of gone) registry.manifests.delete(name);
    registry.blobs.clear();
    expect((await update()).drift).toEqual([]);
    for (const name of gone) expect(registry.manifests.get(name)).toEqual(manifests.get(name));
    for (const [digest, bytes] of registry.blobs) expect(blobs.get(digest)).toEqual(bytes);
    expect(registryWrites(registry).filter((request) => !request.includes("/blobs/"))).toEqual(
      [...Object.values(image.digests), image.tag].map((name) => `PUT /v2/octo/demo/manifests/${name}`),
    );
    expect(registryWrites(registry)[0]).toBe("POST /v2/octo/demo/blobs/uploads/");
    expect(github.writes()).toEqual([]);
    // Nothing is left where the context of the declared release lies, or elsewhere.
    expect(await readdir(".")).toEqual([".artifacts", ".build"]);
    expect(await readdir(".build")).toEqual([]);
  });

  test("is published again when somebody deleted it on GitHub, and takes Latest from no other", async () => {
    const stored = github.inspect.repository(github.repository);
    const before = github.inspect.releases(github.repository, "v1.0.0")[0];
    stored.releases = stored.releases.filter(({ tagName }) => tagName !== "v1.0.0");
    github.inspect.deleteTag(github.repository, "v1.0.0");
    expect((await update()).drift).toEqual([]);
    const [after] = github.inspect.releases(github.repository, "v1.0.0");
    const plain = (release: typeof before) => ({
      ...{ name: release?.name, body: release?.body, prerelease: release?.prerelease, draft: release?.draft },
      assets: release?.assets.map(({ name, sha256 }) => `${name} ${sha256}`).sort(),
    });
    expect(plain(after)).toEqual(plain(before));
    expect(github.inspect.tags(github.repository)["v1.0.0"]).toBe(facts.commit);
    expect(await (await fetch(`${github.apiUrl}/repos/${github.repository}/releases/latest`)).json()).toMatchObject({
      tag_name: "v1.1.0",
    });
    expect(registryWrites(registry)).toEqual([]);
  });

  test("of which GitHub made a draft is published again, with the title and notes that somebody gave it", async () => {
    github.inspect.deleteTag(github.repository, "v1.0.0");
    const [release] = github.inspect.releases(github.repository, "v1.0.0");
    const body = `More.\n${release?.body}`;
    Object.assign(release ?? {}, { draft: true, publishedAt: null, name: "One", body });
    expect((await update()).drift).toEqual([]);
    expect(github.inspect.releases(github.repository, "v1.0.0")).toEqual([
      expect.objectContaining({ id: release?.id, draft: false, name: "One", body }),
    ]);
    expect(github.writes()).toEqual(["PATCH /releases/ID"]);
  });

  test("that was immutable and is deleted stays missing, says why, and leaves no draft", async () => {
    const stored = github.inspect.repository(github.repository);
    stored.releases = stored.releases.filter(({ tagName }) => tagName !== "v1.0.0");
    stored.immutableTags.push("v1.0.0");
    expect((await update()).drift).toEqual([
      expect.stringMatching(
        /^release v1\.0\.0 is missing from \S+; this update could not restore it \(GitHub answered 422 .*tag_name was used by an immutable release.*\): pulumi config set/,
      ),
    ]);
    expect(github.inspect.releases(github.repository, "v1.0.0")).toEqual([]);
  });

  test.each([
    [
      "the builder fails",
      () => vi.mocked(exportIndex).mockReset().mockRejectedValue(new Error("builder (buildx default) failed:\nno")),
      "builder (buildx default) failed: no",
    ],
    [
      "the builder makes another image",
      () => builds(`sha256:${"0".repeat(64)}`),
      `the builder makes sha256:${"0".repeat(64)} of IMAGE:v1.0.0, not DIGEST, which BuildKit v0.31.1 made`,
    ],
    [
      "its binaries are nowhere any more",
      () => {
        for (const name of [AMD64, ARM64]) github.inspect.deleteAsset(github.repository, "v1.0.0", name);
        registry.blobs.clear();
      },
      `binary ${AMD64} of v1.0.0 is neither in the artifact storage, nor an asset of the release`,
    ],
  ])("that cannot be restored stays drift, with why and what to do: %s", async (_, arrange, why) => {
    arrange();
    registry.manifests.delete("v1.0.0");
    registry.manifests.delete(facts.image.digest);
    const reason = why.replace("IMAGE", registry.image).replace("DIGEST", facts.image.digest);
    const [image] = (await update()).drift?.filter((sentence) => sentence.includes(registry.image)) ?? [];
    expect(image).toMatch(
      `${registry.image}:v1.0.0 is missing from the registry, recorded is ${facts.image.digest}; this update could not restore it (${reason}`,
    );
    expect(image).toMatch(/: pulumi config set mount-monitor:version 1\.0\.0, then pulumi up, makes it again$/);
    expect(registryWrites(registry)).toEqual([]);
  });

  test("is not restored by a registry that refuses: the update fails", async () => {
    registry.manifests.delete(facts.image.digests["linux/amd64"] ?? "");
    registry.fault = ({ method }, response) => {
      if (method !== "POST") return false;
      response.writeHead(403).end();
      return true;
    };
    await expect(update()).rejects.toThrow("was refused with 403");
  });

  test("that lost its record before it was noted down is not filled with something else", async () => {
    github.inspect.deleteAsset(github.repository, "v1.0.0", "metadata.json");
    const { metadata: _, ...line } = lines["1.0.0"] ?? { commit: "", digest: "", checksums: {} };
    lines = { ...lines, "1.0.0": line };
    expect((await update()).drift).toEqual([expect.stringContaining("asset metadata.json of v1.0.0 is missing")]);
    expect(github.writes()).toEqual([]);
  });

  test("that differs is refused before anything is restored, in the preview already", async () => {
    github.inspect.setAssetBytes(github.repository, "v1.0.0", AMD64, Buffer.from("other"));
    registry.manifests.delete("v1.0.0");
    const message =
      "v1.0.0 is written once, and it is not what was published; nothing was changed:\n" +
      `asset ${AMD64} of v1.0.0 has SHA-256 ${sha256Hex("other")}, recorded is ${sha256Hex(binaryOf("1.0.0", "amd64"))}\nTwo ways out: withdraw it`;
    const recorded = { ...current(), releases: lines, drift: ["something"] };
    expect(await implementation.conflicts?.(current(), recorded)).toEqual([expect.stringContaining(message)]);
    await expect(update()).rejects.toThrow(message);
    // Withdrawn it keeps nothing from going on.
    const withdrawn = { ...current(), withdrawn: ["1.0.0"] };
    expect(await implementation.conflicts?.(withdrawn, recorded)).toEqual([]);
    expect((await implementation.ensure(withdrawn, recorded)).drift).toEqual([]);
    expect([...github.writes(), ...registryWrites(registry)]).toEqual([]);
  });

  test("is not asked for when no refresh saw drift", async () => {
    registry.manifests.delete("v1.0.0");
    await implementation.ensure(current(), { ...current(), releases: lines });
    expect(registry.seen).toEqual([]);
  });

  test("that is declared as another than its line says is refused, in the preview already", async () => {
    const declared = { ...inputs("1.0.0", lines["1.0.0"]), commit: OTHER_COMMIT };
    const message = `commit of v1.0.0 is ${OTHER_COMMIT}, recorded is ${facts.commit}`;
    const recorded = { ...current(), releases: lines };
    expect(await implementation.conflicts?.(declared, recorded)).toEqual([expect.stringContaining(message)]);
    await expect(implementation.ensure(declared, recorded)).rejects.toThrow(message);
  });
});

describe("many releases", () => {
  /** Puts releases of ours, with their images, into the storage of both services; gives their lines. */
  async function published(count: number): Promise<Record<string, LedgerEntry>> {
    const repository = github.inspect.repository(github.repository);
    const first = await publishOurs(github, registry, "1.0.0");
    const [template] = repository.releases;
    if (!template) throw new Error("nothing was published");
    const lines: Record<string, LedgerEntry> = {};
    for (let patch = 0; patch < count; patch++) {
      const version = `1.0.${patch}`;
      const facts = patch === 0 ? first : declared(registry, version);
      const checksums = assetChecksums(facts);
      lines[version] = {
        ...{ commit: facts.commit, digest: facts.image.digest, checksums },
        metadata: packText(facts.files["metadata.json"] ?? ""),
      };
      if (patch > 0) {
        const assets = template.assets.map((asset) => ({ ...asset, sha256: checksums[asset.name] ?? "" }));
        repository.releases.push({ ...template, id: template.id + patch, tagName: facts.tag, assets });
        repository.refs[`refs/tags/${facts.tag}`] = { type: "commit", sha: facts.commit };
      }
    }
    repository.latestReleaseId = repository.releases.at(-1)?.id ?? null;
    return lines;
  }

  // [pages of a list, empty pages behind full ones that are unchanged]
  test.each([
    [20, 1, 0],
    [200, 2, 1],
  ])(
    "%i: a refresh of ledger and withdrawals asks for %i page of each list, and for each image and platform",
    { timeout: 120_000 },
    async (count, pages, beyond) => {
      const lines = await published(count);
      const last = `1.0.${count - 1}`;
      const marks: WithdrawalsInputs = { repository: github.repository, stack: STACK, withdrawn: [], latest: last };
      const ledger: LedgerInputs & LedgerFacts = { ...inputs(last, lines[last]), releases: lines };
      const refreshed = async (known: LedgerInputs & LedgerFacts, marked: WithdrawalsInputs & WithdrawalsFacts) => {
        github.history.length = 0;
        registry.seen.length = 0;
        const [seen, look] = await Promise.all([refresh(known), withdrawals.observe(marked)]);
        expect([...seen.differences, ...("notes" in look ? look.differences : look)]).toEqual([]);
        expect(registry.seen.map(({ method }) => method)).toEqual(Array(3 * count - 2).fill("HEAD"));
        return { ledger: { ...known, ...seen.notes }, marks: { ...marked, ...("notes" in look ? look.notes : {}) } };
      };
      const asked = () => github.requests().toSorted();
      const lists = (each: number) => [
        ...Array(2 * each).fill("GET /releases"),
        "GET /releases/latest",
        ...Array(each).fill("GET /tags"),
      ];
      const first = await refreshed(ledger, marks);
      expect(asked()).toEqual(lists(pages));
      const second = await refreshed(first.ledger, first.marks);
      expect(asked()).toEqual(lists(pages + beyond));
      // Only what counts against GitHub's limit: behind a full page that is unchanged there may be a new one by now.
      const counted = () => github.history.filter(({ status }) => status !== 304);
      expect(counted()).toHaveLength(3 * beyond);
      await refreshed(second.ledger, second.marks);
      expect(asked()).toEqual(lists(pages + beyond));
      expect(counted()).toEqual([]);
    },
  );

  test("200 take less than twice the work of 20, and what the network needs", { timeout: 120_000 }, async () => {
    const lines = await published(200);
    const ledgerOf = (count: number) => ({
      ...inputs("1.0.0"),
      releases: Object.fromEntries(Object.entries(lines).slice(0, count)),
    });
    const questions = Object.values(lines).flatMap(({ digest, metadata = "" }) => [
      digest,
      ...Object.values(parseMetadata(unpackText(metadata)).image.digests),
    ]);
    const client = await registryOf(registry.image);
    // Processor time, interleaved: the machine may be busy with something else. `npm run bench:refresh` has the seconds.
    const [few, many] = [await refresh(ledgerOf(20)), await refresh(ledgerOf(200))];
    const [twenty, all, network] = [[], [], []] as number[][];
    for (let round = 0; round < 3; round++) {
      twenty?.push(await processorTime(() => refresh({ ...ledgerOf(20), ...few.notes })));
      all?.push(await processorTime(() => refresh({ ...ledgerOf(200), ...many.notes })));
      network?.push(await processorTime(() => pMap(questions, (name) => client.digestOf(name), { concurrency: 16 })));
    }
    expect(median(all)).toBeLessThan(2 * median(twenty) + 1.5 * median(network));
  });
});

/** Microseconds that this process works meanwhile, the services in it too. */
async function processorTime(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

function median(times: readonly number[] = []): number {
  return times.toSorted((left, right) => left - right)[Math.floor(times.length / 2)] ?? 0;
}
