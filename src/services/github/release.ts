import { z } from "zod";
import { isDigest } from "../registry/digest.ts";

/** A file attached to a release. */
export interface Asset {
  readonly id: number;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** `uploaded` when it is whole; `starter` is what a broken upload leaves. */
  readonly state: string;
  /** `sha256:` and 64 hex digits; undefined on servers that do not tell it. */
  readonly digest: string | undefined;
}

/** A release, published or still a draft. */
export interface Release {
  readonly id: number;
  readonly tagName: string;
  readonly draft: boolean;
  readonly prerelease: boolean;
  readonly title: string;
  /** The notes, Markdown. */
  readonly body: string;
  readonly createdAt: string;
  /** Undefined for a draft. */
  readonly publishedAt: string | undefined;
  /** Commit or branch that the tag is made at; meaningless once the tag is there. */
  readonly targetCommitish: string;
  readonly htmlUrl: string;
  /** URI template of the upload address. */
  readonly uploadUrl: string;
  /** Whether GitHub refuses any change of its tag and assets. */
  readonly immutable: boolean;
  readonly assets: readonly Asset[];
}

/** The repository as the token sees it. */
export interface Repository {
  /** `owner/name`. */
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly private: boolean;
  readonly archived: boolean;
  /** What the token may do, `push` and `admin` among others; undefined when GitHub does not say. */
  readonly permissions: Readonly<Record<string, boolean>> | undefined;
}

// These reach processes, addresses and Markdown: another form is no answer of GitHub.
const objectId = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "expected the id of an object of git");
const webAddress = z
  .url({ protocol: /^https?$/ })
  .max(2000)
  .transform((address) => new URL(address).href.replace(/[[\]<>]/g, encodeURIComponent));

/** An asset as GitHub's REST API answers it. https://docs.github.com/en/rest/releases/assets */
export const assetSchema = z
  .object({ id: z.int(), name: z.string(), size: z.int(), state: z.string(), digest: z.string().nullish() })
  .transform(({ digest, ...asset }): Asset => ({ ...asset, digest: isDigest(digest) ? digest : undefined }));

/** A release as GitHub's REST API answers it. https://docs.github.com/en/rest/releases/releases */
export const releaseSchema = z
  .object({
    id: z.int(),
    tag_name: z.string(),
    draft: z.boolean(),
    prerelease: z.boolean(),
    name: z.string().nullish(),
    body: z.string().nullish(),
    created_at: z.string(),
    published_at: z.string().nullish(),
    target_commitish: z.string(),
    html_url: webAddress,
    upload_url: z.string(),
    immutable: z.boolean().optional(),
    assets: z.array(assetSchema),
  })
  .transform(
    (answer): Release => ({
      id: answer.id,
      tagName: answer.tag_name,
      draft: answer.draft,
      prerelease: answer.prerelease,
      title: answer.name ?? "",
      body: answer.body ?? "",
      createdAt: answer.created_at,
      publishedAt: answer.published_at ?? undefined,
      targetCommitish: answer.target_commitish,
      htmlUrl: answer.html_url,
      uploadUrl: answer.upload_url,
      immutable: answer.immutable ?? false,
      assets: answer.assets,
    }),
  );

/** A repository as GitHub's REST API answers it. https://docs.github.com/en/rest/repos/repos */
export const repositorySchema = z
  .object({
    full_name: z.string(),
    default_branch: z.string(),
    private: z.boolean(),
    archived: z.boolean().optional(),
    permissions: z.record(z.string(), z.boolean()).optional(),
  })
  .transform(
    (answer): Repository => ({
      fullName: answer.full_name,
      defaultBranch: answer.default_branch,
      private: answer.private,
      archived: answer.archived ?? false,
      permissions: answer.permissions,
    }),
  );

/** A ref or a tag object: both point at another object. https://docs.github.com/en/rest/git/refs */
export const pointerSchema = z.object({ object: z.object({ type: z.string(), sha: objectId }) });

/** A tag and the commit that it stands for, an annotated one too. */
export interface Tag {
  readonly name: string;
  /** 40 hex digits. */
  readonly commit: string;
}

/** A tag as GitHub lists it. https://docs.github.com/en/rest/repos/repos#list-repository-tags */
export const tagSchema = z
  .object({ name: z.string(), commit: z.object({ sha: objectId }) })
  .transform(({ name, commit }): Tag => ({ name, commit: commit.sha }));
