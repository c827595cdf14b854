/** Where the state of a stack is kept. */
export type ParsedBackend =
  | {
      readonly ok: true;
      readonly url: string;
      /** Encrypts secrets by itself, or asks for a passphrase. */
      readonly kind: "cloud" | "self-managed";
    }
  | { readonly ok: false; readonly problem: string };

/** Pulumi's own service, as `pulumi login` names it. */
export const PULUMI_CLOUD = "https://api.pulumi.com";

const SELF_MANAGED = ["file:", "s3:", "gs:", "azblob:"];

/**
 * Reads the address of a backend. `file://~` is the home directory, as for `pulumi login`.
 * @see https://www.pulumi.com/docs/iac/concepts/state-and-backends/
 */
export function parseBackend(text: string): ParsedBackend {
  const protocol = /^([a-z0-9]+:)\/\/\S+$/.exec(text)?.[1];
  if (protocol !== undefined && SELF_MANAGED.includes(protocol)) {
    return { ok: true, url: text, kind: "self-managed" };
  }
  if (protocol === "https:" || /^http:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(text)) {
    return { ok: true, url: text.replace(/\/$/, ""), kind: "cloud" };
  }
  return {
    ok: false,
    problem: `a backend is ${PULUMI_CLOUD}, or begins with file://, s3://, gs:// or azblob://`,
  };
}
