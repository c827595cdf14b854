import { z } from "zod";
import { apiUrlOf } from "./address.ts";
import { type Api, createApi } from "./api.ts";
import { existingId, isGone, type Setting } from "./existing.ts";

/** Looks at the settings of the repository that a stack is configured for. Of one that is hidden, or gone itself, nothing is said. */
export interface SettingsLook {
  /**
   * The id that the GitHub provider imports a setting by; undefined when it does not exist as it was to be made.
   * @throws ServiceError when GitHub does not say, for example because the token may not look
   */
  existing(setting: Setting): Promise<string | undefined>;
  /**
   * Whether a setting is not there any more.
   * @throws ServiceError when GitHub does not say, for example because the token may not look
   */
  gone(setting: Setting): Promise<boolean>;
}

interface Connection {
  readonly owner: string;
  readonly api: Api;
  /** Asked once. @throws ServiceError 404 */
  readonly repositoryIsThere: () => Promise<unknown>;
}

/**
 * Looks at settings with what the stack is configured with: `repository`, `githubUrl`, `githubToken`, read at the first look.
 *
 * @param read value of a setting of the stack; undefined or empty when it has none
 */
export function lookAtSettings(read: (key: string) => Promise<string | undefined>): SettingsLook {
  const connection = once(() => connect(read));
  return {
    async existing(setting) {
      const { api, owner, repositoryIsThere } = await connection();
      const id = await existingId(api, owner, setting);
      // A repository that is hidden answers as one that has nothing.
      await (id === undefined && repositoryIsThere());
      return id;
    },
    async gone(setting) {
      const { api, owner, repositoryIsThere } = await connection();
      const gone = await isGone(api, owner, setting);
      await (gone && repositoryIsThere());
      return gone;
    },
  };
}

async function connect(read: (key: string) => Promise<string | undefined>): Promise<Connection> {
  const [owner = "", repo = ""] = ((await read("repository")) ?? "").split("/");
  const token = (await read("githubToken")) || process.env.GITHUB_TOKEN;
  const api = createApi({ apiUrl: apiUrlOf(await read("githubUrl")), ...(token ? { token } : {}) });
  return {
    owner,
    api,
    repositoryIsThere: once(() =>
      api.call(z.looseObject({}), (ask) => ask("GET /repos/{owner}/{repo}", { owner, repo })),
    ),
  };
}

function once<T>(begin: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined;
  return () => {
    begun ??= begin();
    return begun;
  };
}
