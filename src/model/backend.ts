import { backendProblem } from "./setting-rule.ts";

/** Where the state of a stack is kept. */
export type ParsedBackend =
  | {
      readonly ok: true;
      readonly url: string;
      /** Encrypts secrets by itself, or asks for a passphrase. */
      readonly kind: "cloud" | "self-managed";
      /** Whether a workflow's runner finds the state there. */
      readonly shared: boolean;
    }
  | { readonly ok: false; readonly problem: string };

/** Pulumi's own service, as `pulumi login` names it. */
export const PULUMI_CLOUD = "https://api.pulumi.com";

/**
 * Reads the address of a backend: what the workflows can use, or a directory of this machine. `file://~` is the home
 * directory, as for `pulumi login`.
 * @see https://www.pulumi.com/docs/iac/concepts/state-and-backends/
 */
export function parseBackend(text: string): ParsedBackend {
  if (/^file:\/\/\S+$/.test(text)) {
    return { ok: true, url: text, kind: "self-managed", shared: false };
  }
  const problem = backendProblem(text);
  return problem === undefined
    ? { ok: true, url: text, kind: text.startsWith("https://") ? "cloud" : "self-managed", shared: true }
    : { ok: false, problem: `${problem}; on this machine file://…` };
}
