import { createHash } from "node:crypto";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { provisionKit } from "../../kit/provision.ts";
import { startGitHub } from "../../rehearsal/github/server.ts";
import type { Release } from "../../rehearsal/github/state.ts";
import { type Services, startServices } from "../../rehearsal/services/services.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";
import { openRegistryStorage } from "./registry-storage.ts";

/** Repository that a rehearsal releases. */
export const REPOSITORY = "octo-example/mount-monitor";

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
  /** What a client that is not ours (buildx) reads from the registry, over TLS. */
  inspectWithBuildx(tag: string): Promise<{ digest: string; platforms: Record<string, string> }>;
  tamper: Awaited<ReturnType<typeof startGitHub>>["inspect"];
}

/** Opens what the rehearsal in `project` keeps; no rehearsal may be running there. */
export async function openWorld(project: string, repository = REPOSITORY): Promise<World> {
  const github = await startGitHub({
    port: 0,
    dataDir: join(project, ".local/github"),
    token: "reader",
    onResponse: validateExchange,
  });
  const { json, digestOf, manifestOf, binaryInImage } = openRegistryStorage(
    join(project, ".local/registry/docker/registry/v2"),
    repository,
  );
  const { inspect } = github;

  const release = (tag: string) => {
    const [found, ...others] = inspect.releases(repository, tag);
    if (!found || others.length > 0) throw new Error(`${tag}: ${others.length + (found ? 1 : 0)} releases`);
    return found;
  };
  const assets = (tag: string) =>
    Object.fromEntries(release(tag).assets.map(({ name }) => [name, inspect.assetBytes(repository, tag, name)]));

  return {
    release,
    assets,
    digestOf,
    binaryInImage,
    tamper: inspect,
    releases: () => inspect.releases(repository),
    notes: (tag) => release(tag).body ?? "",
    async download(tag) {
      const directory = await mkdtemp(join(project, ".local/download-"));
      for (const [name, bytes] of Object.entries(assets(tag))) {
        await writeFile(join(directory, name), bytes);
      }
      return { directory, assets: Object.keys(assets(tag)) };
    },
    async latestRelease() {
      const response = await fetch(`${github.apiUrl}/repos/${repository}/releases/latest`);
      return ((await response.json()) as { tag_name?: string }).tag_name;
    },
    async published(version) {
      const tag = `v${version}`;
      return {
        release: release(tag),
        commit: inspect.tags(repository)[tag],
        assets: Object.entries(assets(tag)).map(([name, bytes]) => [name, sha256(bytes)]),
        digest: await digestOf(tag),
        index: await json(await digestOf(tag)),
      };
    },
    async imageConfig(tag, platform) {
      return (await json((await manifestOf(tag, platform)).config.digest)).config;
    },
    async inspectWithBuildx(tag) {
      await using registry = await openServices(project);
      return await registry.inspect(tag);
    },
    [Symbol.asyncDispose]: () => github.stop(),
  };
}

/** Registry and builder of a rehearsal, up; and buildx as a maintainer uses it by hand. */
export interface OpenServices extends AsyncDisposable {
  readonly services: Services;
  /** Image reference without a tag. */
  readonly image: string;
  buildx(...args: string[]): Promise<string>;
  inspect(tag: string): Promise<{ digest: string; platforms: Record<string, string> }>;
}

/** Starts what a rehearsal in `project` pushes to; no rehearsal may be running there. */
export async function openServices(project: string): Promise<OpenServices> {
  const services = await startServices({
    local: join(project, ".local"),
    kit: await provisionKit({ report: () => {} }),
    report: () => {},
  });
  const image = `${services.registry.address}/${REPOSITORY}`;
  // buildx takes a registry on the loopback interface for a plain one, unless a builder's configuration says otherwise;
  // its remote driver refuses such a configuration, so this builder is only good for looking.
  const inspector = "inspector";
  const instances = join(services.dockerConfig, "buildx/instances");
  const builder = JSON.parse(await readFile(join(instances, services.builder), "utf8"));
  builder.Nodes[0].Files = {
    "buildkitd.toml": await readFile(join(project, ".local/buildkitd.toml"), "base64"),
  };
  await writeFile(join(instances, inspector), JSON.stringify({ ...builder, Name: inspector }));
  const buildx = async (...args: string[]) =>
    (await execa("buildx", args, { env: services.env, stripFinalNewline: false })).stdout;
  return {
    services,
    image,
    buildx,
    async inspect(tag) {
      const raw = await buildx("imagetools", "inspect", "--builder", inspector, "--raw", `${image}:${tag}`);
      const { manifests }: { manifests: { digest: string; platform: { os: string; architecture: string } }[] } =
        JSON.parse(raw);
      return {
        digest: `sha256:${sha256(Buffer.from(raw))}`,
        platforms: Object.fromEntries(
          manifests.map(({ digest, platform }) => [`${platform.os}/${platform.architecture}`, digest]),
        ),
      };
    },
    [Symbol.asyncDispose]: () => services.stop(),
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
