import { z } from "zod";
import { user } from "./accounts.ts";
import { readBody } from "./body.ts";
import { type App, type Call, commit, repositoryOf, type Service } from "./context.ts";
import { notFound, unprocessable } from "./error.ts";
import { apiOf, type Links, nodeId, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import type { Environment, Repository } from "./state.ts";

const EnvironmentBody = z.object({
  wait_timer: z.number().int().min(0).max(43_200).optional(),
  prevent_self_review: z.boolean().optional(),
  can_admins_bypass: z.boolean().optional(),
  reviewers: z
    .array(z.object({ type: z.literal("User"), id: z.number().int() }))
    .max(6)
    .nullable()
    .optional(),
  deployment_branch_policy: z
    .object({ protected_branches: z.boolean(), custom_branch_policies: z.boolean() })
    .nullable()
    .optional(),
});
const PolicyBody = z.object({ name: z.string().min(1), type: z.enum(["branch", "tag"]).optional() });

/** Deployment environments; reviewers are users only. https://docs.github.com/rest/deployments/environments */
export function environmentRoutes(app: App, { store, links }: Service): void {
  const ONE = "/repos/:owner/:repo/environments/:environment";

  app.get("/repos/:owner/:repo/environments", (call) => {
    const repository = repositoryOf(call, store);
    const all = Object.values(repository.environments);
    const environments = page(call, all, links).map((environment) => present(links, repository, environment));
    return call.json({ total_count: all.length, environments });
  });

  app.get(ONE, (call) => {
    const repository = repositoryOf(call, store);
    return call.json(present(links, repository, environmentOf(call, repository)));
  });

  app.put(ONE, async (call) => {
    const repository = repositoryOf(call, store, "admin");
    const body = await readBody(call, EnvironmentBody);
    const policy = body.deployment_branch_policy ?? null;
    if (policy && policy.protected_branches === policy.custom_branch_policies) {
      throw unprocessable("protected_branches and custom_branch_policies cannot have the same value");
    }
    const [time, name] = [store.time(), call.req.param("environment")];
    const known = repository.environments[name.toLowerCase()];
    const environment: Environment = {
      id: known?.id ?? store.newId(),
      name: known?.name ?? name,
      createdAt: known?.createdAt ?? time,
      updatedAt: time,
      waitTimer: body.wait_timer ?? 0,
      preventSelfReview: body.prevent_self_review ?? false,
      canAdminsBypass: body.can_admins_bypass ?? true,
      reviewers: body.reviewers ?? [],
      branchPolicy: policy,
      branchPolicies: policy?.custom_branch_policies ? (known?.branchPolicies ?? []) : [],
      secrets: known?.secrets ?? {},
      variables: known?.variables ?? {},
    };
    repository.environments[name.toLowerCase()] = environment;
    commit(call, store);
    return call.json(present(links, repository, environment));
  });

  app.delete(ONE, (call) => {
    const repository = repositoryOf(call, store, "admin");
    delete repository.environments[environmentOf(call, repository).name.toLowerCase()];
    commit(call, store);
    return call.body(null, 204);
  });

  const POLICIES = `${ONE}/deployment-branch-policies`;

  app.get(POLICIES, (call) => {
    const { branchPolicies } = environmentOf(call, repositoryOf(call, store));
    const branch_policies = page(call, branchPolicies, links).map(presentPolicy);
    return call.json({ total_count: branchPolicies.length, branch_policies });
  });

  app.post(POLICIES, async (call) => {
    const environment = environmentOf(call, repositoryOf(call, store, "admin"));
    const { name, type = "branch" } = await readBody(call, PolicyBody);
    if (!environment.branchPolicy?.custom_branch_policies) throw notFound();
    if (environment.branchPolicies.some((policy) => policy.name === name && policy.type === type)) {
      return call.body(null, 303);
    }
    const policy = { id: store.newId(), name, type };
    environment.branchPolicies.push(policy);
    commit(call, store);
    return call.json(presentPolicy(policy));
  });

  app.get(`${POLICIES}/:policy{[0-9]+}`, (call) => call.json(presentPolicy(policyOf(call, "pull"))));

  app.put(`${POLICIES}/:policy{[0-9]+}`, async (call) => {
    const policy = policyOf(call, "admin");
    policy.name = (await readBody(call, PolicyBody)).name;
    commit(call, store);
    return call.json(presentPolicy(policy));
  });

  app.delete(`${POLICIES}/:policy{[0-9]+}`, (call) => {
    const policy = policyOf(call, "admin");
    const environment = environmentOf(call, repositoryOf(call, store));
    environment.branchPolicies = environment.branchPolicies.filter((other) => other !== policy);
    commit(call, store);
    return call.body(null, 204);
  });

  function policyOf(call: Call, permission: "pull" | "admin") {
    const { branchPolicies } = environmentOf(call, repositoryOf(call, store, permission));
    const policy = branchPolicies.find(({ id }) => id === Number(call.req.param("policy")));
    if (!policy) throw notFound();
    return policy;
  }
}

/**
 * The environment that the path names, whatever the case of its letters.
 * @throws GitHubError 404
 */
export function environmentOf(call: Call, repository: Repository): Environment {
  const environment = repository.environments[(call.req.param("environment") ?? "").toLowerCase()];
  if (!environment) throw notFound();
  return environment;
}

function presentPolicy({ id, name, type }: Environment["branchPolicies"][number]) {
  return { id, node_id: nodeId("DBP", id), name, type };
}

function present(links: Links, repository: Repository, environment: Environment) {
  const { id, name, waitTimer, reviewers } = environment;
  const rule = (type: string, more: object) => ({ id, node_id: nodeId("GA", `${id}${type}`), type, ...more });
  return {
    id,
    node_id: nodeId("EN", id),
    name,
    url: `${apiOf(links, repository)}/environments/${encodeURIComponent(name)}`,
    html_url: `${webOf(links, repository)}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
    created_at: environment.createdAt,
    updated_at: environment.updatedAt,
    can_admins_bypass: environment.canAdminsBypass,
    protection_rules: [
      ...(waitTimer > 0 ? [rule("wait_timer", { wait_timer: waitTimer })] : []),
      ...(reviewers.length > 0 || environment.preventSelfReview
        ? [
            rule("required_reviewers", {
              prevent_self_review: environment.preventSelfReview,
              reviewers: reviewers.map(({ type, id }) => ({ type, reviewer: { ...user(links, `user-${id}`), id } })),
            }),
          ]
        : []),
      ...(environment.branchPolicy ? [rule("branch_policy", {})] : []),
    ],
    deployment_branch_policy: environment.branchPolicy,
  };
}
