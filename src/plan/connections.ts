import * as pulumi from "@pulumi/pulumi";
import { apiUrlOf } from "../services/github/address.ts";
import { createGitHub, type GitHub } from "../services/github.ts";
import { createRegistry, credentialsFor, type Registry } from "../services/registry.ts";
import type { Settings } from "../settings.ts";
import { overwrittenSecrets, type RecallMetadata, recalledMetadata, releasedTag } from "./recorded-state.ts";

/** Reads one key of the stack configuration in clear text. */
export type ReadConfiguration = (key: string) => string | undefined;

/** The services that a release is published to, and what the plan needs to know of the stack. */
export interface Connections {
  readonly github: GitHub;
  readonly registry: Registry;
  /** Name of the stack. */
  readonly stack: string;
  readonly recallMetadata: RecallMetadata;
  /** Tag of the release that the stack's resources stand for; undefined when there is none, or the state is lost. */
  readonly releasedTag: () => Promise<string | undefined>;
  /** Secrets that somebody else has written: name → when. */
  readonly overwrittenSecrets: () => Promise<Readonly<Record<string, string>>>;
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
  return {
    github: githubOf(settings.repository, read),
    registry: await registryOf(settings.image, read),
    stack: pulumi.getStack(),
    recallMetadata: (tag) => recalledMetadata(pulumi.getStack(), tag),
    releasedTag: () => releasedTag(pulumi.getStack()),
    overwrittenSecrets: () => overwrittenSecrets(pulumi.getStack()),
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
