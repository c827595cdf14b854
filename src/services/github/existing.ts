import { z } from "zod";
import { blobOf } from "../../model/blob.ts";
import { apiUrlOf } from "./address.ts";
import { type Api, createApi, pageSize } from "./api.ts";

const anything = z.looseObject({});
const named = z.object({ id: z.int(), name: z.string() });

/** A resource of the GitHub provider that may exist. */
export interface PossibleSetting {
  /** `github:index/actionsVariable:ActionsVariable` */
  readonly type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

/**
 * Looks whether a setting exists, with what the stack is configured with: `repository`, `githubUrl`, `githubToken`.
 *
 * @returns the id that the GitHub provider imports it by
 */
export async function existingSetting(
  { type, inputs }: PossibleSetting,
  read: (key: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const [owner = ""] = ((await read("repository")) ?? "").split("/");
  const token = (await read("githubToken")) || process.env.GITHUB_TOKEN;
  const api = createApi({ apiUrl: apiUrlOf(await read("githubUrl")), ...(token ? { token } : {}) });
  return existingId(api, owner, type, inputs);
}

/**
 * Looks whether a resource of the GitHub provider exists that the state does not know, and gives the id that the
 * provider imports it by; undefined when it does not exist. A file or a variable is there when its text or value is the one of the
 * inputs: with another one it is somebody else's, and not to be taken over unseen.
 * Source of the ids: terraform-provider-github, util.go (`buildID`), and each resource's importer.
 *
 * @param type `github:index/actionsVariable:ActionsVariable`
 * @param inputs inputs of the resource
 * @throws ServiceError when GitHub does not say, for example because the token may not look
 */
export async function existingId(
  api: Api,
  owner: string,
  type: string,
  inputs: Readonly<Record<string, unknown>>,
): Promise<string | undefined> {
  const text = (key: string) => (typeof inputs[key] === "string" ? inputs[key] : "");
  const repo = text("repository");
  const environment = text("environment");
  const place = { owner, repo };
  const id = (...parts: string[]) => parts.join(":");
  const escaped = (part: string) => part.replaceAll(":", "??");
  switch (type.split(":").at(-1)) {
    case "ActionsVariable": {
      const name = text("variableName");
      const found = await api.find(z.looseObject({ value: z.string() }), (ask) =>
        ask("GET /repos/{owner}/{repo}/actions/variables/{name}", { ...place, name }),
      );
      return found?.value === text("value") ? id(repo, name) : undefined;
    }
    case "ActionsEnvironmentVariable": {
      const name = text("variableName");
      const found = await api.find(anything, (ask) =>
        ask("GET /repos/{owner}/{repo}/environments/{environment_name}/variables/{name}", {
          ...place,
          environment_name: environment,
          name,
        }),
      );
      return found && id(repo, escaped(environment), name);
    }
    case "RepositoryFile": {
      const [path, branch] = [text("file"), text("branch")];
      const found = await api.find(z.looseObject({ sha: z.string() }), (ask) =>
        ask("GET /repos/{owner}/{repo}/contents/{path}", { ...place, path, ...(branch ? { ref: branch } : {}) }),
      );
      return found?.sha === blobOf(text("content")) ? id(repo, escaped(path), branch) : undefined;
    }
    case "RepositoryRuleset": {
      const rulesets = await api.list(named, (ask, page) =>
        ask("GET /repos/{owner}/{repo}/rulesets", { ...place, includes_parents: false, per_page: pageSize, page }),
      );
      const found = rulesets.find(({ name }) => name === text("name"));
      return found && id(repo, String(found.id));
    }
    case "RepositoryEnvironmentDeploymentPolicy": {
      const pattern = text("tagPattern") || text("branchPattern");
      const answer = await api.find(z.object({ branch_policies: z.array(named) }), (ask) =>
        ask("GET /repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies", {
          ...place,
          environment_name: environment,
          per_page: pageSize,
        }),
      );
      const found = answer?.branch_policies.find(({ name }) => name === pattern);
      return found && id(repo, escaped(environment), String(found.id));
    }
    default:
      return undefined;
  }
}
