import type { Repository } from "./github/state.ts";

/** What the local GitHub has of the settings and workflows that a stack keeps: name → what it is, for the last table. */
export function keptIn(repository: Repository): readonly (readonly [string, string])[] {
  const { refs, commits, environments, rulesets, actions, variables, immutableReleases, settings } = repository;
  const files = Object.keys(commits[refs[`refs/heads/${settings.default_branch}`]?.sha ?? ""]?.files ?? {});
  const workflows = files.flatMap((path) => /^\.github\/workflows\/([^/]+)$/.exec(path)?.[1] ?? []);
  const { selected, workflow } = actions;
  const rows: [string, string][] = [
    ["workflows", workflows.sort().join(", ")],
    ...Object.values(environments).map(({ name, branchPolicies, secrets }): [string, string] => [
      `environment ${name}`,
      [...branchPolicies.map((policy) => `${policy.type}s ${policy.name}`), ...Object.keys(secrets)].join(", "),
    ]),
    ...rulesets.map(({ name, enforcement, rules }): [string, string] => [
      `ruleset ${name}`,
      `${enforcement}: ${rules.map(({ type }) => type).join(", ")}`,
    ]),
    ["allowed actions", actions.allowedActions === "selected" ? selected.patterns_allowed.join(", ") : ""],
    ["actions by commit", actions.shaPinningRequired ? "required" : ""],
    ["workflows' token", actions.allowedActions === "selected" ? workflow.default_workflow_permissions : ""],
    ["variables", Object.keys(variables).join(", ")],
    ["immutable releases", immutableReleases ? "on" : ""],
  ];
  return rows.filter(([, value]) => value !== "");
}
