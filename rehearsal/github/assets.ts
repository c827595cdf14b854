import { createHmac } from "node:crypto";
import { z } from "zod";
import { user } from "./accounts.ts";
import { readBody } from "./body.ts";
import { type App, type Call, commit, loginOf, repositoryOf, type Service } from "./context.ts";
import { GitHubError, notFound, unprocessable, validationFailed } from "./error.ts";
import { apiOf, type Links, nodeId, pathOf, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import { latestRelease } from "./publication.ts";
import type { Asset, Release, Repository } from "./state.ts";
import type { Store } from "./store.ts";
import { isVisible, releaseOf } from "./visible-release.ts";

const PatchBody = z.object({
  name: z.string().optional(),
  label: z.string().nullable().optional(),
  state: z.enum(["uploaded"]).optional(),
});

/** Routes of assets on the API host. https://docs.github.com/rest/releases/assets */
export function assetRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/releases/:id{[0-9]+}/assets", (call) => {
    const repository = repositoryOf(call, store);
    const release = releaseOf(call, repository);
    return call.json(page(call, release.assets, links).map((asset) => presentAsset(links, repository, release, asset)));
  });

  app.get("/repos/:owner/:repo/releases/assets/:asset{[0-9]+}", (call) => {
    const { repository, release, asset } = assetOf(call, store);
    if (!call.req.header("accept")?.includes("application/octet-stream")) {
      return call.json(presentAsset(links, repository, release, asset));
    }
    if (asset.state !== "uploaded") throw notFound();
    return call.redirect(storageAddress(links, store, asset), 302);
  });

  app.patch("/repos/:owner/:repo/releases/assets/:asset{[0-9]+}", async (call) => {
    repositoryOf(call, store, "push");
    const body = await readBody(call, PatchBody);
    const { repository, release, asset } = assetOf(call, store);
    if (release.immutable) throw sealed("Cannot update asset on an immutable release");
    const name = cleanName(body.name ?? asset.name);
    if (release.assets.some((other) => other !== asset && other.name === name)) throw nameTaken();
    Object.assign(asset, { name, label: body.label === undefined ? asset.label : body.label, updatedAt: store.time() });
    commit(call, store);
    return call.json(presentAsset(links, repository, release, asset));
  });

  app.delete("/repos/:owner/:repo/releases/assets/:asset{[0-9]+}", (call) => {
    repositoryOf(call, store, "push");
    const { release, asset } = assetOf(call, store);
    if (release.immutable) throw sealed("Cannot delete asset from an immutable release");
    release.assets = release.assets.filter((other) => other !== asset);
    commit(call, store);
    return call.body(null, 204);
  });
}

/** The one route of the upload host. https://docs.github.com/rest/releases/assets#upload-a-release-asset */
export function uploadRoutes(app: App, { store, links }: Service): void {
  app.post("/repos/:owner/:repo/releases/:id{[0-9]+}/assets", async (call) => {
    const repository = repositoryOf(call, store, "push");
    const release = releaseOf(call, repository);
    if (call.req.header("content-length") === undefined) throw new GitHubError(400, "Bad Content-Length: ");
    const bytes = Buffer.from(await call.req.arrayBuffer());
    const asset = reserve(call, store, release);
    if (bytes.length === 0) {
      throw validationFailed({
        resource: "ReleaseAsset",
        code: "custom",
        field: "size",
        message: "size must be at least 1",
      });
    }
    asset.state = "uploaded";
    asset.size = bytes.length;
    asset.sha256 = store.putContent(bytes);
    release.assets.push(asset);
    release.updatedAt = asset.updatedAt;
    commit(call, store);
    return call.json(presentAsset(links, repository, release, asset), 201);
  });

  // What a broken upload leaves behind; only the server itself calls this, see server.ts.
  app.on("STARTER", "/repos/:owner/:repo/releases/:id{[0-9]+}/assets", (call) => {
    const release = releaseOf(call, repositoryOf(call, store, "push"));
    release.assets.push(reserve(call, store, release));
    commit(call, store);
    return call.body(null, 204);
  });
}

/** Browser downloads and the storage behind all downloads. */
export function downloadRoutes(web: App, storage: App, { store, links }: Service): void {
  web.get("/:owner/:repo/releases/download/:rest{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const [, tag = "", name = ""] = /^(.+)\/([^/]+)$/.exec(call.req.param("rest")) ?? [];
    const release = repository.releases.find(({ draft, tagName }) => !draft && tagName === tag);
    return download(
      call,
      release?.assets.find((asset) => asset.name === name),
    );
  });

  web.get("/:owner/:repo/releases/latest/download/:name", (call) => {
    const repository = repositoryOf(call, store);
    return download(
      call,
      latestRelease(repository)?.assets.find(({ name }) => name === call.req.param("name")),
    );
  });

  storage.get("/assets/:asset{[0-9]+}", (call) => {
    const found = store.asset(Number(call.req.param("asset")));
    if (!found || call.req.query("sig") !== signature(store, found.asset))
      return call.text("AuthenticationFailed", 403);
    found.asset.downloads++;
    const bytes = store.content(found.asset);
    return call.body(new Uint8Array(bytes), 200, {
      "Content-Type": "application/octet-stream",
      "Content-Disposition": `attachment; filename=${found.asset.name}`,
      "Content-Length": String(bytes.length),
    });
  });

  function download(call: Call, asset: Asset | undefined): Response {
    if (asset?.state !== "uploaded") throw notFound();
    return call.redirect(storageAddress(links, store, asset), 302);
  }
}

/** An asset as GitHub shows it. */
export function presentAsset(links: Links, repository: Repository, release: Release, asset: Asset) {
  const tag = pathOf(release.draft ? release.untagged : release.tagName);
  return {
    url: `${apiOf(links, repository)}/releases/assets/${asset.id}`,
    id: asset.id,
    node_id: nodeId("RA", asset.id),
    name: asset.name,
    label: asset.label,
    uploader: user(links, asset.uploader),
    content_type: asset.contentType,
    state: asset.state,
    size: asset.size,
    digest: asset.sha256 === null ? null : `sha256:${asset.sha256}`,
    download_count: asset.downloads,
    created_at: asset.createdAt,
    updated_at: asset.updatedAt,
    browser_download_url: `${webOf(links, repository)}/releases/download/${tag}/${encodeURIComponent(asset.name)}`,
  };
}

/** An asset that has its name, but no bytes yet. */
function reserve(call: Call, store: Store, release: Release): Asset {
  const name = cleanName(call.req.query("name") ?? "");
  if (name === "") throw unprocessable("Invalid name for request");
  if (release.immutable) throw unprocessable("Cannot upload assets to an immutable release.");
  if (release.assets.some((other) => other.name === name)) throw nameTaken();
  const time = store.time();
  return {
    id: store.newId(),
    name,
    label: call.req.query("label") ?? "",
    contentType: call.req.header("content-type") ?? "application/octet-stream",
    state: "starter",
    size: 0,
    sha256: null,
    downloads: 0,
    uploader: loginOf(call),
    createdAt: time,
    updatedAt: time,
  };
}

function assetOf(call: Call, store: Store): { repository: Repository; release: Release; asset: Asset } {
  const repository = repositoryOf(call, store);
  const found = store.asset(Number(call.req.param("asset")));
  if (found?.repository !== repository || !isVisible(call, found.release)) throw notFound();
  return found;
}

/** GitHub replaces what is special in a file name by periods. */
function cleanName(name: string): string {
  return name.replace(/[^\w+@~-]+/g, ".").replace(/^\.+|\.+$/g, "");
}

function nameTaken(): GitHubError {
  return validationFailed({ resource: "ReleaseAsset", code: "already_exists", field: "name" });
}

function sealed(message: string): GitHubError {
  return validationFailed({ resource: "ReleaseAsset", code: "custom", message });
}

function storageAddress(links: Links, store: Store, asset: Asset): string {
  return `${links.storage}/assets/${asset.id}?sig=${signature(store, asset)}`;
}

function signature(store: Store, asset: Asset): string {
  return createHmac("sha256", store.state.keyPair.privateKey).update(String(asset.id)).digest("hex");
}
