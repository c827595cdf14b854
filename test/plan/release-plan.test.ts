import { mkdir, readdir, writeFile } from "node:fs/promises";
import * as pulumi from "@pulumi/pulumi";
import { execa } from "execa";
import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { assetChecksums } from "../../src/model/assets.ts";
import { markWithdrawn } from "../../src/model/withdrawal.ts";
import type { Connections } from "../../src/plan/connections.ts";
import type { RecordedReleases } from "../../src/plan/recorded-state.ts";
import { nameSources, type Plan, planRelease } from "../../src/plan/release-plan.ts";
import { githubOf, registryOf } from "../../src/resources/clients.ts";
import { buildkitVersion } from "../../src/services/builder.ts";
import type { Release } from "../../src/services/github.ts";
import { goVersion } from "../../src/services/go.ts";
import type { Registry } from "../../src/services/registry.ts";
import { readSource } from "../../src/services/source.ts";
import { readSettings, type Settings } from "../../src/settings.ts";
import { imageOf, publishForeign, publishOurs } from "../published.ts";
import {
  bodyOf,
  emptyDirectory,
  OTHER_COMMIT,
  registryWrites,
  STACK,
  startTestGitHub,
  startTestRegistry,
  type TestGitHub,
} from "../resources/services.ts";
import { putIndex, type RegistryServer } from "../services/registry-server.ts";

vi.mock("../../src/services/builder.ts");
vi.mock(import("../../src/services/go.ts"), async (original) => ({
  ...(await original()),
  goEnvironment: async () => ({}),
  goVersion: vi.fn(),
}));

const DOCKERFILE = 'FROM scratch\nENTRYPOINT ["/mount-monitor"]\n';
/** The setting `repository`; the local GitHub knows it by another name, which no published byte may tell. */
const NAME = "octo/demo";

let github: TestGitHub;
let registry: RegistryServer & { image: string };
let connections: Connections;

beforeEach(async () => {
  await emptyDirectory();
  [github, registry] = [await startTestGitHub(), await startTestRegistry()];
  connections = {
    github: githubOf(github.repository),
    registry: await registryOf(registry.image),
    stack: STACK,
    recallMetadata: async () => undefined,
    recordedReleases: async () => ({ current: undefined, digests: {} }),
    overwrittenSecrets: async () => ({}),
    recordedUrns: async () => [],
    workflowLooks: async () => 0,
  };
  vi.mocked(buildkitVersion).mockReset().mockResolvedValue("v0.31.1");
  vi.mocked(goVersion).mockReset().mockResolvedValue("go1.26.8");
});

async function git(...args: string[]): Promise<string> {
  const identity = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.com", GIT_AUTHOR_DATE: "2026-02-03T04:05:06Z" };
  const committer = {
    GIT_COMMITTER_NAME: "c",
    GIT_COMMITTER_EMAIL: "c@example.com",
    GIT_COMMITTER_DATE: "2026-03-04T05:06:07Z",
  };
  const closed = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
  return (await execa("git", args, { env: { ...identity, ...committer, ...closed } })).stdout;
}

async function commit(message: string, files: Record<string, string> = {}): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await writeFile(path, text);
  }
  await git("add", "app", "LICENSE", "Dockerfile.release");
  await git("commit", "--quiet", "--allow-empty", "--message", message);
  return git("rev-parse", "HEAD");
}

/** A checkout in the directory of the test, with one commit. */
async function checkout(): Promise<string> {
  await mkdir("app");
  await git("init", "--quiet", "--initial-branch=main");
  return commit("feat: first", { "app/go.mod": "module x\n", LICENSE: "MIT\n", "Dockerfile.release": DOCKERFILE });
}

interface Asked {
  readonly withdrawn?: readonly string[];
  readonly tag?: string;
  readonly version?: string;
  readonly commit?: string;
  readonly binaryName?: string;
}

function settings({ tag, version, commit, binaryName, withdrawn }: Asked): Settings {
  const config = {
    repository: NAME,
    image: registry.image,
    source: "app",
    ...(version ? { version } : {}),
    ...(withdrawn ? { withdrawn: JSON.stringify(withdrawn) } : {}),
    ...(commit ? { commit } : {}),
    ...(binaryName ? { binaryName } : {}),
  };
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(config).map(([key, value]) => [`mount-monitor:${key}`, value])),
  );
  return readSettings(tag ? { PULUMI_CI_TAG_NAME: tag } : {});
}

/** Plans, and proves that nothing was written. */
async function plan(asked: Asked = {}): Promise<Plan> {
  github.history.length = 0;
  const planned = await planRelease(settings(asked), connections);
  expect(github.writes()).toEqual([]);
  expect(registryWrites(registry)).toEqual([]);
  return planned;
}

/** What the state of the stack knows to be published. */
function remembers(recorded: Partial<RecordedReleases>): void {
  connections = { ...connections, recordedReleases: async () => ({ current: undefined, digests: {}, ...recorded }) };
}

async function refusal(asked: Asked): Promise<string> {
  const message = await plan(asked).then(
    ({ kind }) => `planned ${kind}`,
    (error: Error) => error.message,
  );
  expect(github.writes()).toEqual([]);
  expect(registryWrites(registry)).toEqual([]);
  return message;
}

async function candidate(asked: Asked) {
  const planned = await plan(asked);
  if (planned.kind !== "candidate") {
    throw new Error(`planned ${planned.kind}`);
  }
  return planned;
}

async function sealed(asked: Asked = {}) {
  const planned = await plan(asked);
  if (planned.kind !== "sealed") {
    throw new Error(`planned ${planned.kind}`);
  }
  return planned;
}

describe("no release is planned", () => {
  test("without a version, when this stack has published none", async () => {
    await publishForeign(github, "1.0.0");
    await publishOurs(github, registry, "1.1.0", { stack: "staging" });
    await github.draft({ tag_name: "v1.2.0", body: bodyOf("", { version: "1.2.0" }) });
    expect(await plan()).toEqual({
      kind: "none",
      reason: "no version tag was pushed, and the setting version is not set",
    });
  });

  test("for a tag that is no version; neither git nor a builder is asked", async () => {
    expect(await plan({ tag: "nightly" })).toMatchObject({ kind: "none" });
    expect(buildkitVersion).not.toHaveBeenCalled();
  });
});

describe("a candidate", () => {
  test("is all that decides its bytes", async () => {
    const head = await checkout();
    const planned = await candidate({ version: "1.0.0" });
    expect(planned).toEqual({
      kind: "candidate",
      checkout: process.cwd(),
      latest: "1.0.0",
      channels: ["latest", "1", "1.0"].map((channel) => ({ channel, version: "1.0.0" })),
      candidate: {
        version: "1.0.0",
        tag: "v1.0.0",
        commit: head,
        commitTime: "2026-03-04T05:06:07Z",
        prerelease: false,
        latest: true,
        title: "v1.0.0",
        go: "go1.26.8",
        buildkit: "v0.31.1",
        source: {
          prefix: "app",
          package: "./cmd/mount-monitor",
          binaryName: "mount-monitor",
          versionVariable: "main.Version",
          verifyArgs: ["--version"],
        },
        dockerfile: DOCKERFILE,
        labels: {
          "org.opencontainers.image.created": "2026-03-04T05:06:07Z",
          "org.opencontainers.image.description": "mount-monitor 1.0.0: one static Linux binary",
          "org.opencontainers.image.revision": head,
          "org.opencontainers.image.source": `https://github.com/${NAME}`,
          "org.opencontainers.image.title": "mount-monitor",
          "org.opencontainers.image.version": "1.0.0",
        },
        repository: NAME,
        architectures: ["amd64", "arm64"],
        publicImage: `ghcr.io/${NAME}`,
        changes: [{ hash: head, subject: "feat: first", body: "" }],
      },
    });
    expect(goVersion).toHaveBeenCalledWith(process.cwd(), head, "app");
    expect(await readdir(".")).not.toContain(".build");
    await nameSources(planned);
    expect(await readSource()).toBe(process.cwd());
  });

  test("comes from the commit, not from the working tree", async () => {
    await checkout();
    await writeFile("Dockerfile.release", "FROM dirty\n");
    expect((await candidate({ version: "1.0.0" })).candidate.dockerfile).toBe(DOCKERFILE);
  });

  test("of a repository without a Dockerfile gets the default one, for its own binary", async () => {
    await checkout();
    await git("rm", "--quiet", "--cached", "Dockerfile.release");
    await git("commit", "--quiet", "--message", "fix: none");
    const planned = await candidate({ version: "1.0.0", binaryName: "other" });
    expect(planned.candidate.dockerfile).toBe('FROM scratch\nENTRYPOINT ["/other"]\n');
    expect(planned.candidate.labels["org.opencontainers.image.title"]).toBe("other");
  });

  test("is built from the tag that was pushed, else from the commit that is set, else from GitHub's tag, else from HEAD", async () => {
    const first = await checkout();
    await git("tag", "v1.0.0");
    const second = await commit("feat: second");
    const third = await commit("feat: third");
    const commitFor = async (asked: Asked) => (await candidate(asked)).candidate.commit;
    expect(await commitFor({ tag: "v1.0.0" })).toBe(first);
    expect(await commitFor({ version: "1.0.0", commit: second })).toBe(second);
    expect(await commitFor({ version: "1.0.0" })).toBe(third);
    github.inspect.setTag(github.repository, "v1.0.0", second);
    expect(await commitFor({ version: "1.0.0" })).toBe(second);
    expect(await commitFor({ version: "1.0.0", commit: second })).toBe(second);
  });

  test.each<Asked>([{ tag: "v1.0.0" }, { version: "1.0.0", commit: "HEAD" }])(
    "is refused when GitHub's tag is at another commit: %o",
    async (asked) => {
      const head = await checkout();
      await git("tag", "v1.0.0");
      github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
      expect(await refusal(asked.commit ? { ...asked, commit: head } : asked)).toBe(
        `tag v1.0.0 on GitHub is at ${OTHER_COMMIT}, and here ${head} is asked for; a version tag never moves. ` +
          "Fetch the tags, or release the next version.",
      );
    },
  );

  test("is refused when its commit is not here", async () => {
    await checkout();
    expect(await refusal({ version: "1.0.0", commit: OTHER_COMMIT })).toContain(`"${OTHER_COMMIT}" is no commit in`);
    expect(await refusal({ tag: "v1.0.0" })).toContain('"v1.0.0" is no commit in');
  });

  test("is one although drafts of it are there", async () => {
    await checkout();
    await github.draft();
    expect((await candidate({ version: "1.0.0" })).candidate.version).toBe("1.0.0");
  });

  test("compares with the previous release of its line, by GitHub's tag", async () => {
    const first = await checkout();
    await publishOurs(github, registry, "1.0.0", { commit: first });
    const second = await commit("feat: second");
    await publishOurs(github, registry, "1.1.0", { commit: second });
    await git("tag", "v1.1.0", first);
    await git("checkout", "--quiet", "-b", "1.0", first);
    const fix = await commit("fix: backport");
    const backport = await candidate({ version: "1.0.1" });
    expect(backport.candidate).toMatchObject({
      previousTag: "v1.0.0",
      latest: false,
      prerelease: false,
      changes: [{ hash: fix, subject: "fix: backport" }],
    });
    await git("checkout", "--quiet", "main");
    const third = await commit("feat: third");
    expect((await candidate({ version: "1.2.0" })).candidate).toMatchObject({
      previousTag: "v1.1.0",
      latest: true,
      changes: [{ hash: third, subject: "feat: third" }],
    });
  });

  test("that is a prerelease says so, and is not the latest", async () => {
    await checkout();
    await git("tag", "v1.0.0-rc.1");
    const { candidate: planned, channels } = await candidate({ tag: "v1.0.0-rc.1", version: "1.0.0-rc.1" });
    expect(planned).toMatchObject({ prerelease: true, latest: false });
    expect(channels).toEqual([]);
  });

  test("is refused in a shallow clone, whose notes would be others", async () => {
    await checkout();
    await commit("feat: second");
    const whole = process.cwd();
    await git("clone", "--quiet", "--depth=1", `file://${whole}`, "shallow");
    process.chdir("shallow");
    expect(await refusal({ version: "1.0.0" })).toContain("shallow is a shallow clone");
    process.chdir(whole);
    expect((await candidate({ version: "1.0.0" })).candidate.changes).toHaveLength(2);
  });
});

describe("a sealed release", () => {
  test("is declared from its record, without git, Go or a builder", async () => {
    const facts = await publishOurs(github, registry, "1.0.0");
    const planned = await sealed({ version: "1.0.0" });
    expect(planned.facts).toEqual(facts);
    expect(planned.sources.assets.map(({ name }) => name).sort()).toEqual(Object.keys(assetChecksums(facts)).sort());
    expect(planned.channels).toEqual(["latest", "1", "1.0"].map((channel) => ({ channel, version: "1.0.0" })));
    expect([buildkitVersion, goVersion].flatMap((asked) => vi.mocked(asked).mock.calls)).toEqual([]);
  });

  test.each<Asked>([
    {},
    { tag: "nightly" },
    { tag: "v1.0.1" },
    { version: "1.0.1" },
    { version: "1.0.1", commit: "a".repeat(40) },
  ])("is what is declared for %o after it was published last", async (asked) => {
    await publishOurs(github, registry, "1.1.0");
    await publishOurs(github, registry, "1.0.1");
    await publishOurs(github, registry, "9.0.0", { stack: "staging" });
    expect((await sealed(asked)).facts.version).toBe("1.0.1");
  });

  test("is the same after HEAD moved on and files were changed", async () => {
    const head = await checkout();
    const facts = await publishOurs(github, registry, "1.0.0", { commit: head });
    await git("tag", "v1.0.0");
    await commit("feat: later", { "Dockerfile.release": "FROM later\n" });
    for (const asked of [{}, { version: "1.0.0" }, { tag: "v1.0.0" }]) {
      expect((await sealed(asked)).facts).toEqual(facts);
    }
  });

  test.each<Asked>([{ tag: "v1.0.0" }, { version: "1.0.0", commit: "HEAD" }])(
    "of another commit is refused: %o",
    async (asked) => {
      const head = await checkout();
      await git("tag", "v1.0.0");
      await publishOurs(github, registry, "1.0.0", { commit: OTHER_COMMIT });
      expect(await refusal(asked.commit ? { ...asked, commit: head } : asked)).toBe(
        `v1.0.0 is already published from commit ${OTHER_COMMIT}, and this update asks for ${head}. ` +
          "A version is written once: put the tag back, or release the next version.",
      );
    },
  );

  test("whose tag was moved on GitHub is refused, with both commits and the ways out", async () => {
    const { commit: published } = await publishOurs(github, registry, "1.0.0");
    github.inspect.setTag(github.repository, "v1.0.0", OTHER_COMMIT);
    for (const asked of [{}, { version: "1.0.0" }]) {
      const message = await refusal(asked);
      expect(message).toContain(`tag v1.0.0 on GitHub is at ${OTHER_COMMIT}, recorded is ${published}`);
      expect(message).toContain("Two ways out: withdraw it");
    }
  });

  test("whose tag was deleted on GitHub is declared: its resource makes it again", async () => {
    const facts = await publishOurs(github, registry, "1.0.0");
    github.inspect.deleteTag(github.repository, "v1.0.0");
    expect((await sealed({ version: "1.0.0" })).facts).toEqual(facts);
  });

  test("that GitHub made a draft of, because its tag was deleted, still is the stack's release", async () => {
    await publishOurs(github, registry, "1.0.0");
    const facts = await publishOurs(github, registry, "1.1.0");
    const [release] = github.inspect.releases(github.repository, "v1.1.0");
    github.inspect.deleteTag(github.repository, "v1.1.0");
    Object.assign(release ?? {}, { draft: true, publishedAt: null });
    remembers({ current: "v1.1.0" });
    const planned = await sealed({});
    expect(planned.facts).toEqual(facts);
    expect(planned.channels.map(({ channel, version }) => [channel, version])).toContainEqual(["latest", "1.1.0"]);
    // A draft that an update left which died is none that was published.
    remembers({ current: "v1.0.0" });
    expect((await sealed({})).facts.tag).toBe("v1.0.0");
  });

  test("that somebody deleted on GitHub is declared again from the state, named or not", async () => {
    await publishOurs(github, registry, "0.9.0");
    const facts = await publishOurs(github, registry, "1.0.0");
    const { releases } = github.inspect.repository(github.repository);
    github.inspect.repository(github.repository).releases = releases.filter(({ tagName }) => tagName !== "v1.0.0");
    const recallMetadata = async (tag: string) => (tag === "v1.0.0" ? facts.files["metadata.json"] : undefined);
    connections = { ...connections, recallMetadata };
    remembers({ current: "v1.0.0", digests: { "1.0.0": facts.image.digest } });
    for (const asked of [{ version: "1.0.0" }, {}]) {
      const planned = await sealed(asked);
      expect(planned.facts).toEqual(facts);
      expect(planned.sources.assets).toEqual([]);
      expect(planned.latest).toBe("1.0.0");
    }
    // Without a state nobody says so.
    remembers({});
    expect((await sealed({})).facts.tag).toBe("v0.9.0");
  });

  test("stays what the state says when an older one is published again; one that the state does not know yet comes after it", async () => {
    const current = await publishOurs(github, registry, "1.1.0");
    const older = await publishOurs(github, registry, "1.0.0");
    const digests = { "1.1.0": current.image.digest, "1.0.0": older.image.digest };
    remembers({ current: "v1.1.0", digests });
    expect((await sealed({})).facts.tag).toBe("v1.1.0");
    await publishOurs(github, registry, "1.0.1");
    expect((await sealed({})).facts.tag).toBe("v1.0.1");
    // A state that lost its ledger: the newest one.
    remembers({ current: "v1.0.1" });
    expect((await sealed({})).facts.tag).toBe("v1.0.1");
  });

  test("whose tag holds another image is refused; a missing image is restored by the update", async () => {
    const { image } = await publishOurs(github, registry, "1.0.0");
    const { digest } = putIndex(registry, "v1.0.0", {});
    expect(await refusal({})).toContain(`${registry.image}:v1.0.0 points at ${digest}, recorded is ${image.digest}`);
    registry.manifests.delete("v1.0.0");
    expect((await sealed()).facts.image).toEqual(image);
  });

  test("by another tool is refused", async () => {
    await publishForeign(github, "1.0.0");
    expect(await refusal({ version: "1.0.0" })).toContain("not by this program: it has demo.tar.gz");
  });

  test("is not planned from what the registry or GitHub does not say", async () => {
    await publishOurs(github, registry, "1.0.0");
    registry.fault = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    expect(await refusal({})).toContain("was refused with 403");
    registry.fault = undefined;
    github.misbehave({ path: "/repos/*/*/releases", action: { status: 403, body: { message: "forbidden" } } });
    expect(await refusal({})).toContain("forbidden");
  });
});

describe("channels", () => {
  const brief = ({ channels }: Awaited<ReturnType<typeof sealed>>) =>
    Object.fromEntries(
      channels.map(({ channel, version, digest }) => [channel, `${version} ${digest ?? "this update's"}`]),
    );

  test("of other releases point at what the registry has, a backport moves its own only", async () => {
    const { image } = await publishOurs(github, registry, "1.1.0");
    await publishOurs(github, registry, "1.0.1");
    expect(brief(await sealed())).toEqual({
      latest: `1.1.0 ${image.digest}`,
      "1": `1.1.0 ${image.digest}`,
      "1.1": `1.1.0 ${image.digest}`,
      "1.0": "1.0.1 this update's",
    });
  });

  test("pass over versions that have no image, as often as it takes", async () => {
    await publishForeign(github, "2.0.0");
    await publishForeign(github, "1.3.0");
    await publishForeign(github, "1.2.0");
    const { digest } = imageOf(registry, "1.2.0");
    await publishOurs(github, registry, "1.1.0");
    expect(brief(await sealed())).toEqual({
      latest: `1.2.0 ${digest}`,
      "1": `1.2.0 ${digest}`,
      "1.2": `1.2.0 ${digest}`,
      "1.1": "1.1.0 this update's",
    });
  });

  test("do not count drafts, prereleases and other tags", async () => {
    await github.draft({ tag_name: "v3.0.0" });
    imageOf(registry, "3.0.0");
    await publishOurs(github, registry, "2.0.0-rc.1");
    const draft = await github.draft({ tag_name: "nightly", body: "by hand" });
    await github.publish(draft);
    await publishOurs(github, registry, "1.0.0");
    expect(brief(await sealed())).toEqual(
      Object.fromEntries(["latest", "1", "1.0"].map((channel) => [channel, "1.0.0 this update's"])),
    );
  });

  test("leave a withdrawn version for the highest one that remains, and so does GitHub's mark", async () => {
    const { image } = await publishOurs(github, registry, "1.0.1");
    await publishOurs(github, registry, "1.1.0");
    const { channels, latest, facts } = await sealed({ withdrawn: ["1.1.0"] });
    expect(facts.version).toBe("1.1.0");
    expect(channels).toEqual([
      { channel: "latest", version: "1.0.1", digest: image.digest, withdrawn: ["1.1.0"] },
      { channel: "1", version: "1.0.1", digest: image.digest, withdrawn: ["1.1.0"] },
      { channel: "1.0", version: "1.0.1", digest: image.digest },
    ]);
    expect(latest).toBe("1.0.1");
  });

  test("whose line is withdrawn stay at the version of it that they hold", async () => {
    const { image } = await publishOurs(github, registry, "1.0.0");
    await publishOurs(github, registry, "1.0.1");
    await publishOurs(github, registry, "0.9.0");
    const held = registry.manifests.get(image.digest);
    if (held) registry.manifests.set("1.0", held);
    const { channels, latest } = await sealed({ withdrawn: ["1.0.0", "1.0.1"] });
    expect(channels.map(({ channel, version, withdrawn = [] }) => [channel, version, ...withdrawn])).toEqual([
      ["latest", "0.9.0", "1.0.0", "1.0.1"],
      ["0", "0.9.0"],
      ["0.9", "0.9.0"],
      // Nothing holds "1" in this registry, so nothing stays there.
      ["1.0", "1.0.0", "1.0.0", "1.0.1"],
    ]);
    expect(latest).toBe("0.9.0");
  });

  test("and GitHub's mark stay where all that is stable is withdrawn", async () => {
    const { image } = await publishOurs(github, registry, "1.0.0");
    for (const channel of ["latest", "1", "1.0"]) {
      const held = registry.manifests.get(image.digest);
      if (held) registry.manifests.set(channel, held);
    }
    const { channels, latest } = await sealed({ withdrawn: ["1.0.0"] });
    expect(channels).toEqual(
      ["latest", "1", "1.0"].map((channel) => ({
        channel,
        version: "1.0.0",
        digest: image.digest,
        withdrawn: ["1.0.0"],
      })),
    );
    expect(latest).toBeUndefined();
  });

  test("move on to a release that is higher than a withdrawn one, and to a fix of the line before it", async () => {
    await checkout();
    await publishOurs(github, registry, "1.0.0");
    await publishOurs(github, registry, "1.1.0");
    const higher = await candidate({ version: "1.1.1", withdrawn: ["1.1.0"] });
    expect(higher.candidate.latest).toBe(true);
    expect(higher.latest).toBe("1.1.1");
    expect(higher.channels.filter(({ channel }) => channel === "latest")).toEqual([
      { channel: "latest", version: "1.1.1" },
    ]);
    const fix = await candidate({ version: "1.0.1", withdrawn: ["1.1.0"] });
    expect(fix.candidate.latest).toBe(true);
    expect(fix.channels).toContainEqual({ channel: "latest", version: "1.0.1", withdrawn: ["1.1.0"] });
    expect((await candidate({ version: "1.0.1" })).candidate.latest).toBe(false);
  });

  test("leave a withdrawn version of another tool, and stand on what has an image", async () => {
    await publishForeign(github, "2.0.0");
    imageOf(registry, "2.0.0");
    await publishForeign(github, "1.9.0");
    await publishOurs(github, registry, "1.1.0");
    const { channels, latest } = await sealed({ withdrawn: ["2.0.0"] });
    expect(channels).toContainEqual({ channel: "latest", version: "1.1.0", withdrawn: ["2.0.0"] });
    // On GitHub a release needs no image.
    expect(latest).toBe("1.9.0");
  });

  test("pass over what somebody marked as a prerelease on GitHub", async () => {
    const draft = await github.draft({ tag_name: "v2.0.0", body: "by hand", prerelease: true });
    await github.publish(draft);
    imageOf(registry, "2.0.0");
    await publishOurs(github, registry, "1.1.0");
    const { latest, ...planned } = await sealed();
    expect(latest).toBe("1.1.0");
    expect(planned.channels.map(({ channel }) => channel)).toEqual(["latest", "1", "1.1"]);
  });

  test("always point at the highest version that has an image, each asked for once", async () => {
    await checkout();
    const version = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2)).map((numbers) => numbers.join("."));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ version, image: fc.boolean() }), {
          selector: ({ version }) => version,
          minLength: 1,
        }),
        async (others) => {
          const [own, ...published] = others;
          const withImage = new Set(
            others.filter((other) => other === own || other.image).map(({ version }) => version),
          );
          const asked: string[] = [];
          const digestOf: Registry["digestOf"] = async (tag) => {
            asked.push(tag);
            return withImage.has(tag.slice(1)) ? (`sha256:${tag}` as `sha256:${string}`) : undefined;
          };
          const { channels } = await planRelease(settings({ version: `${own?.version}` }), {
            ...connections,
            registry: { ...connections.registry, digestOf },
            github: {
              ...connections.github,
              releases: async () => published.map(({ version }) => foreign(version)),
              tagCommit: async () => undefined,
            },
          }).then((planned) => (planned.kind === "candidate" ? planned : { channels: [] }));
          expect(asked).toEqual([...new Set(asked)]);
          expect(channels.length).toBeGreaterThanOrEqual(3);
          for (const { channel, version, digest } of channels) {
            const inChannel = [...withImage].filter(
              (one) => channel === "latest" || `${one}.`.startsWith(`${channel}.`),
            );
            // Numbers of one digit: the order of the texts is the order of the versions.
            expect(version).toBe(inChannel.sort().at(-1));
            expect(digest).toBe(version === own?.version ? undefined : `sha256:v${version}`);
          }
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe("an older release of which something was lost", () => {
  let digests: Record<string, string>;
  const pointed = ({ channels }: Awaited<ReturnType<typeof sealed>>) =>
    Object.fromEntries(channels.map(({ channel, version, digest }) => [channel, [version, digest]]));

  beforeEach(async () => {
    digests = {};
    for (const version of ["1.1.0", "1.0.0", "1.0.1", "2.0.0-rc.1"]) {
      digests[version] = (await publishOurs(github, registry, version)).image.digest;
    }
    remembers({ current: "v2.0.0-rc.1", digests });
  });

  const standing = () => ({
    latest: ["1.1.0", digests["1.1.0"]],
    1: ["1.1.0", digests["1.1.0"]],
    "1.0": ["1.0.1", digests["1.0.1"]],
    "1.1": ["1.1.0", digests["1.1.0"]],
  });

  test.each([
    ["the tag of its image", () => registry.manifests.delete("v1.0.1")],
    [
      "its whole image",
      () => [...registry.manifests.keys()].map((name) => name !== "v1.1.0" && registry.manifests.delete(name)),
    ],
    [
      "its release on GitHub",
      () => {
        const repository = github.inspect.repository(github.repository);
        repository.releases = repository.releases.filter(({ tagName }) => tagName !== "v1.1.0");
      },
    ],
  ])("keeps its channels where they are: %s", async (_, lose) => {
    lose();
    const planned = await sealed({});
    expect(pointed(planned)).toEqual(standing());
    expect(planned.latest).toBe("1.1.0");
    expect(planned.facts.tag).toBe("v2.0.0-rc.1");
  });

  test("is not followed to another image: that is refused, naming both digests", async () => {
    const { digest } = putIndex(registry, "v1.0.1", {});
    expect(await refusal({})).toContain(
      `v1.0.1 is written once, and it is not what was published; nothing was changed:\nthe image's tag v1.0.1 points at ${digest}, recorded is ${digests["1.0.1"]}`,
    );
    // Withdrawn it keeps nothing from going on.
    expect(pointed(await sealed({ withdrawn: ["1.0.1"] }))["1.0"]).toEqual(["1.0.0", digests["1.0.0"]]);
  });

  test("can be withdrawn although somebody deleted it: its channels move on, and the stack stands for the one before it", async () => {
    const repository = github.inspect.repository(github.repository);
    repository.releases = repository.releases.filter(({ tagName }) => tagName !== "v1.1.0");
    registry.manifests.set("1.1", registry.manifests.get("v1.1.0") ?? { raw: Buffer.alloc(0), mediaType: "" });
    remembers({ current: "v1.1.0", digests });
    const planned = await sealed({ withdrawn: ["1.1.0"] });
    expect(planned.facts.tag).toBe("v2.0.0-rc.1");
    expect(planned.latest).toBe("1.0.1");
    expect(pointed(planned)).toEqual({
      latest: ["1.0.1", digests["1.0.1"]],
      1: ["1.0.1", digests["1.0.1"]],
      "1.0": ["1.0.1", digests["1.0.1"]],
      // Nothing else is in its line.
      "1.1": ["1.1.0", digests["1.1.0"]],
    });
    // Published again it would be without its mark.
    expect(await refusal({ version: "1.1.0", withdrawn: ["1.1.0"] })).toBe(
      'mount-monitor:withdrawn names "1.1.0", and this update releases it: release it first, or release the next version. ' +
        "Run: pulumi config rm --path 'mount-monitor:withdrawn[0]'",
    );
    // What nobody published is no more withdrawn than before.
    expect(await refusal({ withdrawn: ["1.1.0", "3.0.0"] })).toContain("v3.0.0 is not published");
  });

  test("is not marked as the latest of those that are left", async () => {
    const repository = github.inspect.repository(github.repository);
    repository.releases = repository.releases.filter(({ tagName }) => tagName !== "v1.1.0");
    await checkout();
    const planned = await plan({ version: "1.0.2" });
    expect(planned).toMatchObject({ kind: "candidate", latest: "1.1.0", candidate: { latest: false } });
  });
});

describe("a withdrawal", () => {
  test("is refused with all that is wrong with it, before anything is looked at", async () => {
    await publishOurs(github, registry, "1.0.0");
    await github.draft({ tag_name: "v1.3.0" });
    const message = await refusal({ version: "1.1.0", withdrawn: ["1.0.0", "1.1.0", "1.2.0", "1.3.0"] });
    expect(message.split("\n").map((line) => line.split(/[,:] (?:and|release|only)/)[0])).toEqual([
      'mount-monitor:withdrawn names "1.1.0"',
      'mount-monitor:withdrawn names "1.2.0"',
      'mount-monitor:withdrawn names "1.3.0"',
    ]);
    expect(message).toContain("v1.3.0 is not published");
    expect(buildkitVersion).not.toHaveBeenCalled();
  });

  test("is not taken back by a tag, but by the list alone", async () => {
    await publishOurs(github, registry, "1.0.0");
    const [release] = github.inspect.releases(github.repository);
    const marked = markWithdrawn({ title: release?.name ?? "", body: release?.body ?? "" }, "1.0.0", STACK);
    Object.assign(release ?? {}, { name: marked.title, body: marked.body });
    for (const tag of ["v1.0.0", "nightly"]) {
      expect(await refusal({ tag })).toContain('mount-monitor:withdrawn does not name "1.0.0", which is withdrawn now');
    }
    for (const asked of [{}, { version: "1.0.0" }, { tag: "v1.0.0", withdrawn: ["1.0.0"] }]) {
      expect((await sealed(asked)).facts.version).toBe("1.0.0");
    }
    // The mark of another stack is its own business.
    expect((await planRelease(settings({ tag: "nightly" }), { ...connections, stack: "staging" })).kind).toBe("none");
  });
});

function foreign(version: string): Release {
  return {
    id: 1,
    tagName: `v${version}`,
    draft: false,
    prerelease: false,
    title: "",
    body: "",
    createdAt: "",
    publishedAt: "",
    targetCommitish: "",
    htmlUrl: "",
    uploadUrl: "",
    immutable: false,
    assets: [],
  };
}
