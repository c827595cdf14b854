import { oneLine, quoted } from "./quotation.ts";

/** What GitHub said of a token and of the repository that it is to be used for. */
export interface TokenFacts {
  readonly repository: string;
  /** Whom the token stands for; undefined for an App's. */
  readonly login: string | undefined;
  /** Scopes of a classic token; undefined for a fine-grained one, whose permissions GitHub does not list. */
  readonly scopes: readonly string[] | undefined;
  /** What GitHub answered about the repository; undefined when there is none that the token sees. */
  readonly found:
    | { readonly fullName: string; readonly archived: boolean; readonly admin: boolean | undefined }
    | undefined;
  /** Permissions that a fine-grained token was refused for, as GitHub names them: `secrets`. */
  readonly refused: readonly string[];
}

/** Scopes of a classic token: the release and the repository's settings, and its workflow files. */
export const SCOPES = ["repo", "workflow"] as const;

const PERMISSIONS: Readonly<Record<string, string>> = {
  actions_variables: "Variables",
  secrets: "Secrets",
  administration: "Administration",
};

/** Why the stack could not be run with this token: one sentence for each reason, with what to do. */
export function accessProblems({ repository, login, scopes, found, refused }: TokenFacts): string[] {
  const lacking = SCOPES.filter((scope) => scopes && !scopes.includes(scope));
  const scopeProblem =
    lacking.length === 0
      ? []
      : [
          `the token lacks the scope ${lacking.map((scope) => quoted(scope)).join(" and ")} (it has: ${oneLine(scopes?.join(", ") ?? "") || "none"}). ` +
            `Add it at https://github.com/settings/tokens, or make a token: https://github.com/settings/tokens/new?scopes=${SCOPES.join(",")}`,
        ];
  if (!found) {
    return [
      `repository ${quoted(repository)} is not there, or this token may not see it. Check the name; ` +
        "a fine-grained token must have the repository in its list, and an organization must have approved it",
      ...scopeProblem,
    ];
  }
  if (found.fullName.toLowerCase() !== repository.toLowerCase()) {
    return [`repository ${quoted(repository)} is called ${quoted(found.fullName)} now. Use that name`];
  }
  const who = login ? `@${login}` : "the token";
  return [
    ...scopeProblem,
    ...(found.admin === false
      ? [
          `${who} may not administer ${found.fullName}, which secrets, environments, rulesets and workflows need. ` +
            `Ask an owner for the role Admin: https://github.com/${found.fullName}/settings/access`,
        ]
      : []),
    ...(refused.length > 0
      ? [
          `the token lacks the permission ${refused.map((name) => quoted(PERMISSIONS[name] ?? name)).join(" and ")}. ` +
            "A fine-grained token needs read and write of Administration, Contents, Environments, Secrets, Variables and Workflows: https://github.com/settings/personal-access-tokens",
        ]
      : []),
    ...(found.archived ? [`repository ${quoted(repository)} is archived: nothing can be written to it`] : []),
  ];
}
