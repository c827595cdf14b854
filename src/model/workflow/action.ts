/** An action of somebody else, pinned to one commit. */
export interface Action {
  /** `owner/name`, or `owner/name/path` for one that is not at the top of its repository. */
  readonly name: `${string}/${string}`;
  /** Full commit id. */
  readonly commit: string;
  /** The tag that stood at the commit when it was pinned. */
  readonly version: `v${number}.${number}.${number}`;
}

/**
 * Every action that the workflows use. Commits were read from the actions' own repositories: `git rev-parse TAG^{commit}`.
 * A tag can be moved by whoever takes over an action, a commit cannot.
 */
export const ACTIONS = {
  checkout: {
    name: "actions/checkout",
    commit: "3d3c42e5aac5ba805825da76410c181273ba90b1",
    version: "v7.0.1",
  },
  setupNode: {
    name: "actions/setup-node",
    commit: "820762786026740c76f36085b0efc47a31fe5020",
    version: "v7.0.0",
  },
  setupGo: {
    name: "actions/setup-go",
    commit: "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e",
    version: "v7.0.0",
  },
  restoreCache: {
    name: "actions/cache/restore",
    commit: "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    version: "v5.0.5",
  },
  saveCache: {
    name: "actions/cache/save",
    commit: "27d5ce7f107fe9357f9df03efb73ab90386fccae",
    version: "v5.0.5",
  },
  setupBuildx: {
    name: "docker/setup-buildx-action",
    commit: "37fe631027851001ddb9b187196cc803df7f5f0e",
    version: "v4.3.0",
  },
  loginToRegistry: {
    name: "docker/login-action",
    commit: "4907a6ddec9925e35a0a9e82d7399ccc52663121",
    version: "v4.1.0",
  },
  loginToPulumi: {
    name: "pulumi/auth-actions",
    commit: "141415910c3beb54e03b48e9057c204c97b956f2",
    version: "v2.1.0",
  },
  loginToAws: {
    name: "aws-actions/configure-aws-credentials",
    commit: "e6de054238d6b7531b4efff3b6587d9aade6a06c",
    version: "v6.2.3",
  },
  loginToAzure: {
    name: "Azure/login",
    commit: "f5d393ae46f8fde4be8b75f32e3fc50e654ad0ca",
    version: "v3.0.1",
  },
  loginToGoogle: {
    name: "google-github-actions/auth",
    commit: "7c6bc770dae815cd3e89ee6cdf493a5fab2cc093",
    version: "v3.0.0",
  },
  pulumi: {
    name: "pulumi/actions",
    commit: "8e5e406f4007fca908480587cb9893c07090f58d",
    version: "v7.0.0",
  },
} as const satisfies Record<string, Action>;

/** What stands behind `uses:`. */
export function pinned({ name, commit }: Action): string {
  return `${name}@${commit}`;
}
