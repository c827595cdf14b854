import { parse } from "yaml";

/**
 * Patterns of the actions that workflows use, as GitHub's list of allowed actions takes them, sorted:
 * `actions/checkout@*`, `actions/cache/restore@*`. Which commit it is stays the workflow's business.
 *
 * @param texts workflows, YAML
 * @see https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/enabling-features-for-your-repository/managing-github-actions-settings-for-a-repository
 */
export function usedActions(texts: readonly string[]): string[] {
  const uses = texts.flatMap((text) => usesIn(parse(text)));
  // Actions of the repository itself (./…) are always allowed; images (docker://…) are no actions.
  const names = uses.flatMap((text) => /^([\w.-]*\w[\w.-]*\/[^@\s]+)@/.exec(text)?.[1] ?? []);
  return [...new Set(names)].sort().map((name) => `${name}@*`);
}

function usesIn(node: unknown): string[] {
  return typeof node !== "object" || node === null
    ? []
    : Object.entries(node).flatMap(([key, value]) =>
        key === "uses" && typeof value === "string" ? [value] : usesIn(value),
      );
}
