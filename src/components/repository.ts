import * as github from "@pulumi/github";
import * as pulumi from "@pulumi/pulumi";

/** Settings that the stack keeps in the repository. */
export interface RepositoryArgs {
  /** `owner/name`. */
  readonly repository: string;
  /** Names and values of Actions variables. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names and values of Actions secrets; sealed for the repository by the provider. */
  readonly secrets: Readonly<Record<string, pulumi.Output<string>>>;
  readonly githubUrl: string;
  readonly githubToken?: pulumi.Output<string> | undefined;
}

/** The Actions variables and secrets of the repository that is released from. */
export class Repository extends pulumi.ComponentResource {
  constructor(name: string, args: RepositoryArgs, options: pulumi.ComponentResourceOptions = {}) {
    super("mount-monitor:release:Repository", name, {}, options);
    if (Object.keys({ ...args.variables, ...args.secrets }).length > 0) {
      this.declareSettings(name, args);
    }
    this.registerOutputs({});
  }

  // The provider is only there when something needs it: its plugin starts with every update.
  private declareSettings(name: string, args: RepositoryArgs): void {
    const [owner = "", repository = ""] = args.repository.split("/");
    const provider = new github.Provider(
      `${name}-github`,
      {
        owner,
        ...(args.githubToken ? { token: args.githubToken } : {}),
        ...(args.githubUrl === "https://github.com" ? {} : { baseUrl: `${args.githubUrl}/` }),
      },
      { parent: this, transformations: args.githubToken ? [] : [withoutToken] },
    );
    for (const [variableName, value] of Object.entries(args.variables)) {
      new github.ActionsVariable(
        `${name}-${variableName}`,
        { repository, variableName, value },
        { parent: this, provider },
      );
    }
    for (const [secretName, value] of Object.entries(args.secrets)) {
      new github.ActionsSecret(`${name}-${secretName}`, { repository, secretName, value }, { parent: this, provider });
    }
  }
}

// The SDK copies GITHUB_TOKEN of the environment into the inputs, and so into the state, in clear text; the plugin finds
// it in the environment by itself.
function withoutToken({ props, opts }: pulumi.ResourceTransformationArgs): pulumi.ResourceTransformationResult {
  return { props: { ...props, token: undefined }, opts };
}
