import { z } from "zod";
import type { TokenFacts } from "../../model/token-access.ts";
import { ServiceError } from "../service-error.ts";
import type { Api } from "./api.ts";
import { repositorySchema } from "./release.ts";

const anything = z.looseObject({});

/**
 * Asks GitHub what a token is good for, and writes nothing. Of a fine-grained token, reading is tried: what it may write
 * is not to be learned otherwise.
 *
 * @param repository `owner/name`
 * @throws ServiceError with status 401 when the token is not valid
 */
export async function tokenFacts(api: Api, repository: string): Promise<TokenFacts> {
  const [owner = "", repo = ""] = repository.split("/");
  const place = { owner, repo };
  let scopes: string | undefined;
  const user = await withoutRefusal(() =>
    api.call(z.object({ login: z.string() }), async (ask) => {
      const answer = await ask("GET /user");
      scopes = answer.headers["x-oauth-scopes"];
      return answer;
    }),
  );
  const found = await api.find(repositorySchema, (ask) => ask("GET /repos/{owner}/{repo}", place));
  const probes = {
    actions_variables: () => api.call(anything, (ask) => ask("GET /repos/{owner}/{repo}/actions/variables", place)),
    secrets: () => api.call(anything, (ask) => ask("GET /repos/{owner}/{repo}/actions/secrets", place)),
    administration: () => api.call(anything, (ask) => ask("GET /repos/{owner}/{repo}/actions/permissions", place)),
  };
  const refused: string[] = [];
  if (found && scopes === undefined && found.permissions?.admin !== false) {
    for (const [name, probe] of Object.entries(probes)) {
      if ((await withoutRefusal(probe)) === undefined) {
        refused.push(name);
      }
    }
  }
  return {
    repository,
    login: user?.login,
    scopes: scopes?.split(/,\s*/).filter(Boolean),
    found: found && { fullName: found.fullName, archived: found.archived, admin: found.permissions?.admin },
    refused,
  };
}

/** Undefined when GitHub answers that the token may not do that. */
async function withoutRefusal<T>(send: () => Promise<T>): Promise<T | undefined> {
  try {
    return await send();
  } catch (error) {
    const refused = error instanceof ServiceError && (error.status === 403 || error.status === 404);
    if (refused && error.waitSeconds === undefined) {
      return undefined;
    }
    throw error;
  }
}
