import { NAMESPACE } from "./setting.ts";

/** Values of a stack's settings file, by full key. */
export type Configuration = Readonly<Record<string, unknown>>;

/**
 * The settings of a stack that can be read without its key: those that hold nothing encrypted. A user of the registry
 * is left out together with the password.
 *
 * @param settings content of `Pulumi.STACK.yaml`
 */
export function withoutSecrets(settings: unknown): Configuration {
  const config = isRecord(settings) && isRecord(settings.config) ? settings.config : {};
  const plain = Object.entries(config).filter(([, value]) => !isEncrypted(value));
  const keys = new Set(plain.map(([key]) => key));
  return Object.fromEntries(
    plain.filter(([key]) => key !== `${NAMESPACE}:registryUser` || keys.has(`${NAMESPACE}:registryPassword`)),
  );
}

function isEncrypted(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.some(isEncrypted);
  }
  return isRecord(value) && ("secure" in value || Object.values(value).some(isEncrypted));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
