import { z } from "zod";
import { blobOf } from "../../model/blob.ts";
import { type Api, pageSize } from "./api.ts";

const anything = z.looseObject({});
const named = z.object({ id: z.int(), name: z.string() });

/** A setting of the repository, as a resource of the GitHub provider. */
export interface Setting {
  /** `github:index/actionsVariable:ActionsVariable` */
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** What GitHub has in the place of a setting. */
interface Found {
  /** The id that the provider imports it by; undefined when it is not what was to be made, and so somebody else's. */
  readonly id: string | undefined;
}

interface Place {
  readonly api: Api;
  readonly owner: string;
  readonly repo: string;
  /** An input that is text, empty when it is not there. */
  readonly text: (key: string) => string;
}

/**
 * How a setting of each kind is looked for: undefined when it is not there.
 * Source of the ids: terraform-provider-github, util.go (`buildID`), and each resource's importer.
 */
const looks: Readonly<Record<string, (place: Place) => Promise<Found | undefined>>> = {
  async ActionsVariable({ api, owner, repo, text }) {
    const name = text("variableName");
    const found = await api.find(z.looseObject({ value: z.string() }), (ask) =>
      ask("GET /repos/{owner}/{repo}/actions/variables/{name}", { owner, repo, name }),
    );
    return found && { id: found.value === text("value") ? idOf(repo, name) : undefined };
  },
  async ActionsEnvironmentSecret({ api, owner, repo, text }) {
    const found = await api.find(anything, (ask) =>
      ask("GET /repos/{owner}/{repo}/environments/{environment_name}/secrets/{secret_name}", {
        owner,
        repo,
        environment_name: text("environment"),
        secret_name: text("secretName"),
      }),
    );
    // Nobody can read whose value it has.
    return found && { id: undefined };
  },
  async RepositoryFile({ api, owner, repo, text }) {
    const [path, branch] = [text("file"), text("branch")];
    const found = await api.find(z.looseObject({ sha: z.string() }), (ask) =>
      ask("GET /repos/{owner}/{repo}/contents/{path}", { owner, repo, path, ...(branch ? { ref: branch } : {}) }),
    );
    return found && { id: found.sha === blobOf(text("content")) ? idOf(repo, escaped(path), branch) : undefined };
  },
  async RepositoryRuleset({ api, owner, repo, text }) {
    const rulesets = await api.list(named, (ask, page) =>
      ask("GET /repos/{owner}/{repo}/rulesets", { owner, repo, includes_parents: false, per_page: pageSize, page }),
    );
    const found = rulesets.find(({ name }) => name === text("name"));
    return found && { id: idOf(repo, String(found.id)) };
  },
  async RepositoryEnvironmentDeploymentPolicy({ api, owner, repo, text }) {
    const environment = text("environment");
    const pattern = text("tagPattern") || text("branchPattern");
    const answer = await api.find(z.object({ branch_policies: z.array(named) }), (ask) =>
      ask("GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", {
        owner,
        repo,
        environment_name: environment,
        per_page: pageSize,
      }),
    );
    const found = answer?.branch_policies.find(({ name }) => name === pattern);
    return found && { id: idOf(repo, escaped(environment), String(found.id)) };
  },
};

/**
 * Looks whether a setting exists that the state does not know, and gives the id that the provider imports it by; undefined when it
 * does not exist. A file or a variable is there when its text or value is the one of the inputs: with another one it is
 * somebody else's, and not to be taken over unseen.
 *
 * @throws ServiceError when GitHub does not say, for example because the token may not look
 */
export async function existingId(api: Api, owner: string, setting: Setting): Promise<string | undefined> {
  return (await look(api, owner, setting))?.id;
}

/**
 * Whether a setting that the state knows is not there any more. Of a kind that is not looked for it is not said.
 *
 * @throws ServiceError when GitHub does not say, for example because the token may not look
 */
export async function isGone(api: Api, owner: string, setting: Setting): Promise<boolean> {
  return Object.hasOwn(looks, kindOf(setting)) && (await look(api, owner, setting)) === undefined;
}

function look(api: Api, owner: string, { type, inputs }: Setting): Promise<Found | undefined> {
  const text = (key: string) => (typeof inputs[key] === "string" ? inputs[key] : "");
  return looks[kindOf({ type })]?.({ api, owner, repo: text("repository"), text }) ?? Promise.resolve(undefined);
}

function kindOf({ type }: Pick<Setting, "type">): string {
  return type.slice(type.lastIndexOf(":") + 1);
}

function idOf(...parts: string[]): string {
  return parts.join(":");
}

function escaped(part: string): string {
  return part.replaceAll(":", "??");
}
