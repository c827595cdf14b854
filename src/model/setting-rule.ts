import { z } from "zod";
import { parseReference } from "./reference.ts";

// https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables
const LONGEST_VALUE = 48 * 1024;

/** What is wrong with a text; absent when nothing is. */
export type Problem = (value: string) => string | undefined;

/** A text that a rule holds for. */
export function text(problem: Problem) {
  return z.string("it must be a text").superRefine((value, context) => {
    const found = problem(value);
    if (found !== undefined) {
      context.addIssue(found);
    }
  });
}

/** The same, where a setting may be left out. */
export function optional(problem: Problem) {
  return z.exactOptional(text(problem));
}

/** A rule that is a pattern. */
export function matching(pattern: RegExp, rule: string): Problem {
  return (value) => (pattern.test(value) ? undefined : rule);
}

/** The problem of a strict parser, as a rule. */
export function problemIn(parsed: { ok: true } | { ok: false; problem: string }): string | undefined {
  return parsed.ok ? undefined : parsed.problem;
}

/** An image reference without a tag and a digest. */
export function imageProblem(value: string): string | undefined {
  const parsed = parseReference(value);
  if (!parsed.ok) {
    return parsed.problem;
  }
  const { tag, digest } = parsed.reference;
  return tag === undefined && digest === undefined
    ? undefined
    : "it must have no tag or digest: the release gives them";
}

/** The address of a web site: https, or http on this machine alone. */
export function urlProblem(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !["https:", "http:"].includes(url.protocol) || !isPlainAddress(value)) {
    return "it must be an address such as https://github.com";
  }
  if (url.username !== "" || url.password !== "") {
    return "credentials do not belong into the address: set githubToken";
  }
  if (url.host === "api.github.com" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return "it must be the address of the web site alone, such as https://github.com";
  }
  return url.protocol === "https:" || isLoopback(url.host) ? undefined : "only https is safe for a token";
}

/** The name of a branch, as a workflow may filter for it: nothing in it that a pattern would read otherwise. */
export function branchProblem(value: string): string | undefined {
  return /^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|\.lock(?:\/|$)|[./]$))[\w./+-]{1,200}$/.test(value)
    ? undefined
    : 'a branch\'s name has letters, digits, "_", ".", "/", "+" and "-"';
}

/** Where a stack's state can be found from a runner: Pulumi Cloud, or a bucket. */
export function backendProblem(value: string): string | undefined {
  const url = isPlainAddress(value) && URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !["https:", "s3:", "azblob:", "gs:"].includes(url.protocol) || url.host === "") {
    return "it must be an address of Pulumi Cloud such as https://api.pulumi.com, or s3://…, azblob://… or gs://…";
  }
  return url.username === "" && url.password === ""
    ? undefined
    : "credentials do not belong into the address: the workflows log in by OpenID Connect";
}

// What has another form in an address is written in it: a look-alike is seen as the host that it is, xn--….
function isPlainAddress(value: string): boolean {
  return (
    /^(?!.*\.\.)[a-z0-9]+:\/\/(?:[^/@]*@)?[\w.:[\]-]+(?:[/?#][\w:/?#@!&()*+,;=.~%-]*)?$/.test(value) &&
    value.length <= 2048
  );
}

/** A token, as a header can carry it. */
export function tokenProblem(value: string): string | undefined {
  return /^[\x21-\x7e]{1,1024}$/.test(value)
    ? undefined
    : "a token has printable characters only, without spaces or line ends, at most 1024";
}

/** Whether a host, with or without a port, is this machine alone: a rehearsal's. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);
}

/**
 * Names and values for GitHub Actions, at most so many. Pulumi stores numbers and booleans that were set with --path
 * as such; GitHub knows texts only.
 */
export function named(most: number) {
  return z
    .record(
      z.string(),
      z
        .union([z.string(), z.int(), z.boolean()], "a value must be a text")
        .transform(String)
        .refine((value) => !value.includes("\0"), "a value has no NUL character")
        .refine((value) => Buffer.byteLength(value) <= LONGEST_VALUE, "GitHub keeps at most 48 KB in a value"),
      "it must be a map of names and values",
    )
    .superRefine((values, context) => {
      const names = Object.keys(values);
      for (const name of names.filter((candidate) => !/^(?!GITHUB_)[A-Z_][A-Z0-9_]{0,254}$/.test(candidate))) {
        context.addIssue({
          code: "custom",
          path: [name],
          message: "a name has capital letters, digits and _, starts with no digit, and not with GITHUB_",
        });
      }
      if (names.length > most) {
        context.addIssue(`GitHub keeps at most ${most} of them`);
      }
    });
}
