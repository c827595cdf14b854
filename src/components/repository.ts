import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";
import { blobOf } from "../model/blob.ts";
import { RELEASE_ENVIRONMENT, type RepositoryPart, TAG_RULESET, VERSION_TAGS } from "../model/repository-part.ts";
import { isLoopback } from "../model/setting-rule.ts";
import { ImmutableReleases } from "../resources/immutable-releases.ts";
import { SecretCheck } from "../resources/secret-check.ts";
import { beforeWrite, WorkflowCheck } from "../resources/workflow-check.ts";
import type { GitHub } from "../services/github.ts";

/** What the stack keeps in the repository. */
export interface RepositoryArgs {
  /** `owner/name`. */
  readonly repository: string;
  /** What is kept besides the variables; what is not listed is removed if the stack kept it before. */
  readonly repositoryParts: readonly RepositoryPart[];
  /** Path → text of the workflows on the default branch. */
  readonly workflows: Readonly<Record<string, string>>;
  /** The actions that the workflows use, as GitHub's list of allowed actions takes them. */
  readonly actions: readonly string[];
  /** Path → blob SHA-1 of those workflows that are not as declared on the default branch now. */
  readonly differing: Readonly<Record<string, string>>;
  /** How often the stack will have looked at workflows that differ, with this update. */
  readonly look: number;
  /** Names and values of Actions variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names and values of the secrets of the environment `release`; the provider seals them for the repository. */
  readonly secrets: Readonly<Record<string, pulumi.Output<string>>>;
  /** Name → time of a write by somebody else, of every secret that is, or was, written over for that. */
  readonly overwritten: Readonly<Record<string, string>>;
  /** End of the name → import id, of settings that are there as declared and that the stack does not know. */
  readonly existing: Readonly<Record<string, string>>;
  readonly githubUrl: string;
  readonly githubToken?: pulumi.Output<string> | undefined;
  /** The same repository, for the look before a workflow is written over. */
  readonly github: Pick<GitHub, "blobs">;
}

/**
 * The repository that is released from: its workflows, and the settings that protect its releases.
 *
 * A run that a tag has started leaves it out, because its token cannot administer the repository: `pulumi up --exclude`
 * with the pattern of `src/model/exclusion.ts`, and nothing else; this works on a stack that never had it, too.
 */
export class Repository extends pulumi.ComponentResource {
  /**
   * There once releases are immutable, where the stack keeps that: what is published before would not be. To wait for, not to
   * depend on: an update that leaves this component out could make nothing that does.
   */
  readonly protection: pulumi.Output<unknown>;

  constructor(name: string, args: RepositoryArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Repository", name, {}, options);
    const parts = new Set(args.repositoryParts);
    this.protection = parts.has("immutable-releases") ? declareImmutableReleases(name, args, this) : pulumi.output("");
    // The provider is only there when something needs it: its plugin starts with every update.
    if (parts.size > 0 || Object.keys(args.variables).length > 0) {
      const place = placeOf(name, args, this);
      declareVariables(name, args, place);
      if (parts.has("workflows")) declareWorkflows(name, args, place);
      if (parts.has("environment")) declareEnvironment(name, args, place);
      if (parts.has("tag-ruleset")) declareTagRuleset(name, args, place);
      if (parts.has("actions-permissions")) declareActionsPermissions(name, args, place);
    }
    this.registerOutputs({});
  }
}

/** Where a resource of the GitHub provider belongs. */
interface Place {
  /** Name of the repository, without its owner. */
  readonly repository: string;
  readonly options: { readonly parent: pulumi.Resource; readonly provider: github.Provider };
}

// What the provider repeats by itself, and 409: GitHub answers that to one of two writes that meet on a branch. A file is
// written with the SHA of what it replaces, so that repeating never overwrites somebody else's; three times, then it fails.
const RETRYABLE = [409, 500, 502, 503, 504];

function placeOf(name: string, { githubUrl, githubToken, ...args }: RepositoryArgs, parent: pulumi.Resource): Place {
  const [owner = "", repository = ""] = args.repository.split("/");
  const provider = new github.Provider(
    `${name}-github`,
    {
      owner,
      ...(githubToken ? { token: githubToken } : {}),
      ...(githubUrl === "https://github.com" ? {} : { baseUrl: `${githubUrl}/` }),
      retryableErrors: RETRYABLE,
      // GitHub asks for a second between two writes, and the provider keeps to it; a rehearsal's GitHub does not mind.
      ...(isLoopback(new URL(githubUrl).host) ? { writeDelayMs: 0, retryDelayMs: 0 } : {}),
    },
    // No child of the component: an update that excludes the component still makes its provider, and the engine would
    // write a state that has the child and not the parent.
    { transformations: githubToken ? [] : [withoutToken] },
  );
  return { repository, options: { parent, provider } };
}

// The SDK copies GITHUB_TOKEN of the environment into the inputs, and so into the state, in clear text; the plugin finds
// it in the environment by itself.
function withoutToken({ props, opts }: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult {
  return { props: { ...props, token: undefined }, opts };
}

function declareVariables(name: string, args: RepositoryArgs, { repository, options }: Place): void {
  for (const [variableName, value] of Object.entries(args.variables)) {
    new github.ActionsVariable(
      `${name}-${variableName}`,
      { repository, variableName, value },
      { ...options, ...adopted(args, variableName) },
    );
  }
}

// One commit after the other: two writes at once to a branch are a conflict.
function declareWorkflows(name: string, args: RepositoryArgs, { repository, options }: Place): void {
  const { workflows, differing } = args;
  const unedited = beforeWrite(`${name}-workflow`, args.repository, args.github);
  const files: pulumi.Resource[] = [];
  for (const [path, content] of Object.entries(workflows)) {
    const file = path.slice(path.lastIndexOf("/") + 1);
    files.push(
      new github.RepositoryFile(
        `${name}-${file}`,
        {
          repository,
          file: path,
          content,
          commitMessage: `ci: ${file} as the stack declares it`,
          // A file that is there with the same text is adopted; one with another text, which the stack does not know, is
          // not overwritten.
          overwriteOnCreate: !(path in differing),
        },
        {
          ...options,
          dependsOn: files.slice(-1),
          hooks: { beforeUpdate: [unedited] },
          ignoreChanges: ["overwriteOnCreate"],
        },
      ),
    );
  }
  const blobs = Object.fromEntries(Object.entries(workflows).map(([path, text]) => [path, blobOf(text)]));
  new WorkflowCheck(`${name}-workflow-check`, { repository: args.repository, blobs }, differing, args.look, {
    parent: options.parent,
    dependsOn: files,
  });
}

function declareEnvironment(name: string, args: RepositoryArgs, { repository, options }: Place): void {
  const { environment } = new github.RepositoryEnvironment(
    `${name}-environment`,
    {
      repository,
      environment: RELEASE_ENVIRONMENT,
      deploymentBranchPolicy: { protectedBranches: false, customBranchPolicies: true },
    },
    options,
  );
  new github.RepositoryEnvironmentDeploymentPolicy(
    `${name}-environment-tags`,
    { repository, environment, tagPattern: VERSION_TAGS },
    { ...options, ...adopted(args, "environment-tags") },
  );
  const { secrets, overwritten } = args;
  const written = Object.entries(secrets).map(([secretName, value]) => {
    const secret = new github.ActionsEnvironmentSecret(
      `${name}-${secretName}`,
      { repository, environment, secretName, value },
      // Nothing in the inputs tells that somebody else has written it: a new trigger has it written again. Deleted first,
      // because the other order would delete what was just written.
      { ...options, deleteBeforeReplace: true, replacementTrigger: overwritten[secretName] ?? "" },
    );
    return [secretName, secret.updatedAt] as const;
  });
  if (written.length > 0) {
    const settled = Object.fromEntries(Object.entries(overwritten).filter(([secretName]) => secretName in secrets));
    new SecretCheck(
      `${name}-secret-check`,
      { repository: args.repository, environment, written: pulumi.all(Object.fromEntries(written)), settled },
      { parent: options.parent },
    );
  }
}

// What is there as declared is taken over: GitHub would refuse to make it again.
function adopted({ existing }: RepositoryArgs, end: string): pulumi.CustomResourceOptions {
  const id = existing[end];
  return id === undefined ? {} : { import: id };
}

/** Version tags can be made, and then neither moved nor deleted; nobody is excepted. */
function declareTagRuleset(name: string, args: RepositoryArgs, { repository, options }: Place): void {
  new github.RepositoryRuleset(
    `${name}-tag-ruleset`,
    {
      repository,
      name: TAG_RULESET,
      target: "tag",
      enforcement: "active",
      conditions: { refName: { includes: [`refs/tags/${VERSION_TAGS}`], excludes: [] } },
      rules: { update: true, deletion: true, nonFastForward: true },
    },
    { ...options, ...adopted(args, "tag-ruleset") },
  );
}

function declareActionsPermissions(name: string, args: RepositoryArgs, { repository, options }: Place): void {
  new github.ActionsRepositoryPermissions(
    `${name}-actions-permissions`,
    {
      repository,
      enabled: true,
      allowedActions: "selected",
      allowedActionsConfig: {
        githubOwnedAllowed: false,
        verifiedAllowed: false,
        patternsAlloweds: [...args.actions],
      },
      shaPinningRequired: true,
    },
    options,
  );
  new github.WorkflowRepositoryPermissions(
    `${name}-workflow-permissions`,
    { repository, defaultWorkflowPermissions: "read", canApprovePullRequestReviews: false },
    options,
  );
}

function declareImmutableReleases(name: string, { repository }: RepositoryArgs, parent: pulumi.Resource) {
  return new ImmutableReleases(`${name}-immutable-releases`, { repository }, { parent }).urn;
}
