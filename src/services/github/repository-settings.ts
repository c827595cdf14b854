import { z } from "zod";
import { ServiceError } from "../service-error.ts";
import { type Api, pageSize } from "./api.ts";
import { existingId, type Setting } from "./existing.ts";

/** Settings and files of the repository, as far as no Pulumi provider knows them. */
export interface RepositorySettings {
  /** Path → blob SHA-1 of the files that lie in a directory of the default branch; {} when there is none. */
  blobs(directory: string): Promise<Readonly<Record<string, string>>>;
  /** Name → when it was written last, ISO 8601, of the secrets of an environment; {} when there is no such environment. */
  secretTimes(environment: string): Promise<Readonly<Record<string, string>>>;
  /** The id by which the GitHub provider imports a setting that is there as it would be made; undefined when it is not. */
  settingId(setting: Setting): Promise<string | undefined>;
  /** Whether the token has the permission `admin`. */
  mayAdminister(): Promise<boolean>;
  /** Whether releases become immutable when they are published; false where GitHub does not know of it. */
  immutableReleases(): Promise<boolean>;
  /**
   * Switches immutable releases on or off; releases that are published already stay as they are.
   * @returns false when this GitHub does not offer it
   * @throws when the token may not administer the repository
   */
  switchImmutableReleases(on: boolean): Promise<boolean>;
}

const entriesSchema = z.array(z.object({ path: z.string(), sha: z.string(), type: z.string() }));
const secretsSchema = z.object({ secrets: z.array(z.object({ name: z.string(), updated_at: z.string() })) });
// https://docs.github.com/en/rest/repos/repos#check-if-immutable-releases-are-enabled-for-a-repository
const immutableSchema = z.object({ enabled: z.boolean() });

/** @param mayAdminister whether the token has the permission `admin` */
export function createRepositorySettings(
  api: Api,
  place: { readonly owner: string; readonly repo: string },
  mayAdminister: () => Promise<boolean>,
): RepositorySettings {
  return {
    mayAdminister,

    settingId: (setting) => existingId(api, place.owner, setting),

    async blobs(directory) {
      const entries = await api.find(entriesSchema, (ask) =>
        ask("GET /repos/{owner}/{repo}/contents/{path}", { ...place, path: directory }),
      );
      return Object.fromEntries(
        (entries ?? []).filter(({ type }) => type === "file").map(({ path, sha }) => [path, sha]),
      );
    },

    // An environment has 100 secrets at most, which is one page.
    // Source: https://docs.github.com/en/actions/concepts/security/secrets#limits-for-secrets
    async secretTimes(environment) {
      const found = await api.find(secretsSchema, (ask) =>
        ask("GET /repos/{owner}/{repo}/environments/{environment_name}/secrets", {
          ...place,
          environment_name: environment,
          per_page: pageSize,
        }),
      );
      return Object.fromEntries((found?.secrets ?? []).map(({ name, updated_at }) => [name, updated_at]));
    },

    // 404 stands for "off" as well as for "not offered".
    immutableReleases: async () =>
      (await api.find(immutableSchema, (ask) => ask("GET /repos/{owner}/{repo}/immutable-releases", place)))?.enabled ??
      false,

    async switchImmutableReleases(on) {
      try {
        await api.call(z.unknown(), (ask) =>
          ask(
            on ? "PUT /repos/{owner}/{repo}/immutable-releases" : "DELETE /repos/{owner}/{repo}/immutable-releases",
            place,
          ),
        );
        return true;
      } catch (error) {
        // Who may not administer a repository is told 404, too.
        if (error instanceof ServiceError && error.status === 404 && (await mayAdminister())) {
          return false;
        }
        throw error;
      }
    },
  };
}
