import { expect, test } from "vitest";
import { accessProblems, type TokenFacts } from "../../src/model/token-access.ts";

const fine: TokenFacts = {
  repository: "octo/tool",
  login: "cat",
  scopes: ["repo", "workflow"],
  found: { fullName: "octo/tool", archived: false, admin: true },
  refused: [],
};

test.each<[string, Partial<TokenFacts>]>([
  ["a classic token with both scopes", {}],
  ["with more", { scopes: ["admin:org", "repo", "workflow", "write:packages"] }],
  ["a fine-grained one", { scopes: undefined }],
  ["an App's", { scopes: undefined, login: undefined }],
  ["a repository in other letters", { repository: "Octo/Tool" }],
  [
    "a GitHub that does not tell of permissions",
    { found: { fullName: "octo/tool", archived: false, admin: undefined } },
  ],
])("%s will do", (_name, facts) => {
  expect(accessProblems({ ...fine, ...facts })).toEqual([]);
});

const NOT_THERE =
  'repository "octo/tool" is not there, or this token may not see it. Check the name; a fine-grained token must have the repository in its list, and an organization must have approved it';
const lacks = (scopes: string, has: string) =>
  `the token lacks the scope ${scopes} (it has: ${has}). Add it at https://github.com/settings/tokens, or make a token: https://github.com/settings/tokens/new?scopes=repo,workflow`;

test.each<[string, Partial<TokenFacts>, string[]]>([
  ["workflow", { scopes: ["repo"] }, [lacks('"workflow"', "repo")]],
  [
    "repo, which public_repo is not",
    { scopes: ["public_repo", "workflow"] },
    [lacks('"repo"', "public_repo, workflow")],
  ],
  ["both", { scopes: [] }, [lacks('"repo" and "workflow"', "none")]],
  ["a repository", { found: undefined }, [NOT_THERE]],
  [
    "a repository, perhaps for want of a scope",
    { found: undefined, scopes: ["workflow"] },
    [NOT_THERE, lacks('"repo"', "workflow")],
  ],
  [
    "the old name",
    { found: { fullName: "octo/new", archived: false, admin: true } },
    ['repository "octo/tool" is called "octo/new" now. Use that name'],
  ],
  [
    "the role Admin",
    { found: { fullName: "octo/tool", archived: false, admin: false } },
    [
      "@cat may not administer octo/tool, which secrets, environments, rulesets and workflows need. Ask an owner for the role Admin: https://github.com/octo/tool/settings/access",
    ],
  ],
  [
    "permissions",
    { scopes: undefined, refused: ["secrets", "administration"] },
    [
      'the token lacks the permission "Secrets" and "Administration". A fine-grained token needs read and write of Administration, Contents, Environments, Secrets, Variables and Workflows: https://github.com/settings/personal-access-tokens',
    ],
  ],
  [
    "life",
    { found: { fullName: "octo/tool", archived: true, admin: true } },
    ['repository "octo/tool" is archived: nothing can be written to it'],
  ],
])("what lacks %s is said", (_name, facts, problems) => {
  expect(accessProblems({ ...fine, ...facts })).toEqual(problems);
});
