import { ruleViolation } from "./error.ts";
import type { Repository, Ruleset } from "./state.ts";

const MESSAGES = {
  creation: "Cannot create ref due to creations being restricted.",
  update: "Cannot update this protected ref.",
  deletion: "Cannot delete this protected ref.",
  non_fast_forward: "Cannot force-push to this branch",
} as const;

/**
 * Refuses a write to a ref that an active ruleset forbids. Rulesets with bypass actors bind nobody here: the local
 * GitHub has one account, and that is the administrator.
 * @throws GitHubError 422
 */
export function refuseByRuleset(repository: Repository, ref: string, rule: keyof typeof MESSAGES): void {
  const binding = repository.rulesets.some(
    (ruleset) =>
      ruleset.enforcement === "active" &&
      ruleset.bypassActors.length === 0 &&
      ruleset.rules.some(({ type }) => type === rule) &&
      covers(ruleset, ref, `refs/heads/${repository.settings.default_branch}`),
  );
  if (binding) throw ruleViolation(MESSAGES[rule]);
}

/** Do the conditions of a ruleset name this ref? https://docs.github.com/rest/repos/rules */
export function covers(ruleset: Pick<Ruleset, "target" | "conditions">, ref: string, defaultBranch: string): boolean {
  const kind = ruleset.target === "tag" ? "refs/tags/" : "refs/heads/";
  const names = ruleset.conditions?.ref_name;
  if (!ref.startsWith(kind) || !names) return false;
  const matches = (pattern: string) =>
    pattern === "~ALL" || (pattern === "~DEFAULT_BRANCH" ? ref === defaultBranch : fnmatch(pattern).test(ref));
  return names.include.some(matches) && !names.exclude.some(matches);
}

/** `*` stays within a path segment, `**` does not, `?` is one character. */
function fnmatch(pattern: string): RegExp {
  const source = pattern.replace(/\*\*\/?|\*|\?|[.+^${}()|[\]\\]/g, (found) => {
    if (found.startsWith("**")) return ".*";
    if (found === "*") return "[^/]*";
    return found === "?" ? "[^/]" : `\\${found}`;
  });
  return new RegExp(`^${source}$`);
}
