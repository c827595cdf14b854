import type { Inspection } from "../../rehearsal/github/inspection.ts";
import type { Repository } from "../../rehearsal/github/state.ts";

/** What the stack keeps in the repository, as the local GitHub stores it, without ids and times. */
export function keptOf(inspect: Inspection, repository: Repository) {
  const name = `${repository.owner}/${repository.name}`;
  const { environments, rulesets, actions, immutableReleases, commits, refs } = repository;
  const files = Object.keys(commits[refs["refs/heads/main"]?.sha ?? ""]?.files ?? {});
  const workflows = files.filter((path) => path.startsWith(".github/")).sort();
  return {
    workflows: Object.fromEntries(workflows.map((path) => [path, inspect.file(name, path)])),
    variables: inspect.variables(name),
    secrets: {
      repository: inspect.secrets(name),
      environment: environments.release ? inspect.secrets(name, "release") : {},
    },
    environments: Object.keys(environments),
    branchPolicy: environments.release?.branchPolicy,
    branchPolicies: environments.release?.branchPolicies.map(({ name: pattern, type }) => ({ name: pattern, type })),
    rulesets: rulesets.map(({ name, target, enforcement, bypassActors, conditions }) => ({
      name,
      target,
      enforcement,
      bypassActors,
      conditions,
    })),
    rules: rulesets.map(({ rules }) => rules.map(({ type }) => type).sort()),
    actions: structuredClone(actions),
    immutableReleases,
  };
}
