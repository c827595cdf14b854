import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { openSecret } from "../../rehearsal/github/inspection.ts";
import type { Secret } from "../../rehearsal/github/state.ts";
import { isJson } from "../../src/services/file-backend.ts";
import type { Lane } from "./lane.ts";

/** The stack's state in the backend's directory. */
export const STATE = "state/.pulumi/stacks/mount-monitor/local.json";
/** The engine's locks on it. */
export const LOCKS = "state/.pulumi/locks/organization/mount-monitor/local";

/**
 * What is left when everything of an update is killed now, as one text: the engine's state and locks, the files in the
 * project, and what GitHub and the registry hold. A next update knows nothing else, so that two kills that leave the same
 * text are one. Left out is what no update decides by: most times, and random ids (in their order of appearance instead), where
 * services and directories are, the engine's backups, logs and history, how a secret was encrypted, and uploads to the
 * registry that were not completed: only who began one knows its id.
 *
 * Synchronous, so that no service answers while it is read.
 */
export function remainsOf(lane: Pick<Lane, "directory" | "local" | "storage" | "github" | "registry">): string {
  const { github, registry, directory, local, storage } = lane;
  const repositories = Object.values(github.inspect.state.repositories).map((repository) => ({
    ...repository,
    // Assets are uploaded side by side.
    releases: repository.releases.map((release) => ({ ...release, assets: release.assets.toSorted(byName) })),
  }));
  const world = canonical({
    github: repositories.map(({ commits, secrets, environments, ...rest }) => ({
      ...rest,
      commits: Object.values(commits).map(({ message, files }) => ({ message, files })),
      secrets: opened(secrets),
      environments: Object.values(environments).map((environment) => ({
        ...environment,
        secrets: opened(environment.secrets),
      })),
    })),
    registry: linksIn(join(storage, "repositories")),
    state: stateIn(lane),
    locks: filesIn(join(local, "state/.pulumi/locks")).length,
    cut: attributesIn(join(local, "state")).filter((path) => !isJson(read(path))).length,
    files: [".artifacts", ".build", "docker-context"].flatMap((place) =>
      filesIn(join(directory, place)).map((path) => [relative(directory, path), contentOf(path)]),
    ),
  });
  const ids: [string, string][] = repositories.flatMap(({ commits }) =>
    Object.keys(commits).map((sha, index): [string, string] => [sha, `commit ${index}`]),
  );
  JSON.stringify(repositories, (key, value) => {
    if (key === "id" && typeof value === "number") ids.push([String(value), `id ${ids.length}`]);
    return value;
  });
  const known = new Map([
    ...ids,
    [registry.address, "the registry"] as const,
    [github.url.replace("http://", ""), "GitHub"] as const,
  ]);
  const times: string[] = [];
  return world
    .replaceAll(directory, "the project")
    .replace(/(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:Z| \+0000 UTC)/g, (_time, day, clock) => {
      const time = `${day} ${clock}`;
      if (!times.includes(time)) times.push(time);
      return `time ${times.indexOf(time)}`;
    })
    .replace(/\b(127\.0\.0\.1:\d+|[0-9a-f]{40}|\d{3,6})\b/g, (found) => known.get(found) ?? found);

  // The time, because the state remembers it: it is how a write by somebody else is noticed.
  function opened(secrets: Record<string, Secret>): unknown {
    return Object.values(secrets).map((secret) => {
      return [secret.name, openSecret(github.inspect.state, secret), secret.updatedAt];
    });
  }
}

/** The same in few characters. */
export function digestOf(remains: string): string {
  return createHash("sha256").update(remains).digest("hex").slice(0, 16);
}

// biome-ignore lint/suspicious/noExplicitAny: a deployment as the engine writes it
export function deploymentIn(file: string): any {
  try {
    return JSON.parse(readFileSync(file, "utf8")).checkpoint.latest;
  } catch {
    return undefined; // there is no stack yet
  }
}

interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly provider?: string;
}

/** The engine's part of it. */
export function stateOf(lane: Pick<Lane, "local">): string {
  return canonical(stateIn(lane));
}

function stateIn({ local }: Pick<Lane, "local">): unknown {
  const { resources = [], pending_operations: pending = [] } = deploymentIn(join(local, STATE)) ?? {};
  const recorded = ({ id, provider = "", ...resource }: Recorded) => ({
    ...resource,
    // Random ones; every other id is a name, or GitHub's.
    id: /^(pulumi:providers:|command:)/.test(resource.type) ? id !== undefined : id,
    provider: provider.slice(0, provider.lastIndexOf("::")),
  });
  const sorted = (list: Recorded[]) => list.map(recorded).sort((left, right) => (left.urn < right.urn ? -1 : 1));
  return {
    resources: sorted(resources),
    pending: sorted(
      (pending ?? []).map(({ type, resource }: { type: string; resource: Recorded }) => ({
        ...resource,
        pending: type,
      })),
    ),
  };
}

const IRRELEVANT =
  /^(created|modified|.*At|date|downloads|untagged|etag|keyId|nodeId|sourcePosition|stackTrace|propertyDependencies|ciphertext|parents)$/;

/** As JSON: keys in order, and without what no update decides by. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (key, nested) => {
    if (IRRELEVANT.test(key)) return undefined;
    if (key === "dependencies" && Array.isArray(nested)) return [...nested].sort();
    return nested !== null && typeof nested === "object" && !Array.isArray(nested)
      ? Object.fromEntries(Object.entries(nested).sort(([left], [right]) => (left < right ? -1 : 1)))
      : nested;
  });
}

/** Files below a directory but the backend's attributes. */
function filesIn(directory: string): string[] {
  return allIn(directory).filter((path) => !path.endsWith(".attrs"));
}

function attributesIn(directory: string): string[] {
  return allIn(directory).filter((path) => path.endsWith(".attrs"));
}

function allIn(directory: string): string[] {
  while (existsSync(directory)) {
    try {
      return readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .sort();
    } catch (error) {
      // The registry and the engine remove what they are done with meanwhile: look once more.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return [];
}

/** What the repository links to; what it does not link to is not there for a client. */
function linksIn(repositories: string): unknown {
  return filesIn(repositories)
    .filter((path) => path.endsWith("/link"))
    .map((path) => [relative(repositories, path), read(path)]);
}

const contents = new Map<string, string>();

function contentOf(path: string): unknown {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined; // gone in the meantime
  const { size, mtimeMs, mode } = stat;
  if (path.endsWith(".json") && isJson(read(path))) return JSON.parse(read(path));
  const key = `${path} ${size} ${mtimeMs}`;
  const content = contents.get(key) ?? createHash("sha256").update(readFileSync(path)).digest("hex");
  contents.set(key, content);
  return [content, mode & 0o777];
}

function byName(left: { readonly name: string }, right: { readonly name: string }): number {
  return left.name < right.name ? -1 : 1;
}

/** Empty when it is gone in the meantime: the engine's are replaced and removed while this reads. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
