import { apiUrlOf } from "./address.ts";
import { createApi } from "./api.ts";
import { existingId, isGone, type Setting } from "./existing.ts";

/** Looks at the settings of the repository that a stack is configured for. */
export interface SettingsLook {
  /** The id that the GitHub provider imports a setting by; undefined when it does not exist as it was to be made. */
  existing(setting: Setting): Promise<string | undefined>;
  /** Whether a setting is not there any more. */
  gone(setting: Setting): Promise<boolean>;
}

/**
 * Looks at settings with what the stack is configured with: `repository`, `githubUrl`, `githubToken`, read at the first look.
 *
 * @param read value of a setting of the stack; undefined or empty when it has none
 */
export function lookAtSettings(read: (key: string) => Promise<string | undefined>): SettingsLook {
  let connected: ReturnType<typeof connect> | undefined;
  const connection = () => {
    connected ??= connect(read);
    return connected;
  };
  return {
    async existing(setting) {
      const { api, owner } = await connection();
      return existingId(api, owner, setting);
    },
    async gone(setting) {
      const { api, owner } = await connection();
      return isGone(api, owner, setting);
    },
  };
}

async function connect(read: (key: string) => Promise<string | undefined>) {
  const [owner = ""] = ((await read("repository")) ?? "").split("/");
  const token = (await read("githubToken")) || process.env.GITHUB_TOKEN;
  return { owner, api: createApi({ apiUrl: apiUrlOf(await read("githubUrl")), ...(token ? { token } : {}) }) };
}
