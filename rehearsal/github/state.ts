/** Everything the local GitHub remembers, as plain JSON. Bytes of release assets are kept beside it, by SHA-256. */
export interface State {
  nextId: number;
  /** Key pair for sealed boxes; one for all repositories and environments. Base64. */
  keyPair: { id: string; publicKey: string; privateKey: string };
  /** By lower-case `owner/name`. */
  repositories: Record<string, Repository>;
}

export interface Repository {
  id: number;
  owner: string;
  name: string;
  createdAt: string;
  updatedAt: string;
  /** What PATCH /repos/{owner}/{repo} may change, under GitHub's own names. */
  settings: RepositorySettings;
  immutableReleases: boolean;
  /** Full ref name (`refs/heads/main`) → object. */
  refs: Record<string, GitObject>;
  commits: Record<string, Commit>;
  annotatedTags: Record<string, AnnotatedTag>;
  /** Git blob SHA-1 → base64. */
  blobs: Record<string, string>;
  releases: Release[];
  /** The release that was explicitly marked as latest. */
  latestReleaseId: number | null;
  /** Tags that an immutable release used once; they stay reserved after its deletion. */
  immutableTags: string[];
  secrets: Record<string, Secret>;
  variables: Record<string, Variable>;
  environments: Record<string, Environment>;
  rulesets: Ruleset[];
  actions: ActionsPermissions;
  issues: Issue[];
}

export interface RepositorySettings {
  description: string | null;
  homepage: string | null;
  private: boolean;
  default_branch: string;
  archived: boolean;
  has_issues: boolean;
  has_projects: boolean;
  has_wiki: boolean;
  has_discussions: boolean;
  is_template: boolean;
  allow_squash_merge: boolean;
  allow_merge_commit: boolean;
  allow_rebase_merge: boolean;
  allow_auto_merge: boolean;
  allow_update_branch: boolean;
  delete_branch_on_merge: boolean;
  web_commit_signoff_required: boolean;
  topics: string[];
}

export interface GitObject {
  type: "commit" | "tag";
  sha: string;
}

export interface Person {
  name: string;
  email: string;
  date: string;
}

export interface Commit {
  sha: string;
  message: string;
  author: Person;
  committer: Person;
  parents: string[];
  /** Path → git blob SHA-1. */
  files: Record<string, string>;
}

export interface AnnotatedTag {
  sha: string;
  tag: string;
  message: string;
  tagger: Person;
  object: { type: string; sha: string };
}

export interface Release {
  id: number;
  tagName: string;
  targetCommitish: string;
  name: string | null;
  body: string | null;
  draft: boolean;
  prerelease: boolean;
  immutable: boolean;
  author: string;
  createdAt: string;
  updatedAt: string;
  publishedAt: string | null;
  /** The name that stands for the tag in addresses while the release is a draft. */
  untagged: string;
  assets: Asset[];
}

export interface Asset {
  id: number;
  name: string;
  label: string | null;
  contentType: string;
  /** `starter`: the upload broke, the name is taken, there are no bytes. */
  state: "uploaded" | "starter";
  size: number;
  /** SHA-256 hex of the bytes; null for a starter. */
  sha256: string | null;
  downloads: number;
  uploader: string;
  createdAt: string;
  updatedAt: string;
}

export interface Secret {
  name: string;
  /** Sealed box as it was sent, base64. */
  encryptedValue: string;
  createdAt: string;
  updatedAt: string;
}

export interface Variable {
  name: string;
  value: string;
  createdAt: string;
  updatedAt: string;
}

export interface Environment {
  id: number;
  name: string;
  createdAt: string;
  updatedAt: string;
  waitTimer: number;
  preventSelfReview: boolean;
  canAdminsBypass: boolean;
  reviewers: { type: "User" | "Team"; id: number }[];
  branchPolicy: { protected_branches: boolean; custom_branch_policies: boolean } | null;
  branchPolicies: { id: number; name: string; type: "branch" | "tag" }[];
  secrets: Record<string, Secret>;
  variables: Record<string, Variable>;
}

export interface Ruleset {
  id: number;
  name: string;
  target: "branch" | "tag" | "push" | "repository";
  enforcement: "disabled" | "active" | "evaluate";
  bypassActors: Record<string, unknown>[];
  conditions: RulesetConditions | null;
  rules: { type: string; parameters?: Record<string, unknown> | undefined }[];
  createdAt: string;
  updatedAt: string;
}

export interface RulesetConditions {
  ref_name?: { include: string[]; exclude: string[] } | undefined;
}

export interface ActionsPermissions {
  enabled: boolean;
  allowedActions: "all" | "local_only" | "selected";
  shaPinningRequired: boolean;
  selected: { github_owned_allowed: boolean; verified_allowed: boolean; patterns_allowed: string[] };
  workflow: { default_workflow_permissions: "read" | "write"; can_approve_pull_request_reviews: boolean };
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string | null;
  state: "open" | "closed";
  stateReason: "completed" | "not_planned" | "reopened" | "duplicate" | null;
  labels: string[];
  author: string;
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
  comments: IssueComment[];
}

export interface IssueComment {
  id: number;
  body: string;
  author: string;
  createdAt: string;
  updatedAt: string;
}
