import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RequestRecord } from "../../rehearsal/github/history.ts";
import { latestRelease } from "../../rehearsal/github/publication.ts";
import { openRegistryStorage } from "../e2e/registry-storage.ts";
import { type Asked, type Ended, type Lane, namesIn, REPOSITORY, SECRET, TOKEN } from "./lane.ts";
import type { RegistryRequest } from "./registry-proxy.ts";
import { deploymentIn, digestOf, LOCKS, remainsOf, STATE } from "./remains.ts";

const PLATFORMS = ["linux/amd64", "linux/arm64"];
const ASSETS = [
  "artifacts.json",
  "checksums.txt",
  "metadata.json",
  "mount-monitor-linux-amd64",
  "mount-monitor-linux-arm64",
];

/** What readers get: digests and checksums, without ids and times. */
export interface Published {
  /** By tag. */
  readonly releases: Readonly<Record<string, PublishedRelease>>;
  /** Every other tag of the image → digest. */
  readonly channels: Readonly<Record<string, string>>;
  /** Tag of the release that GitHub shows as the latest. */
  readonly latest: string | undefined;
  /** What the state's ledger says of every release. */
  readonly ledger: unknown;
}

interface PublishedRelease {
  readonly title: string | null;
  readonly commit: string | undefined;
  /** Name → SHA-256 hex. */
  readonly assets: Readonly<Record<string, string>>;
  readonly index: string;
}

/**
 * What must hold at any moment, whatever came in between: I1 to I4 and I6 of faults.md, on the history of requests and
 * on what is stored. One sentence for each violation.
 */
export async function violations(lane: Lane): Promise<string[]> {
  const { releases } = lane.github.inspect.repository(REPOSITORY);
  const published = releases.filter(({ draft }) => !draft);
  const doubled = published.filter(
    ({ tagName }, index) => published.findIndex((one) => one.tagName === tagName) !== index,
  );
  const checked = await Promise.all(published.map(({ tagName }) => publishedProblems(lane, tagName)));
  return [
    ...doubled.map(({ tagName }) => `I1: more than one release of ${tagName}`),
    ...checked.flat(),
    ...writesAfterPublication(lane),
    ...(await secretsIn(lane)),
  ];
}

/**
 * What must hold once the last run has succeeded: all of {@link violations}, one release and no draft (I1), and nothing
 * left to do or pending (I5).
 *
 * @param asked what the last run was asked for, and so the next one
 * @param versions the releases that there must be
 */
export async function convergenceProblems(
  lane: Lane,
  last: Ended,
  asked: Asked = {},
  versions: readonly string[] = ["1.0.0"],
): Promise<string[]> {
  const releases = lane.github.inspect.releases(REPOSITORY);
  const found = releases.map(({ tagName, draft }) => `${tagName}${draft ? " (draft)" : ""}`).sort();
  const wanted = versions.map((version) => `v${version}`).sort();
  return [
    ...(last.code === 0 ? [] : [`the last run ended with ${last.code}:\n${last.shown.slice(-3000)}`]),
    ...(String(found) === String(wanted)
      ? []
      : [`I1: the releases are ${found.join(", ") || "none"}, not ${wanted.join(", ")}`]),
    ...(await changesOfNextRun(lane, asked)),
    ...(await pendingIn(lane)),
    ...(await violations(lane)),
  ];
}

// Digests of what was there and wanted when a preview said that nothing is to be done.
const unchanged = new Set<string>();

/**
 * I5: what the next run would do. A preview depends on nothing but what there is and what is asked for, so the same is
 * not previewed twice.
 */
async function changesOfNextRun(lane: Lane, { settings = {} }: Asked): Promise<string[]> {
  const known = digestOf(`${remainsOf(lane)}${JSON.stringify(settings)}`);
  if (unchanged.has(known)) return [];
  const { code, shown } = await lane.update({ settings, operations: ["preview"] });
  if (code !== 0 || !/Resources:\n\s+\d+ unchanged(\n|$)/.test(shown)) {
    return [`I5: the next run is not 0 changes:\n${shown.slice(-1500)}`];
  }
  unchanged.add(known);
  return [];
}

/** What readers get, from what the services and the backend have stored. */
export async function readPublished(lane: Lane): Promise<Published> {
  const { inspect } = lane.github;
  const { releases } = inspect.repository(REPOSITORY);
  const storage = openRegistryStorage(lane.storage, REPOSITORY);
  const tags = (await storage.tags()).toSorted();
  const digests = new Map(await Promise.all(tags.map(async (tag) => [tag, await storage.digestOf(tag)] as const)));
  const published = releases.map(({ tagName, name, assets }): [string, PublishedRelease] => [
    tagName,
    {
      title: name,
      commit: inspect.tags(REPOSITORY)[tagName],
      assets: Object.fromEntries(
        assets
          .map((asset) => [asset.name, sha256(inspect.assetBytes(REPOSITORY, tagName, asset.name))] as const)
          .sort(),
      ),
      index: digests.get(tagName) ?? "",
    },
  ]);
  const versions = new Set(releases.map(({ tagName }) => tagName));
  return {
    releases: Object.fromEntries(published.sort(([left], [right]) => (left < right ? -1 : 1))),
    channels: Object.fromEntries([...digests].filter(([tag]) => !versions.has(tag))),
    latest: latestRelease(inspect.repository(REPOSITORY))?.tagName,
    ledger: ledgerIn(lane),
  };
}

function ledgerIn({ local }: Lane): unknown {
  const { resources = [] } = deploymentIn(join(local, STATE)) ?? {};
  return resources.find(({ type }: { type: string }) => type.endsWith("release:Ledger"))?.outputs?.releases;
}

async function publishedProblems(lane: Lane, tag: string): Promise<string[]> {
  const { inspect } = lane.github;
  const problems: string[] = [];
  const assets = inspect.releases(REPOSITORY, tag).find(({ draft }) => !draft)?.assets ?? [];
  const names = assets.map(({ name }) => name).sort();
  if (String(names) !== String(ASSETS)) problems.push(`I2: ${tag} is published with the assets ${names.join(", ")}`);
  for (const { name, state } of assets) {
    if (state !== "uploaded") problems.push(`I2: asset ${name} of ${tag} is ${state}`);
  }
  const bytes = (name: string) => inspect.assetBytes(REPOSITORY, tag, name);
  const listed = names.includes("checksums.txt")
    ? String(bytes("checksums.txt"))
        .trimEnd()
        .split("\n")
        .map((line) => line.split("  "))
    : [];
  const checksums = new Map(listed.map(([checksum = "", name = ""]) => [name, checksum]));
  for (const [name, checksum] of checksums) {
    const found = names.includes(name) ? sha256(bytes(name)) : "missing";
    if (found !== checksum) problems.push(`I2: asset ${name} of ${tag} is ${found}, checksums.txt has ${checksum}`);
  }
  const registry = openRegistryStorage(lane.storage, REPOSITORY);
  try {
    const { manifests } = await registry.json(await registry.digestOf(tag));
    const platforms = manifests.map(
      ({ platform }: { platform: { os: string; architecture: string } }) => `${platform.os}/${platform.architecture}`,
    );
    if (String(platforms.sort()) !== String(PLATFORMS)) problems.push(`I3: the index of ${tag} has ${platforms}`);
    for (const platform of PLATFORMS) {
      const found = await registry.binaryInImage(tag, platform, "mount-monitor");
      const released = checksums.get(`mount-monitor-${platform.replace("/", "-")}`);
      if (released === undefined || found !== released) {
        problems.push(`I3: the image of ${tag} holds ${found} for ${platform}, released was ${released}`);
      }
    }
  } catch (error) {
    problems.push(`I3: the image of ${tag} is not whole: ${error}`);
  }
  return problems;
}

/** I4: what was applied to a release, its assets or its version tag after it was published, and all that was deleted. */
function writesAfterPublication(lane: Lane): string[] {
  const github: readonly RequestRecord[] = lane.github.history;
  const registry: readonly RegistryRequest[] = lane.registry.history;
  // Of a release that somebody deleted nobody knows the tag any more: any version's then.
  const tags = new Map(lane.github.inspect.releases(REPOSITORY).map(({ id, tagName }) => [String(id), tagName]));
  const publications = github.filter(
    ({ method, path, summary, applied }) =>
      applied && method === "PATCH" && /\/releases\/\d+$/.test(path) && summary.includes('"draft":false'),
  );
  return publications.flatMap(({ path, time }) => {
    const tag = tags.get(path.slice(path.lastIndexOf("/") + 1));
    const own = github.filter((request) => request.time > time && request.applied && isWriteTo(path, request));
    const tagged = registry.filter(
      (request) =>
        request.time > time &&
        ((request.method === "PUT" && request.applied === 201 && isTagOf(tag, request.path)) ||
          (request.method === "DELETE" && request.applied === 202)),
    );
    return [...own, ...tagged].map((request) => `I4: ${request.method} ${request.path} after ${path} was published`);
  });
}

function isTagOf(tag: string | undefined, path: string): boolean {
  const [, reference = ""] = /\/manifests\/([^/]*)$/.exec(path) ?? [];
  return tag === undefined ? reference.startsWith("v") : reference === tag;
}

function isWriteTo(release: string, { method, path }: RequestRecord): boolean {
  return (
    path.startsWith(release) ||
    /\/git\/refs\/tags/.test(path) ||
    (method === "DELETE" && path.includes("/releases/assets/"))
  );
}

/** I5: operations that the state calls pending, and locks. */
async function pendingIn({ local }: Lane): Promise<string[]> {
  const file = join(local, "state/.pulumi/stacks/mount-monitor/local.json");
  const state = JSON.parse(await readFile(file, "utf8"));
  const pending: { type: string; resource: { urn: string } }[] = state.checkpoint.latest.pending_operations ?? [];
  const locks = await namesIn(join(local, LOCKS));
  return [
    ...pending.map(({ type, resource }) => `I5: ${type} ${resource.urn} is pending`),
    ...locks.map((name) => `I5: the lock ${name} is left`),
  ];
}

/** I6: where a secret can be read: state, logs, working files, the registry's storage, what was shown. */
async function secretsIn({ directory, storage, local, shown }: Lane): Promise<string[]> {
  const secrets = [TOKEN, SECRET].flatMap((secret) => [
    secret,
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("hex"),
  ]);
  const places = [local, join(directory, ".build"), join(directory, "docker-context"), storage];
  const files = (
    await Promise.all(
      places.map(async (place) =>
        (
          await readdir(place, { recursive: true, withFileTypes: true }).catch(() => [])
        )
          .filter((entry) => entry.isFile() && !/^(pulumi|pulumi-resource-.*)$/.test(entry.name))
          .map((entry) => join(entry.parentPath, entry.name)),
      ),
    )
  ).flat();
  const found = await Promise.all(
    files.map(async (file) => {
      // As bytes: most of it is binaries, which are text to nobody.
      const bytes = await readFile(file).catch(() => Buffer.alloc(0));
      return secrets.some((secret) => bytes.includes(secret)) ? [`I6: ${file} holds a secret`] : [];
    }),
  );
  return [...found.flat(), ...(secrets.some((secret) => shown().includes(secret)) ? ["I6: a secret was shown"] : [])];
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
