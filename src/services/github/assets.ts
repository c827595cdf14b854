import { z } from "zod";
import { sha256 } from "../../model/checksums.ts";
import { quoted, shown } from "../../model/quotation.ts";
import { type Patience, writeOnce } from "../retry.ts";
import { ServiceError } from "../service-error.ts";
import { type Api, pageSize } from "./api.ts";
import { type Asset, assetSchema, type Release } from "./release.ts";

/** A file to attach to a release. */
export interface Upload {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** Bytes. */
  readonly size: number;
  /** SHA-256, hex. */
  readonly checksum: string;
}

/** Reads and writes the assets of one repository's releases. */
export interface Assets {
  uploadAsset(release: Release, upload: Upload): Promise<Asset>;
  downloadAsset(asset: Asset): Promise<Buffer<ArrayBuffer>>;
  deleteAsset(asset: Pick<Asset, "id">): Promise<void>;
}

/** Assets over GitHub's API. @param place `owner` and `repo` */
export function createAssets(
  api: Api,
  place: { readonly owner: string; readonly repo: string },
  patience: Patience,
  report?: (line: string) => void,
): Assets {
  return { uploadAsset, downloadAsset, deleteAsset };

  async function uploadAsset(release: Release, upload: Upload): Promise<Asset> {
    if (upload.bytes.length !== upload.size) {
      throw new Error(
        `${upload.name} has ${upload.bytes.length} bytes, recorded are ${upload.size}: it was changed after it was built`,
      );
    }
    const known = await settled(release, upload, release.assets);
    return (
      known ??
      writeOnce(
        async () => accepted(upload, await send(release, upload)),
        async () => settled(release, upload, await listed(release)),
        patience,
        report,
      )
    );
  }

  /** The asset when it is there as it should be; a broken one is removed, and with another content it is refused. */
  async function settled(release: Release, upload: Upload, assets: readonly Asset[]): Promise<Asset | undefined> {
    const found = assets.find(({ name }) => name === upload.name);
    if (found && found.state !== "uploaded") {
      await deleteAsset(found);
      return undefined;
    }
    if (found && (found.size !== upload.size || (await checksumOf(found)) !== upload.checksum)) {
      throw new Error(
        `release ${release.tagName} has an asset ${upload.name} with another content (${found.size} bytes, ${found.digest ?? "no digest given"}; ` +
          `this one: ${upload.size} bytes, sha256:${upload.checksum}). It was not changed: delete it on GitHub if it is wrong`,
      );
    }
    return found;
  }

  /** The answer to an upload is only good when GitHub holds the very bytes. */
  async function accepted(upload: Upload, asset: Asset): Promise<Asset> {
    if (asset.name !== upload.name) {
      await deleteAsset(asset);
      throw new Error(
        `GitHub stores ${upload.name} under the name ${shown(asset.name)}: choose a name of letters, digits, ".", "_" and "-"`,
      );
    }
    if (asset.state !== "uploaded") {
      throw lost(`GitHub took ${upload.name} only in part (state ${quoted(asset.state)})`);
    }
    const checksum = await checksumOf(asset);
    if (asset.size !== upload.size || checksum !== upload.checksum) {
      await deleteAsset(asset);
      throw new Error(
        `GitHub received ${upload.name} with ${asset.size} bytes, SHA-256 ${checksum}; it should be ${upload.size} bytes, SHA-256 ${upload.checksum}. ` +
          "It was changed on this machine or on the way, and is removed again: run it once more",
      );
    }
    return asset;
  }

  async function send(release: Release, { name, contentType, bytes }: Upload): Promise<Asset> {
    const target = uploadTarget(api.url, release.uploadUrl);
    try {
      return await api.call(assetSchema, (ask) =>
        ask({ method: "POST", url: target, baseUrl: "", name, headers: { "content-type": contentType }, data: bytes }),
      );
    } catch (error) {
      // An earlier attempt whose reply was lost, or what a broken one left: which of both is looked up.
      if (error instanceof ServiceError && error.status === 422 && error.text.includes("already_exists")) {
        throw lost(error.message);
      }
      throw error;
    }
  }

  // The listing of releases leaves broken uploads out; this one shows them.
  function listed({ id }: Release): Promise<Asset[]> {
    return api.list(assetSchema, (ask, page) =>
      ask("GET /repos/{owner}/{repo}/releases/{release_id}/assets", {
        ...place,
        release_id: id,
        per_page: pageSize,
        page,
      }),
    );
  }

  async function checksumOf(asset: Asset): Promise<string> {
    return asset.digest?.replace("sha256:", "") ?? sha256(await downloadAsset(asset));
  }

  async function downloadAsset(asset: Asset): Promise<Buffer<ArrayBuffer>> {
    const content = await api.call(z.instanceof(ReadableStream<Uint8Array<ArrayBuffer>>), (ask) =>
      ask("GET /repos/{owner}/{repo}/releases/assets/{asset_id}", {
        ...place,
        asset_id: asset.id,
        headers: { accept: "application/octet-stream", "accept-encoding": "identity" },
        // GitHub sends on to its storage, which signs its addresses and must not see the token.
        request: { redirect: "follow", parseSuccessResponseBody: false },
      }),
    );
    const bytes = Buffer.from(await new Response(content).arrayBuffer());
    if (bytes.length !== asset.size || (asset.digest !== undefined && asset.digest !== `sha256:${sha256(bytes)}`)) {
      throw new Error(
        `asset ${shown(asset.name)} came with ${bytes.length} bytes, SHA-256 ${sha256(bytes)}; GitHub lists ${asset.size} bytes, ${asset.digest ?? "no digest"}: something between here and GitHub changed it. Run again, or check githubUrl`,
      );
    }
    return bytes;
  }

  async function deleteAsset({ id }: Pick<Asset, "id">): Promise<void> {
    // Gone already is gone, too: the reply of an earlier attempt may have been lost.
    await api.find(z.unknown(), (ask) =>
      ask("DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}", { ...place, asset_id: id }),
    );
  }
}

/**
 * The upload address of a release, only when it belongs to the same GitHub as the API: it gets the credential, and it
 * comes from an answer. github.com and ghe.com upload to `uploads.` beside `api.`, a server of one's own to itself.
 * Source: https://docs.github.com/en/enterprise-cloud@latest/admin/configuring-settings/configuring-github-connect/enabling-github-connect-for-ghecom#prerequisites
 *
 * @param template URI template as GitHub gives it, `…/assets{?name,label}`
 * @throws naming the host otherwise
 */
export function uploadTarget(api: URL, template: string): string {
  const address = template.replace(/\{[^}]*\}$/, "");
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const uploads = `uploads.${api.host.replace(/^api\./, "")}`;
  if (!url || (url.origin !== api.origin && !(url.protocol === "https:" && url.host === uploads))) {
    throw new ServiceError(
      `GitHub (${api.host}) names ${quoted(address)} to upload to, which does not belong to it: nothing was sent there. Check githubUrl`,
      { service: "GitHub" },
    );
  }
  return `${url.origin}${url.pathname}{?name}`;
}

function lost(message: string): ServiceError {
  return new ServiceError(message, { service: "GitHub", mayBeApplied: true });
}
