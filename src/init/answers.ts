import { parseArgs } from "node:util";
import { isCancel, log, password, select, text } from "@clack/prompts";
import { type ParsedBackend, PULUMI_CLOUD, parseBackend } from "../model/backend.ts";
import { quoted } from "../model/quotation.ts";
import { parseRepository } from "../model/reference.ts";
import { urlProblem } from "../model/setting-rule.ts";

export const usage = `npm run init                   asks for what it needs
npm run init -- --yes          asks nothing: GITHUB_TOKEN, and for a self-managed backend PULUMI_CONFIG_PASSPHRASE, are in the environment
  --repository OWNER/NAME      on GitHub (default: what the stack's file or the checkout's origin says)
  --backend URL                where the state is kept: ${PULUMI_CLOUD}, file://DIR, s3://, gs://, azblob://
                               (default: PULUMI_BACKEND_URL, else where you are logged in, else Pulumi Cloud)
  --stack NAME                 (default: prod)
  --github-url URL             of a GitHub Enterprise Server
`;

/** What was given on the command line. */
export interface Flags {
  readonly yes: boolean;
  readonly help: boolean;
  readonly repository: string | undefined;
  readonly backend: string | undefined;
  readonly stack: string;
  readonly githubUrl: string | undefined;
}

/** What is known before anybody is asked. */
export interface Defaults {
  readonly repository: string | undefined;
  readonly backend: string;
}

/** Everything that the stack is made from. */
export interface Answers {
  readonly repository: string;
  readonly backend: Extract<ParsedBackend, { ok: true }>;
  readonly stack: string;
  readonly githubUrl: string | undefined;
  /** Undefined: the one that the stack's file holds already. */
  readonly token: string | undefined;
  /** Undefined: the environment has it, or none is needed. */
  readonly passphrase: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws when there is an unknown option; a token is none */
export function parseFlags(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      yes: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      repository: { type: "string" },
      backend: { type: "string" },
      stack: { type: "string", default: "prod" },
      "github-url": { type: "string" },
    },
  });
  const { "github-url": githubUrl, repository, backend, ...others } = values;
  return { ...others, repository, backend, githubUrl };
}

/**
 * The answers of somebody who is not asked.
 * @throws with all that is missing or wrong at once
 */
export function givenAnswers(flags: Flags, defaults: Defaults, environment: Environment): Answers {
  const repository = flags.repository ?? defaults.repository ?? "";
  const backend = parseBackend(flags.backend ?? defaults.backend);
  const problems = [
    ...problem("--repository", repository, repositoryProblem(repository)),
    ...(backend.ok ? [] : problem("--backend", flags.backend ?? defaults.backend, backend.problem)),
    ...problem("--stack", flags.stack, stackProblem(flags.stack)),
    ...(flags.githubUrl ? problem("--github-url", flags.githubUrl, urlProblem(flags.githubUrl)) : []),
    ...(backend.ok && backend.kind === "self-managed" && !hasPassphrase(environment)
      ? ["PULUMI_CONFIG_PASSPHRASE is not set: a self-managed backend encrypts the stack's secrets with it"]
      : []),
  ];
  if (!backend.ok || problems.length > 0) {
    throw new Error(problems.join("\n"));
  }
  const { stack, githubUrl } = flags;
  return { repository, backend, stack, githubUrl, token: environment.GITHUB_TOKEN || undefined, passphrase: undefined };
}

/**
 * Asks a person, on the terminal.
 * @param stored whether the stack's file holds a token already
 * @returns undefined when the person left
 */
export async function askedAnswers(
  flags: Flags,
  defaults: Defaults,
  environment: Environment,
  stored: boolean,
): Promise<Answers | undefined> {
  const suggested = flags.repository ?? defaults.repository;
  const repository = await text({
    message: "Repository on GitHub that is released from and to",
    placeholder: "owner/name",
    ...(suggested === undefined ? {} : { initialValue: suggested }),
    validate: (value) => repositoryProblem(value ?? ""),
  });
  if (isCancel(repository)) return undefined;

  const current = flags.backend ?? defaults.backend;
  const known = [PULUMI_CLOUD, "file://~"];
  const choice = await select({
    message: "Where the state is kept",
    initialValue: current,
    options: [
      ...[...new Set([current, ...known])].map((value) => ({ value, label: LABELS[value] ?? value })),
      { value: "other", label: "somewhere else: s3://, gs://, azblob://, file://" },
    ],
  });
  if (isCancel(choice)) return undefined;
  const address =
    choice === "other"
      ? await text({
          message: "Address of the backend",
          validate: (value) => {
            const parsed = parseBackend(value ?? "");
            return parsed.ok ? undefined : parsed.problem;
          },
        })
      : choice;
  if (isCancel(address)) return undefined;
  const backend = parseBackend(address);
  if (!backend.ok) throw new Error(`--backend is ${quoted(address)}: ${backend.problem}`);

  const fallback = environment.GITHUB_TOKEN ? "GITHUB_TOKEN of the environment" : stored ? "the stored one" : undefined;
  const token = await password({
    message: `Token for GitHub, scopes repo and workflow; it is stored encrypted${fallback ? ` (nothing: ${fallback})` : ""}`,
    validate: (value) =>
      value || fallback ? undefined : "a token is needed: https://github.com/settings/tokens/new?scopes=repo,workflow",
  });
  if (isCancel(token)) return undefined;

  const asked = backend.kind === "self-managed" && !hasPassphrase(environment);
  if (asked) log.info("A self-managed backend encrypts the stack's secrets with a passphrase: do not lose it.");
  const passphrase = asked
    ? await password({
        message: "Passphrase of the stack's secrets",
        validate: (value) => (value ? undefined : "a passphrase is needed"),
      })
    : undefined;
  if (isCancel(passphrase)) return undefined;
  const { stack, githubUrl } = flags;
  return { repository, backend, stack, githubUrl, token: token || environment.GITHUB_TOKEN || undefined, passphrase };
}

const LABELS: Readonly<Record<string, string>> = {
  [PULUMI_CLOUD]: "Pulumi Cloud",
  "file://~": "this machine: ~/.pulumi",
};

function problem(name: string, value: string, found: string | undefined): string[] {
  return found === undefined ? [] : [`${name} is ${value ? quoted(value) : "not given"}: ${found}`];
}

function repositoryProblem(value: string): string | undefined {
  const parsed = parseRepository(value);
  return parsed.ok ? undefined : parsed.problem;
}

function stackProblem(value: string): string | undefined {
  return /^[A-Za-z0-9_.-]{1,100}$/.test(value) ? undefined : "a stack's name has letters, digits, ., _ and -";
}

function hasPassphrase(environment: Environment): boolean {
  return environment.PULUMI_CONFIG_PASSPHRASE !== undefined || environment.PULUMI_CONFIG_PASSPHRASE_FILE !== undefined;
}
