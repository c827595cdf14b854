import { z } from "zod";
import { readBody } from "./body.ts";
import { type App, type Call, commit, repositoryOf, type Service } from "./context.ts";
import { conflict } from "./error.ts";
import { apiOf } from "./links.ts";
import type { ActionsPermissions } from "./state.ts";

const PermissionsBody = z.object({
  enabled: z.boolean(),
  allowed_actions: z.enum(["all", "local_only", "selected"]).optional(),
  sha_pinning_required: z.boolean().optional(),
});
const SelectedBody = z.object({
  github_owned_allowed: z.boolean().optional(),
  verified_allowed: z.boolean().optional(),
  patterns_allowed: z.array(z.string()).nullable().optional(),
});
const WorkflowBody = z.object({
  default_workflow_permissions: z.enum(["read", "write"]).optional(),
  can_approve_pull_request_reviews: z.boolean().optional(),
});

/** What GitHub Actions may do in a repository. https://docs.github.com/rest/actions/permissions */
export function actionsPermissionRoutes(app: App, { store, links }: Service): void {
  const BASE = "/repos/:owner/:repo/actions/permissions";

  app.get(BASE, (call) => {
    const repository = repositoryOf(call, store, "admin");
    const { enabled, allowedActions, shaPinningRequired } = repository.actions;
    const selected_actions_url = `${apiOf(links, repository)}/actions/permissions/selected-actions`;
    return call.json({
      enabled,
      ...(enabled && { allowed_actions: allowedActions, sha_pinning_required: shaPinningRequired }),
      ...(enabled && allowedActions === "selected" && { selected_actions_url }),
    });
  });

  app.put(BASE, async (call) => {
    const { actions } = repositoryOf(call, store, "admin");
    const body = await readBody(call, PermissionsBody);
    actions.enabled = body.enabled;
    actions.allowedActions = body.allowed_actions ?? actions.allowedActions;
    actions.shaPinningRequired = body.sha_pinning_required ?? actions.shaPinningRequired;
    commit(call, store);
    return call.body(null, 204);
  });

  app.get(`${BASE}/selected-actions`, (call) => call.json(selectedOf(call).selected));

  app.put(`${BASE}/selected-actions`, async (call) => {
    const actions = selectedOf(call);
    const body = await readBody(call, SelectedBody);
    actions.selected = {
      github_owned_allowed: body.github_owned_allowed ?? false,
      verified_allowed: body.verified_allowed ?? false,
      patterns_allowed: body.patterns_allowed ?? [],
    };
    commit(call, store);
    return call.body(null, 204);
  });

  app.get(`${BASE}/workflow`, (call) => call.json(repositoryOf(call, store, "admin").actions.workflow));

  app.put(`${BASE}/workflow`, async (call) => {
    const { workflow } = repositoryOf(call, store, "admin").actions;
    const body = await readBody(call, WorkflowBody);
    workflow.default_workflow_permissions = body.default_workflow_permissions ?? workflow.default_workflow_permissions;
    workflow.can_approve_pull_request_reviews =
      body.can_approve_pull_request_reviews ?? workflow.can_approve_pull_request_reviews;
    commit(call, store);
    return call.body(null, 204);
  });

  /** @throws GitHubError 409 while not only selected actions are allowed */
  function selectedOf(call: Call): ActionsPermissions {
    const { actions } = repositoryOf(call, store, "admin");
    if (actions.allowedActions !== "selected") throw conflict("Conflict");
    return actions;
  }
}
