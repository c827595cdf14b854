import { z } from "zod";
import { ARCHITECTURES, type Architecture, isArchitecture } from "./artifact.ts";
import { parseRepository } from "./reference.ts";
import { REPOSITORY_PARTS } from "./repository-part.ts";
import {
  backendProblem,
  branchProblem,
  imageProblem,
  matching,
  named,
  optional,
  problemIn,
  text,
  tokenProblem,
  urlProblem,
} from "./setting-rule.ts";
import { parseVersion } from "./version.ts";

/** A setting, as Pulumi.yaml declares it and the README lists it. */
export interface Setting {
  /** Name in the stack configuration, without the namespace. */
  readonly key: string;
  /** Also of its default, by which Pulumi.yaml shows it; a list has texts. */
  readonly type: "string" | "integer" | "array" | "object";
  readonly description: string;
  /** What Pulumi applies when the stack does not say it; an empty text stands for "not set". */
  readonly default: string | number | readonly string[] | Readonly<Record<string, string>>;
  /** Whether it must be stored encrypted, and its value is never shown. */
  readonly secret?: true;
  /** What follows `pulumi config set` in the command that mends it. */
  readonly mend: string;
  /** Whether a list has entries of a fixed set, each once: a bad one is removed, because what it is set to may be there. */
  readonly fixedSet?: true;
}

/** Namespace of the settings: the project's name. */
export const NAMESPACE = "mount-monitor";

const facts = z.registry<Omit<Setting, "key">>();
const REQUIRED_ARCHITECTURES = ["amd64", "arm64"] as const satisfies Architecture[];
// https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables
const MOST_VARIABLES = 500;
const MOST_SECRETS = 100;
const MOST_WITHDRAWN = 1000;
const LONGEST_ARGUMENT = 4096;
const DAYS = { least: 1, most: 3650 } as const;

/** All settings after defaults were applied. Every message completes the sentence "…:repository is "x": …". */
export const settingsSchema = z.object({
  repository: text((value) => problemIn(parseRepository(value))).register(facts, {
    type: "string",
    description: "Repository on GitHub that is released from and to, owner/name. Required.",
    default: "",
    mend: `${NAMESPACE}:repository owner/name`,
  }),
  version: optional((value) => problemIn(parseVersion(value))).register(facts, {
    type: "string",
    description: "Version to release when no tag says it, without v; must agree with the tag when both are there.",
    default: "",
    mend: `${NAMESPACE}:version 1.2.3`,
  }),
  commit: optional(
    matching(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "a commit is given by its full id of 40 hexadecimal digits"),
  ).register(facts, {
    type: "string",
    description: "Commit to release when version says which, as a full id. Not set: the version tag's, else HEAD.",
    default: "",
    mend: `${NAMESPACE}:commit "$(git rev-parse HEAD)"`,
  }),
  source: text(
    // It stands in expressions of the workflows, and in patterns of git and GitHub.
    matching(
      /^(?!-)[^\p{C}\p{Zl}\p{Zp}'"`$*?[\]{}!\\]{1,1024}$/u,
      'a directory has no hidden characters and none of \' " ` $ * ? [ ] { } ! \\, does not start with "-", and has at most 1024 characters',
    ),
  ).register(facts, {
    type: "string",
    description: "Directory of the Go module, relative to the project or absolute.",
    default: "app",
    mend: `${NAMESPACE}:source app`,
  }),
  package: text(
    matching(
      /^(?=.{1,1024}$)\.\/(?:(?!\.{1,3}(?:\/|$))[A-Za-z0-9_.~+-]+(?:\/(?!$)|$))*$/,
      'a package is a path in the module that starts with ./ and has no ".", ".." or "..." part, with at most 1024 characters',
    ),
  ).register(facts, {
    type: "string",
    description: "Package to build in the module.",
    default: "./cmd/mount-monitor",
    mend: `${NAMESPACE}:package ./cmd/mount-monitor`,
  }),
  binaryName: text(
    matching(
      /^(?=.{1,64}$)[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/,
      'a name has letters and digits, separated by ".", "_" or "-", at most 64',
    ),
  ).register(facts, {
    type: "string",
    description: "Name of the binaries before -linux-{arch}.",
    default: "mount-monitor",
    mend: `${NAMESPACE}:binaryName mount-monitor`,
  }),
  versionVariable: text(
    matching(
      /^(?=.{1,256}$)(?!-)(?:[A-Za-z0-9_~-][A-Za-z0-9_.~-]*\/)*[A-Za-z0-9_~-][A-Za-z0-9_.~-]*\.[A-Za-z_][A-Za-z0-9_]*$/,
      "a Go variable is given by its package's import path and its name",
    ),
  ).register(facts, {
    type: "string",
    description: "Go variable that is set to the version, as the linker's -X names it.",
    default: "main.Version",
    mend: `${NAMESPACE}:versionVariable main.Version`,
  }),
  verifyArgs: z
    .array(
      z
        .string("every argument must be a text")
        .refine((value) => !value.includes("\0"), "an argument has no NUL character")
        .max(LONGEST_ARGUMENT, `an argument has at most ${LONGEST_ARGUMENT} characters`),
      "it must be a list of arguments",
    )
    .max(16, "there are at most 16 arguments")
    .register(facts, {
      type: "array",
      description: "Arguments that make the binary print its version; []: it is examined, but not run.",
      default: ["--version"],
      mend: `--path '${NAMESPACE}:verifyArgs[0]' -- --version`,
    }),
  architectures: z
    .array(
      z
        .string("every architecture must be a text")
        .refine(isArchitecture, `an architecture is one of ${ARCHITECTURES.join(", ")}`),
      "it must be a list of architectures",
    )
    .superRefine((values, context) => {
      for (const architecture of REQUIRED_ARCHITECTURES) {
        if (!values.includes(architecture)) {
          context.addIssue(`${architecture} is missing: every release has ${REQUIRED_ARCHITECTURES.join(" and ")}`);
        }
      }
      if (new Set(values).size !== values.length) {
        context.addIssue("an architecture is there twice");
      }
    })
    .transform((values) => values.filter(isArchitecture))
    .register(facts, {
      type: "array",
      description: "Architectures to build for, as GOARCH names them; amd64 and arm64 are required.",
      default: REQUIRED_ARCHITECTURES,
      mend: `--path '${NAMESPACE}:architectures[1]' arm64`,
      fixedSet: true,
    }),
  withdrawn: z
    .array(
      text((value) => problemIn(parseVersion(value))),
      "it must be a list of versions",
    )
    .max(MOST_WITHDRAWN, `there are at most ${MOST_WITHDRAWN} versions`)
    .refine((values) => new Set(values).size === values.length, "a version is there twice")
    .register(facts, {
      type: "array",
      description:
        "Published versions that no channel shall point at; marked on GitHub, and nothing of them is deleted.",
      default: [],
      mend: `--path '${NAMESPACE}:withdrawn[0]' 1.2.3`,
    }),
  image: optional(imageProblem).register(facts, {
    type: "string",
    description: "Image reference without a tag. Not set: ghcr.io/{repository} in lower case.",
    default: "",
    mend: `${NAMESPACE}:image ghcr.io/owner/name`,
  }),
  builder: optional(
    matching(/^[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}$/, 'a builder\'s name has letters, digits, ".", "_", "+" and "-"'),
  ).register(facts, {
    type: "string",
    description: "Name of the buildx builder. Not set: buildx's default.",
    default: "",
    mend: `${NAMESPACE}:builder mount-monitor`,
  }),
  githubUrl: text(urlProblem)
    .transform((value) => new URL(value).origin)
    .register(facts, {
      type: "string",
      description: "Address of GitHub, or of a GitHub Enterprise Server.",
      default: "https://github.com",
      mend: `${NAMESPACE}:githubUrl https://github.com`,
    }),
  githubToken: optional(tokenProblem).register(facts, {
    type: "string",
    description: "Token for GitHub, encrypted. Not set: GITHUB_TOKEN of the environment.",
    default: "",
    secret: true,
    mend: `--secret ${NAMESPACE}:githubToken`,
  }),
  registryUser: optional(
    matching(/^(?!.*:)[\x21-\x7e]{1,255}$/, "a user name has printable characters, and no colon"),
  ).register(facts, {
    type: "string",
    description: "User of the registry, together with registryPassword. Not set: Docker's own credentials.",
    default: "",
    mend: `${NAMESPACE}:registryUser NAME`,
  }),
  registryPassword: optional(
    matching(/^\P{Cc}{1,4096}$/u, "a password has no control characters or line ends"),
  ).register(facts, {
    type: "string",
    description: "Password or token of the registry's user, encrypted.",
    default: "",
    secret: true,
    mend: `--secret ${NAMESPACE}:registryPassword`,
  }),
  branch: text(branchProblem).register(facts, {
    type: "string",
    description: "Default branch of the repository: program, settings and workflows come from there.",
    default: "main",
    mend: `${NAMESPACE}:branch main`,
  }),
  backend: text(backendProblem).register(facts, {
    type: "string",
    description: "Where the workflows find the state: an address of Pulumi Cloud, or s3://…, azblob://… or gs://….",
    default: "https://api.pulumi.com",
    mend: `${NAMESPACE}:backend https://api.pulumi.com`,
  }),
  organization: optional(
    matching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/, 'an organization has letters, digits, "-" and "_", at most 40'),
  ).register(facts, {
    type: "string",
    description: "Organization in Pulumi Cloud that has the stack. Not set: the repository's owner.",
    default: "",
    mend: `${NAMESPACE}:organization NAME`,
  }),
  repositoryParts: z
    .array(
      z.enum(REPOSITORY_PARTS, `a part is one of ${REPOSITORY_PARTS.join(", ")}`),
      "it must be a list of parts of the repository",
    )
    .refine((values) => new Set(values).size === values.length, "a part is there twice")
    .register(facts, {
      type: "array",
      description: "Parts of the repository that the stack keeps; a part that is not listed is removed, or left alone.",
      default: REPOSITORY_PARTS,
      mend: `--path '${NAMESPACE}:repositoryParts[0]' ${REPOSITORY_PARTS[0]}`,
      fixedSet: true,
    }),
  variables: named(MOST_VARIABLES).register(facts, {
    type: "object",
    description: "Actions variables to keep in the repository: name to value.",
    default: {},
    mend: `--path '${NAMESPACE}:variables.NAME' VALUE`,
  }),
  secrets: named(MOST_SECRETS).register(facts, {
    type: "object",
    description: "Actions secrets to keep in the environment release, encrypted: name to value.",
    default: {},
    secret: true,
    mend: `--secret --path '${NAMESPACE}:secrets.NAME'`,
  }),
  artifactRetentionDays: z
    .int("it must be a whole number of days")
    .min(DAYS.least, `it must be at least ${DAYS.least} day`)
    .max(DAYS.most, `it must be at most ${DAYS.most} days`)
    .register(facts, {
      type: "integer",
      description: "Days after which the artifact storage deletes binaries that no release in use needs.",
      default: 90,
      mend: `${NAMESPACE}:artifactRetentionDays 90`,
    }),
});

/** The settings in the order in which they are documented. */
export const SETTINGS: readonly Setting[] = Object.entries(settingsSchema.shape).map(([key, schema]) => {
  const setting = facts.get(schema);
  if (!setting) {
    throw new Error(`setting ${key} has no description`);
  }
  return { key, ...setting };
});

/** Whether a setting is a secret: stored encrypted, and shown or written down nowhere else. */
export function isSecret(key: string): boolean {
  return SETTINGS.some((setting) => setting.key === key && setting.secret === true);
}
