import * as pulumi from "@pulumi/pulumi";
import { apiUrlOf } from "../services/github/address.ts";
import { createGitHub, type GitHub } from "../services/github.ts";
import { createRegistry, credentialsFor, type Registry } from "../services/registry.ts";
import type { Settings } from "../settings.ts";
import {
  overwrittenSecrets,
  type RecallMetadata,
  type RecordedReleases,
  readResourceOutputs,
  recalledMetadata,
  recordedReleases,
  recordedUrns,
  workflowLooks,
} from "./recorded-state.ts";

/** Reads one key of the stack configuration in clear text. */
export type ReadConfiguration = (key: string) => string | undefined;

/** The services that a release is published to, and what the plan needs to know of the stack. */
export interface Connections {
  readonly github: GitHub;
  readonly registry: Registry;
  /** Name of the stack. */
  readonly stack: string;
  readonly recallMetadata: RecallMetadata;
  /** What the stack's state knows to be published. */
  readonly recordedReleases: () => Promise<RecordedReleases>;
  /** Secrets that somebody else has written: name → when. */
  readonly overwrittenSecrets: () => Promise<Readonly<Record<string, string>>>;
  /** How often the stack has looked at workflows that differed. */
  readonly workflowLooks: () => Promise<number>;
  /** The resources that the stack's state knows. */
  readonly recordedUrns: () => Promise<readonly string[]>;
}

/** Connects the program: only the values that are configured, everything else from the environment. */
export async function connect(settings: Settings): Promise<Connections> {
  const [githubToken, registryPassword] = await Promise.all([
    plain(settings.githubToken),
    plain(settings.registryPassword),
  ]);
  const values: Record<string, string | undefined> = {
    githubUrl: settings.githubUrl,
    githubToken,
    registryUser: settings.registryUser,
    registryPassword,
  };
  const read = (key: string) => values[key];
  const stack = pulumi.getStack();
  // The state does not change before something is declared: it is read at most once.
  let outputs: Promise<unknown> | undefined;
  const recorded = () => (outputs ??= readResourceOutputs(stack));
  return {
    github: githubOf(settings.repository, read),
    registry: await registryOf(settings.image, read),
    stack,
    recallMetadata: async (tag) => recalledMetadata(await recorded(), tag, settings),
    recordedReleases: async () => recordedReleases(await recorded(), settings),
    overwrittenSecrets: async () => overwrittenSecrets(await recorded()),
    workflowLooks: async () => workflowLooks(await recorded()),
    recordedUrns: async () => recordedUrns(await recorded()),
  };
}

/**
 * The registry of an image, with the stack's credentials if it has any, else with Docker's.
 * @param image reference without a tag
 */
export async function registryOf(image: string, read: ReadConfiguration): Promise<Registry> {
  const username = read("registryUser");
  const password = read("registryPassword");
  const credentials =
    username && password
      ? { username, password }
      : await credentialsFor(image.slice(0, image.indexOf("/")), process.env);
  return createRegistry({ reference: image, credentials, report });
}

/**
 * The repository on GitHub, with the stack's token if it has one, else with the environment's `GITHUB_TOKEN`.
 * @param repository `owner/name`
 */
export function githubOf(repository: string, read: ReadConfiguration): GitHub {
  const token = read("githubToken") || process.env.GITHUB_TOKEN;
  return createGitHub({
    apiUrl: apiUrlOf(read("githubUrl") || undefined),
    repository,
    report,
    ...(token ? { token } : {}),
  });
}

// The engine shows what a program or a plugin writes there.
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

function plain(output: pulumi.Output<string> | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    pulumi.output(output).apply(resolve);
  });
}
