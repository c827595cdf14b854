import { isAbsolute } from "node:path";
import { blobOf } from "../model/blob.ts";
import { RELEASE_ENVIRONMENT, TAG_RULESET, VERSION_TAGS } from "../model/repository-part.ts";
import { WORKFLOWS } from "../model/workflow/options.ts";
import { usedActions, type WorkflowOptions, workflowFiles } from "../model/workflows.ts";
import type { Settings } from "../settings.ts";
import type { Connections } from "./connections.ts";

/** The workflows of the repository, and how those on the default branch differ from them. */
export interface RepositoryPlan {
  /** Path → text. */
  readonly workflows: Readonly<Record<string, string>>;
  /** The actions that they use, as GitHub's list of allowed actions takes them: `actions/checkout@*`. */
  readonly actions: readonly string[];
  /** Path → blob SHA-1 that is there now, or `missing`, of every workflow that is not as declared. */
  readonly differing: Readonly<Record<string, string>>;
  /** How often the stack will have looked at workflows that differ, with this update. */
  readonly look: number;
  /** Name → time of a write by somebody else, of every secret that is, or was, written over for that. */
  readonly overwritten: Readonly<Record<string, string>>;
  /**
   * End of the name → import id of settings that GitHub has as they would be made, and that the state does not know: the
   * reply to their creation was lost, or the state is.
   */
  readonly existing: Readonly<Record<string, string>>;
}

type Planned = Pick<Settings, "repository" | "repositoryParts" | "publicImage" | "source" | "secrets" | "variables"> &
  Pick<WorkflowOptions, "backend" | "branch" | "organization">;

type Services = Pick<Connections, "stack" | "overwrittenSecrets" | "recordedUrns" | "workflowLooks"> & {
  readonly github: Pick<Connections["github"], "blobs" | "settingId" | "mayAdminister">;
};

/** Decides what the repository's workflows shall be, and looks at what they are. */
export async function planRepository(
  settings: Planned,
  { github, stack, overwrittenSecrets, recordedUrns, workflowLooks }: Services,
): Promise<RepositoryPlan> {
  const { publicImage: image, source } = settings;
  // Where a rehearsal finds another module on this machine is no fact of the repository.
  const options = { ...settings, stack, image, source: isAbsolute(source) ? "." : source };
  const workflows = workflowFiles(options);
  // Which commit of an action it is stays the workflow's business: an old tag's workflow may use an older one.
  const actions = [...new Set(usedActions(options).map((action) => action.replace(/@.*/, "@*")))];
  const found = settings.repositoryParts.includes("workflows") ? await github.blobs(WORKFLOWS) : undefined;
  const differing = Object.entries(found ? workflows : {})
    .filter(([path, text]) => found?.[path] !== blobOf(text))
    .map(([path]) => [path, found?.[path] ?? "missing"]);
  // The state is only asked where there is something to know.
  const overwritten = Object.keys(settings.secrets).length > 0 ? await overwrittenSecrets() : {};
  const look = differing.length > 0 ? (await workflowLooks()) + 1 : 0;
  const existing = await existingSettings(settings, github, recordedUrns);
  return { workflows, actions, differing: Object.fromEntries(differing), look, overwritten, existing };
}

/** Of the settings that GitHub makes once, and refuses to make again. */
async function existingSettings(
  { repository: fullName, repositoryParts, variables }: Planned,
  github: Services["github"],
  recordedUrns: Services["recordedUrns"],
): Promise<Readonly<Record<string, string>>> {
  const repository = fullName.slice(fullName.indexOf("/") + 1);
  const made = [
    ...Object.entries(variables).map(([variableName, value]) => ({
      end: variableName,
      type: "github:index/actionsVariable:ActionsVariable",
      inputs: { repository, variableName, value },
    })),
    ...(repositoryParts.includes("tag-ruleset")
      ? [
          {
            end: "tag-ruleset",
            type: "github:index/repositoryRuleset:RepositoryRuleset",
            inputs: { repository, name: TAG_RULESET },
          },
        ]
      : []),
    ...(repositoryParts.includes("environment")
      ? [
          {
            end: "environment-tags",
            type: "github:index/repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy",
            inputs: { repository, environment: RELEASE_ENVIRONMENT, tagPattern: VERSION_TAGS },
          },
        ]
      : []),
  ];
  const recorded = made.length > 0 ? await recordedUrns() : [];
  const unknown = made.filter(
    ({ end, type }) => !recorded.some((urn) => urn.includes(`${type}::`) && urn.endsWith(`-${end}`)),
  );
  // Who may not administer the repository makes none of them, and may not look.
  if (unknown.length === 0 || !(await github.mayAdminister())) {
    return {};
  }
  const ids = await Promise.all(
    unknown.map(async (setting) => [setting.end, await github.settingId(setting)] as const),
  );
  return Object.fromEntries(ids.flatMap(([end, id]) => (id === undefined ? [] : [[end, id]])));
}
