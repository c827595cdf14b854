import { z } from "zod";
import { quoted, shown } from "../model/quotation.ts";
import { parseRepository } from "../model/reference.ts";
import { type ApiOptions, createApi, type Page, pageSize, type SeenPage, type SendPage } from "./github/api.ts";
import { type Assets, createAssets } from "./github/assets.ts";
import {
  pointerSchema,
  type Release,
  type Repository,
  releaseSchema,
  repositorySchema,
  type Tag,
  tagSchema,
} from "./github/release.ts";
import { createRepositorySettings, type RepositorySettings } from "./github/repository-settings.ts";
import { writeOnce } from "./retry.ts";
import { ServiceError } from "./service-error.ts";

export type { Page, SeenPage } from "./github/api.ts";
export type { Upload } from "./github/assets.ts";
export type { Asset, Release, Repository, Tag } from "./github/release.ts";

/** A draft that is to be made. */
export interface NewDraft {
  readonly tag: string;
  /** Commit that the tag is made at when the release is published, 40 hex digits. Unused when the tag is there. */
  readonly commit: string;
  readonly title: string;
  /** Markdown. */
  readonly notes: string;
  readonly prerelease: boolean;
}

/**
 * What a release needs of one GitHub repository. Every function throws an error that names the request and the fix, and
 * never the token; a limit is waited for as GitHub asks, up to two minutes.
 */
export interface GitHub extends Assets, RepositorySettings {
  /** The repository as the token sees it. @throws when it is not there, or was renamed (naming the new name) */
  repository(): Promise<Repository>;
  /** All releases, newest first; drafts too when the token may push. */
  releases(): Promise<Release[]>;
  /** The same page by page; one that is as it was seen has no entries. */
  releasePages(seen: readonly SeenPage[]): Promise<Page<Release>[]>;
  /** All tags with the commits that they stand for, page by page; one that is as it was seen has no entries. */
  tagPages(seen: readonly SeenPage[]): Promise<Page<Tag>[]>;
  /** The published release of a tag, or undefined. Drafts are never found by their tag. */
  releaseByTag(tag: string): Promise<Release | undefined>;
  /** The release that GitHub marks as the latest, or undefined. */
  latestRelease(): Promise<Release | undefined>;
  /** The same as the only page of a list; one that is as it was seen has no entries. */
  latestPages(seen: readonly SeenPage[]): Promise<Page<Release>[]>;
  /** Commit that a tag stands for, an annotated one too; undefined when there is no such tag. */
  tagCommit(tag: string): Promise<string | undefined>;
  /** Makes a lightweight tag; there already, by an attempt whose reply was lost, is success. */
  createTag(tag: string, commit: string): Promise<void>;
  /**
   * Makes a draft, once: when the reply is lost, the releases are listed again, and the draft is adopted.
   * @param isOurs tells the draft that this very call would make from others of its tag
   */
  createDraft(draft: NewDraft, isOurs: (release: Release) => boolean): Promise<Release>;
  /** Deletes a draft. @throws when it has been published in the meantime */
  deleteDraft(draft: Pick<Release, "id">): Promise<void>;
  /** Publishes a draft; done already is success. @param latest whether GitHub marks it as the latest release */
  publish(draft: Pick<Release, "id">, options: { readonly latest: boolean }): Promise<Release>;
  /** Changes what may change on a published release. */
  updateRelease(
    id: number,
    change: { readonly title?: string; readonly notes?: string; readonly latest?: boolean },
  ): Promise<Release>;
}

/** What the client needs. */
export interface GitHubOptions extends ApiOptions {
  /** `owner/name`. */
  readonly repository: string;
}

// A tag object may point at another one; nobody nests them this deep.
const deepestTag = 5;

/** A client for one repository. Nothing is sent before the first call. */
export function createGitHub({ repository, ...options }: GitHubOptions): GitHub {
  const parsed = parseRepository(repository);
  if (!parsed.ok) {
    throw new Error(
      `repository ${quoted(repository)}: ${parsed.problem}: pulumi config set mount-monitor:repository owner/name`,
    );
  }
  const place = { owner: parsed.owner, repo: parsed.name };
  const patience = options.patience ?? {};
  const api = createApi(options);

  return {
    ...createAssets(api, place, patience, options.report),
    ...createRepositorySettings(api, place, async () => (await here()).permissions?.admin === true),

    repository: here,

    releases,

    releasePages: (seen) => api.pages(releaseSchema, askReleases, seen),

    tagPages: (seen) =>
      api.pages(
        tagSchema,
        (ask, page, headers) => ask("GET /repos/{owner}/{repo}/tags", { ...place, per_page: pageSize, page, headers }),
        seen,
      ),

    releaseByTag: (tag) =>
      api.find(releaseSchema, (ask) => ask("GET /repos/{owner}/{repo}/releases/tags/{tag}", { ...place, tag })),

    latestRelease: () => api.find(releaseSchema, (ask) => ask("GET /repos/{owner}/{repo}/releases/latest", place)),

    async latestPages(seen) {
      try {
        const latest: SendPage = async (ask, _page, headers) => {
          const answer = await ask("GET /repos/{owner}/{repo}/releases/latest", { ...place, headers });
          return { headers: answer.headers, data: [answer.data] };
        };
        return await api.pages(releaseSchema, latest, seen);
      } catch (error) {
        if (error instanceof ServiceError && error.status === 404) {
          return [];
        }
        throw error;
      }
    },

    tagCommit,

    async createTag(tag, commit) {
      await writeOnce<unknown>(
        () =>
          api.call(pointerSchema, (ask) =>
            ask("POST /repos/{owner}/{repo}/git/refs", { ...place, ref: `refs/tags/${tag}`, sha: commit }),
          ),
        async () => ((await tagCommit(tag)) === commit ? true : undefined),
        patience,
        options.report,
      );
    },

    createDraft: ({ tag, commit, title, notes, prerelease }, isOurs) =>
      writeOnce(
        () =>
          api.call(releaseSchema, (ask) =>
            ask("POST /repos/{owner}/{repo}/releases", {
              ...place,
              tag_name: tag,
              target_commitish: commit,
              name: title,
              body: notes,
              prerelease,
              draft: true,
            }),
          ),
        async () => (await releases()).find((release) => release.draft && release.tagName === tag && isOurs(release)),
        patience,
        options.report,
      ),

    async deleteDraft({ id }) {
      const current = await find(id);
      if (current && !current.draft) {
        throw new Error(`release ${current.tagName} (${current.htmlUrl}) is published: it is not deleted`);
      }
      if (current) {
        await api.find(z.unknown(), (ask) =>
          ask("DELETE /repos/{owner}/{repo}/releases/{release_id}", { ...place, release_id: id }),
        );
      }
    },

    async publish({ id }, { latest }) {
      const published = await writeOnce(
        () => change(id, { draft: false, make_latest: latest ? "true" : "false" }),
        async () => {
          const current = await find(id);
          return current?.draft === false ? current : undefined;
        },
        patience,
        options.report,
      );
      if (published.draft) {
        throw new ServiceError(
          `GitHub answered that ${published.tagName} (${published.htmlUrl}) is still a draft: publish it again by running again`,
          {
            service: "GitHub",
          },
        );
      }
      return published;
    },

    updateRelease: (id, { title, notes, latest }) =>
      // The same values again change nothing: after a lost reply it is simply sent again.
      writeOnce(
        () =>
          change(id, {
            ...(title === undefined ? {} : { name: title }),
            ...(notes === undefined ? {} : { body: notes }),
            ...(latest === undefined ? {} : { make_latest: latest ? "true" : "false" }),
          }),
        async () => undefined,
        patience,
        options.report,
      ),
  };

  async function here(): Promise<Repository> {
    const found = await api.call(repositorySchema, (ask) => ask("GET /repos/{owner}/{repo}", place));
    if (found.fullName.toLowerCase() !== repository.toLowerCase()) {
      throw new Error(
        `repository "${repository}" is called ${quoted(found.fullName)} now: pulumi config set mount-monitor:repository ${shown(found.fullName)}`,
      );
    }
    return found;
  }

  async function tagCommit(tag: string): Promise<string | undefined> {
    const ref = await api.find(pointerSchema, (ask) =>
      ask("GET /repos/{owner}/{repo}/git/ref/{ref}", { ...place, ref: `tags/${tag}` }),
    );
    let target = ref?.object;
    for (let depth = 0; target?.type === "tag" && depth < deepestTag; depth++) {
      const { sha } = target;
      target = (
        await api.call(pointerSchema, (ask) =>
          ask("GET /repos/{owner}/{repo}/git/tags/{tag_sha}", { ...place, tag_sha: sha }),
        )
      ).object;
    }
    if (target && target.type !== "commit") {
      throw new Error(
        `tag ${tag} of ${repository} stands for a ${shown(target.type)}, not for a commit: make it again at a commit, or release the next version`,
      );
    }
    return target?.sha;
  }

  function askReleases(...[ask, page, headers]: Parameters<SendPage>): ReturnType<SendPage> {
    return ask("GET /repos/{owner}/{repo}/releases", { ...place, per_page: pageSize, page, headers });
  }

  async function releases(): Promise<Release[]> {
    const found = await api.list(releaseSchema, askReleases);
    // A release made meanwhile shifts the pages: one may be listed twice.
    return [...new Map(found.map((release) => [release.id, release])).values()];
  }

  function find(id: number): Promise<Release | undefined> {
    return api.find(releaseSchema, (ask) =>
      ask("GET /repos/{owner}/{repo}/releases/{release_id}", { ...place, release_id: id }),
    );
  }

  function change(
    id: number,
    fields: { draft?: boolean; name?: string; body?: string; make_latest?: "true" | "false" },
  ): Promise<Release> {
    return api.call(releaseSchema, (ask) =>
      ask("PATCH /repos/{owner}/{repo}/releases/{release_id}", { ...place, release_id: id, ...fields }),
    );
  }
}
