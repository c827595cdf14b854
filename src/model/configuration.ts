import type { z } from "zod";
import { nearest } from "./nearest.ts";
import { quoted } from "./quotation.ts";
import { parseReference } from "./reference.ts";
import { type Environment, pushedTag, type ReleaseIntent, releaseIntent } from "./release-intent.ts";
import { NAMESPACE, SETTINGS, type Setting, settingsSchema } from "./setting.ts";
import { isLoopback, tokenProblem } from "./setting-rule.ts";

/** Configuration and environment as they are found. */
export interface RawSettings {
  /** Full key (`mount-monitor:repository`) → text; lists, maps and numbers as JSON. */
  readonly config: Readonly<Record<string, string | undefined>>;
  readonly environment: Environment;
  /** Full keys whose values are stored encrypted. */
  readonly secretKeys?: readonly string[];
}

type Values = z.output<typeof settingsSchema>;

/** Settings that were checked; secrets are still in clear text. */
export interface PlainSettings extends Omit<Values, "version" | "commit" | "image"> {
  readonly release: ReleaseIntent;
  /** Image reference without a tag that is pushed to. */
  readonly image: string;
  /** The same as the public knows it; another one only where `image` is a rehearsal's, on this machine. */
  readonly publicImage: string;
}

/** The settings, or every problem: one line each with the setting, its value and the command that mends it. */
export type ParsedSettings =
  | { readonly ok: true; readonly settings: PlainSettings }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Checks the whole configuration at once. Never throws, and shows no secret. */
export function parseSettings(raw: RawSettings): ParsedSettings {
  const found = SETTINGS.map((setting) => decodedSetting(setting, raw));
  const decoded = Object.fromEntries(found.flatMap(({ key, value }) => (value === undefined ? [] : [[key, value]])));
  const checked = settingsSchema.safeParse(decoded);
  const issues = (checked.error?.issues ?? []).filter(({ path }) => String(path[0]) in decoded);
  const valid = (key: string) => {
    const value: unknown = issues.some(({ path }) => path[0] === key) ? undefined : decoded[key];
    return typeof value === "string" ? value : undefined;
  };
  const tag = pushedTag(raw.environment);
  const release = tag.ok && releaseIntent({ tag: tag.tag, version: valid("version"), commit: valid("commit") });
  const repository = valid("repository");
  const image = valid("image") ?? (repository && defaultImage(repository));
  const problems = [
    ...unknownKeys(raw.config),
    ...found.flatMap(({ problem }) => problem ?? []),
    ...issues.flatMap(({ path: [key, ...path], message }) =>
      SETTINGS.filter((setting) => setting.key === key).map((setting) => sentence(setting, raw, message, path)),
    ),
    ...(tag.ok ? [] : [`${tag.problem}. Unset one of them`]),
    ...(tag.ok && !release ? [otherTag(valid("version"), tag.tag)] : []),
    ...(image && !parseReference(image).ok ? [noDefaultImage(image)] : []),
    ...halfCredentials(raw),
    ...unusableToken(raw.environment),
    ...homelessSecrets(decoded),
  ];
  if (problems.length > 0 || !checked.success || !release || !image || !repository) {
    return { ok: false, problems };
  }
  const { version: _, commit: __, ...values } = checked.data;
  const publicImage = isLoopback(image.slice(0, image.indexOf("/"))) ? defaultImage(repository) : image;
  return { ok: true, settings: { ...values, release, image, publicImage } };
}

const TYPES = {
  string: "a text",
  integer: "a whole number",
  array: "a list",
  object: "a map of names and values",
} as const satisfies Record<Setting["type"], string>;

function unknownKeys(config: RawSettings["config"]): string[] {
  const known = SETTINGS.map(({ key }) => key);
  return Object.keys(config)
    .filter((key) => key.startsWith(`${NAMESPACE}:`))
    .map((key) => key.slice(NAMESPACE.length + 1))
    .filter((key) => !known.includes(key))
    .map((key) => {
      const guess = nearest(key, known);
      const hint = guess === undefined ? "." : `; did you mean ${NAMESPACE}:${guess}?`;
      const name = /^[\w.-]{1,80}$/.test(key) ? `${NAMESPACE}:${key}` : quoted(`${NAMESPACE}:${key}`);
      return `${name} is not a setting${hint} Run: pulumi config rm ${name}`;
    });
}

/** The value of a setting, or its default; absent with a problem, or when an optional setting is not set. */
function decodedSetting(setting: Setting, raw: RawSettings): { key: string; value?: unknown; problem?: string } {
  const { key } = setting;
  const text = raw.config[fullKey(setting)] || undefined;
  const value = text === undefined ? setting.default : decode(setting, text);
  if (value === undefined) {
    return { key, problem: sentence(setting, raw, `it must be ${TYPES[setting.type]}`) };
  }
  if (value === "") {
    return key === "repository" ? { key, problem: sentence(setting, raw, "it is required") } : { key };
  }
  const exposed = setting.secret && text !== undefined && text !== "{}" && !raw.secretKeys?.includes(fullKey(setting));
  return {
    key,
    value,
    ...(exposed ? { problem: sentence(setting, raw, "it is stored in clear text, and must be encrypted") } : {}),
  };
}

function decode({ key, type }: Setting, text: string): unknown {
  if (type === "string") {
    // Pulumi gives a list or a map as its JSON. Google's password of a registry is a map, as a text.
    return key !== "registryPassword" && isCollection(text) ? undefined : text;
  }
  if (type === "integer") {
    return /^-?\d{1,9}$/.test(text) ? Number(text) : undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    const fits = typeof value === "object" && value !== null && Array.isArray(value) === (type === "array");
    // The schema would pass over this one name without a word.
    return fits && !Object.hasOwn(value, "__proto__") ? value : undefined;
  } catch {
    // The caller says what is expected instead.
    return undefined;
  }
}

function isCollection(text: string): boolean {
  try {
    return /^\s*[[{]/.test(text) && typeof JSON.parse(text) === "object";
  } catch {
    // It only looks like JSON.
    return false;
  }
}

function otherTag(version: string | undefined, tag: string | undefined): string {
  return (
    `${NAMESPACE}:version is ${quoted(version)}, and the tag that was pushed is ${quoted(tag)}: both must name one release. ` +
    `Run: pulumi config set ${NAMESPACE}:version ${tag?.slice(1)}, or push the tag v${version}`
  );
}

function noDefaultImage(image: string): string {
  return (
    `${NAMESPACE}:image is not set, and ${quoted(image)}, which follows from the repository, is no image reference. ` +
    `Run: pulumi config set ${NAMESPACE}:image ghcr.io/owner/name`
  );
}

function unusableToken({ GITHUB_TOKEN: token }: Environment): string[] {
  const problem = token ? tokenProblem(token) : undefined;
  return problem === undefined
    ? []
    : [`GITHUB_TOKEN of the environment (secret): ${problem}. Run: export GITHUB_TOKEN="$(gh auth token)"`];
}

function halfCredentials({ config }: RawSettings): string[] {
  const [user, password] = [config[`${NAMESPACE}:registryUser`], config[`${NAMESPACE}:registryPassword`]];
  return Boolean(user) === Boolean(password)
    ? []
    : [
        `${NAMESPACE}:${user ? "registryPassword" : "registryUser"} is not set, and belongs to the other of both. ` +
          `Run: pulumi config set ${user ? `--secret ${NAMESPACE}:registryPassword` : `${NAMESPACE}:registryUser NAME`}`,
      ];
}

// They are nowhere else, so that no job but the release's can read them.
function homelessSecrets({ repositoryParts: parts, secrets }: Readonly<Record<string, unknown>>): string[] {
  const some = typeof secrets === "object" && secrets !== null && Object.keys(secrets).length > 0;
  return !some || !Array.isArray(parts) || parts.includes("environment")
    ? []
    : [
        `${NAMESPACE}:repositoryParts leaves out "environment", and ${NAMESPACE}:secrets belong into it. ` +
          `Run: pulumi config rm ${NAMESPACE}:secrets, or add the part environment`,
      ];
}

function sentence(
  setting: Setting,
  { config }: RawSettings,
  problem: string,
  path: readonly PropertyKey[] = [],
): string {
  const value = config[fullKey(setting)];
  const part = path.length === 0 ? "" : ` at ${quoted(path.map(String).join("."))}`;
  const shown = value ? (setting.secret ? " (secret)" : ` is ${quoted(value)}`) : " is not set";
  return `${fullKey(setting)}${shown}${part}: ${problem}. Run: pulumi config ${mendOf(setting, path)}`;
}

/** What follows `pulumi config`: for the entry of a list, when the problem is there. */
function mendOf(setting: Setting, [index]: readonly PropertyKey[]): string {
  if (typeof index !== "number") {
    return `set ${setting.mend}`;
  }
  return setting.fixedSet
    ? `rm --path '${fullKey(setting)}[${index}]'`
    : `set ${setting.mend.replace(/\[\d+\]/, `[${index}]`)}`;
}

function fullKey({ key }: Setting): string {
  return `${NAMESPACE}:${key}`;
}

function defaultImage(repository: string): string {
  return `ghcr.io/${repository.toLowerCase()}`;
}
