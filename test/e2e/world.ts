import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { startGitHub } from "../../rehearsal/github/server.ts";
import type { Release } from "../../rehearsal/github/state.ts";

const REPOSITORY = "octo-example/mount-monitor";

/** What a rehearsal left behind, read from the storage of its registry and of its GitHub, not through our own clients. */
export interface World extends AsyncDisposable {
  release(tag: string): Release;
  releases(): readonly Release[];
  /** Notes of a release, with the hidden marker. */
  notes(tag: string): string;
  /** Name → bytes. */
  assets(tag: string): Record<string, Buffer>;
  /** The assets of a release, written into a new directory. */
  download(tag: string): Promise<{ directory: string; assets: string[] }>;
  /** Tag of the release with GitHub's "Latest" mark. */
  latestRelease(): Promise<string | undefined>;
  /** Everything that readers can see of a version. */
  published(version: string): Promise<unknown>;
  /** Digest that a tag of the image points at. */
  digestOf(tag: string): Promise<string>;
  /** SHA-256 of a file in the image of one platform. */
  binaryInImage(tag: string, platform: string, path: string): Promise<string | undefined>;
  /** `config` of the image of one platform. */
  // biome-ignore lint/suspicious/noExplicitAny: an image configuration as it is stored
  imageConfig(tag: string, platform: string): Promise<any>;
  tamper: Awaited<ReturnType<typeof startGitHub>>["inspect"];
}

/** Opens what the rehearsal in `project` keeps; no rehearsal may be running there. */
export async function openWorld(project: string): Promise<World> {
  const github = await startGitHub({ port: 0, dataDir: join(project, ".local/github"), token: "reader" });
  const storage = join(project, ".local/registry/docker/registry/v2");
  const { inspect } = github;

  const release = (tag: string) => {
    const [found, ...others] = inspect.releases(REPOSITORY, tag);
    if (!found || others.length > 0) throw new Error(`${tag}: ${others.length + (found ? 1 : 0)} releases`);
    return found;
  };
  const blob = (digest: string) => readFile(join(storage, "blobs/sha256", digest.slice(7, 9), digest.slice(7), "data"));
  const json = async (digest: string) => JSON.parse((await blob(digest)).toString());
  const digestOf = async (tag: string) =>
    (await readFile(join(storage, "repositories", REPOSITORY, "_manifests/tags", tag, "current/link"), "utf8")).trim();
  const manifestOf = async (tag: string, platform: string) => {
    const index = await json(await digestOf(tag));
    const entry = index.manifests.find(
      (candidate: { platform: { os: string; architecture: string } }) =>
        `${candidate.platform.os}/${candidate.platform.architecture}` === platform,
    );
    return json(entry.digest);
  };
  const assets = (tag: string) =>
    Object.fromEntries(release(tag).assets.map(({ name }) => [name, inspect.assetBytes(REPOSITORY, tag, name)]));

  return {
    release,
    assets,
    digestOf,
    tamper: inspect,
    releases: () => inspect.releases(REPOSITORY),
    notes: (tag) => release(tag).body ?? "",
    async download(tag) {
      const directory = await mkdtemp(join(tmpdir(), "download-"));
      for (const [name, bytes] of Object.entries(assets(tag))) {
        await writeFile(join(directory, name), bytes);
      }
      return { directory, assets: Object.keys(assets(tag)) };
    },
    async latestRelease() {
      const response = await fetch(`${github.apiUrl}/repos/${REPOSITORY}/releases/latest`);
      return ((await response.json()) as { tag_name?: string }).tag_name;
    },
    async published(version) {
      const tag = `v${version}`;
      return {
        release: release(tag),
        commit: inspect.tags(REPOSITORY)[tag],
        assets: Object.entries(assets(tag)).map(([name, bytes]) => [name, sha256(bytes)]),
        digest: await digestOf(tag),
        index: await json(await digestOf(tag)),
      };
    },
    async binaryInImage(tag, platform, path) {
      for (const layer of (await manifestOf(tag, platform)).layers.reverse()) {
        const entry = await fileIn(gunzipSync(await blob(layer.digest)), path);
        if (entry) return sha256(entry);
      }
      return undefined;
    },
    async imageConfig(tag, platform) {
      return (await json((await manifestOf(tag, platform)).config.digest)).config;
    },
    [Symbol.asyncDispose]: () => github.stop(),
  };
}

async function fileIn(tar: Buffer, path: string): Promise<Buffer | undefined> {
  let found: Buffer | undefined;
  const reading = extract();
  reading.on("entry", (header, stream, next) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("end", () => {
      if (header.name === path) found = Buffer.concat(pieces);
      next();
    });
  });
  Readable.from([tar]).pipe(reading);
  await once(reading, "finish");
  return found;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
