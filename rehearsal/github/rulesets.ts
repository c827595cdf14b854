import { z } from "zod";
import { readBody } from "./body.ts";
import { type App, type Call, commit, repositoryOf, type Service } from "./context.ts";
import { notFound, validationFailed } from "./error.ts";
import { apiOf, type Links, nodeId, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import { covers } from "./ruleset-check.ts";
import type { Repository, Ruleset } from "./state.ts";

const RulesetPatch = z.object({
  name: z.string().min(1).optional(),
  target: z.enum(["branch", "tag", "push", "repository"]).optional(),
  enforcement: z.enum(["disabled", "active", "evaluate"]).optional(),
  bypass_actors: z.array(z.record(z.string(), z.unknown())).nullable().optional(),
  conditions: z
    .object({ ref_name: z.object({ include: z.array(z.string()), exclude: z.array(z.string()) }).optional() })
    .nullable()
    .optional(),
  rules: z
    .array(z.object({ type: z.string(), parameters: z.record(z.string(), z.unknown()).optional() }))
    .nullable()
    .optional(),
});
const RulesetBody = RulesetPatch.required({ name: true, enforcement: true });

/**
 * Rulesets of a repository. Those on creation, update, deletion and force pushes bind, see `ruleset-check.ts`; all
 * others are only kept. https://docs.github.com/rest/repos/rules
 */
export function rulesetRoutes(app: App, { store, links }: Service): void {
  app.get("/repos/:owner/:repo/rulesets", (call) => {
    const repository = repositoryOf(call, store);
    return call.json(
      page(call, repository.rulesets, links).map((ruleset) => {
        const { rules, conditions, bypass_actors, ...short } = present(links, repository, ruleset);
        return short;
      }),
    );
  });

  app.post("/repos/:owner/:repo/rulesets", async (call) => {
    const repository = repositoryOf(call, store, "admin");
    const body = await readBody(call, RulesetBody);
    refuseNameTwice(repository, body.name);
    const time = store.time();
    const ruleset: Ruleset = {
      id: store.newId(),
      name: body.name,
      target: body.target ?? "branch",
      enforcement: body.enforcement,
      bypassActors: body.bypass_actors ?? [],
      conditions: body.conditions ?? null,
      rules: body.rules ?? [],
      createdAt: time,
      updatedAt: time,
    };
    repository.rulesets.push(ruleset);
    commit(call, store);
    return call.json(present(links, repository, ruleset), 201);
  });

  app.get("/repos/:owner/:repo/rulesets/:id{[0-9]+}", (call) => {
    const repository = repositoryOf(call, store);
    return call.json(present(links, repository, rulesetOf(call, repository)));
  });

  app.put("/repos/:owner/:repo/rulesets/:id{[0-9]+}", async (call) => {
    const repository = repositoryOf(call, store, "admin");
    const body = await readBody(call, RulesetPatch);
    const ruleset = rulesetOf(call, repository);
    if (body.name !== undefined) refuseNameTwice(repository, body.name, ruleset);
    Object.assign(ruleset, {
      name: body.name ?? ruleset.name,
      target: body.target ?? ruleset.target,
      enforcement: body.enforcement ?? ruleset.enforcement,
      bypassActors: body.bypass_actors ?? ruleset.bypassActors,
      conditions: body.conditions === undefined ? ruleset.conditions : body.conditions,
      rules: body.rules ?? ruleset.rules,
      updatedAt: store.time(),
    } satisfies Partial<Ruleset>);
    commit(call, store);
    return call.json(present(links, repository, ruleset));
  });

  app.delete("/repos/:owner/:repo/rulesets/:id{[0-9]+}", (call) => {
    const repository = repositoryOf(call, store, "admin");
    const ruleset = rulesetOf(call, repository);
    repository.rulesets = repository.rulesets.filter((other) => other !== ruleset);
    commit(call, store);
    return call.body(null, 204);
  });

  app.get("/repos/:owner/:repo/rules/branches/:branch{.+}", (call) => {
    const repository = repositoryOf(call, store);
    const [ref, main] = [`refs/heads/${call.req.param("branch")}`, `refs/heads/${repository.settings.default_branch}`];
    const binding = repository.rulesets.filter(
      (ruleset) => ruleset.enforcement === "active" && covers(ruleset, ref, main),
    );
    const ruleset_source = `${repository.owner}/${repository.name}`;
    const rules = binding.flatMap(({ id, rules }) =>
      rules.map((rule) => ({ ...rule, ruleset_id: id, ruleset_source, ruleset_source_type: "Repository" })),
    );
    return call.json(page(call, rules, links));
  });
}

function rulesetOf(call: Call, repository: Repository): Ruleset {
  const ruleset = repository.rulesets.find(({ id }) => id === Number(call.req.param("id")));
  if (!ruleset) throw notFound();
  return ruleset;
}

function refuseNameTwice(repository: Repository, name: string, self?: Ruleset): void {
  if (!repository.rulesets.some((other) => other !== self && other.name === name)) return;
  throw validationFailed({ resource: "Ruleset", code: "custom", field: "name", message: "Name must be unique" });
}

function present(links: Links, repository: Repository, ruleset: Ruleset) {
  const { id, name, target, enforcement, conditions, rules } = ruleset;
  return {
    id,
    name,
    target,
    source_type: "Repository",
    source: `${repository.owner}/${repository.name}`,
    enforcement,
    node_id: nodeId("RRS", id),
    _links: {
      self: { href: `${apiOf(links, repository)}/rulesets/${id}` },
      html: { href: `${webOf(links, repository)}/rules/${id}` },
    },
    created_at: ruleset.createdAt,
    updated_at: ruleset.updatedAt,
    bypass_actors: ruleset.bypassActors,
    current_user_can_bypass: ruleset.bypassActors.length > 0 ? "always" : "never",
    conditions,
    rules,
  };
}
