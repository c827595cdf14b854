/** What the stack keeps in the repository besides variables; each can be left out. */
export const REPOSITORY_PARTS = [
  "workflows",
  "environment",
  "tag-ruleset",
  "actions-permissions",
  "immutable-releases",
] as const;

/** One of {@link REPOSITORY_PARTS}. */
export type RepositoryPart = (typeof REPOSITORY_PARTS)[number];

/** The environment that the release job runs in: its secrets are for nothing else. */
export const RELEASE_ENVIRONMENT = "release";

/** Version tags, as GitHub's patterns name them. */
export const VERSION_TAGS = "v*";

/** Name of the ruleset that keeps version tags where they are. */
export const TAG_RULESET = "version tags";
