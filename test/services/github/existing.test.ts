import { beforeEach, expect, test } from "vitest";
import { lookAtSettings } from "../../../src/services/github/configured.ts";
import { startTestGitHub, type TestGitHub, TOKEN } from "../../resources/services.ts";

const FILE = ".github/workflows/release.yml";

let github: TestGitHub;
let repository: string;
const settings = () => {
  const configuration: Record<string, string> = {
    repository: github.repository,
    githubUrl: github.url,
    githubToken: TOKEN,
  };
  return lookAtSettings(async (key) => configuration[key]);
};
const look = (type: string, inputs: Record<string, string>) =>
  settings().existing({ type, inputs: { repository, ...inputs } });
const gone = (type: string, inputs: Record<string, string>) =>
  settings().gone({ type, inputs: { repository, ...inputs } });

beforeEach(async () => {
  github = await startTestGitHub();
  repository = github.repository.split("/")[1] ?? "";
  github.inspect.writeFile(github.repository, FILE, "on: push\n");
});

const file = "github:index/repositoryFile:RepositoryFile";

test.each([
  ["as it was to be written", { content: "on: push\n" }, (name: string) => `${name}:${FILE}:`],
  ["on the branch that is named", { content: "on: push\n", branch: "main" }, (name: string) => `${name}:${FILE}:main`],
  ["with somebody else's text", { content: "on: release\n" }, () => undefined],
  ["with a text that nobody knows", {}, () => undefined],
])("a file is there %s", async (_, inputs, id) => {
  expect(await look(file, { file: FILE, ...inputs })).toBe(id(repository));
});

test("what is not there is nothing", async () => {
  expect(await look(file, { file: ".github/workflows/drift.yml", content: "on: push\n" })).toBeUndefined();
  expect(await look("github:index/actionsVariable:ActionsVariable", { variableName: "COLOR" })).toBeUndefined();
  expect(await look("github:index/actionsSecret:ActionsSecret", { secretName: "KEY" })).toBeUndefined();
});

test("a variable is there when it has the value that it was to have", async () => {
  const variable = "github:index/actionsVariable:ActionsVariable";
  await make("POST", "actions/variables", { name: "COLOR", value: "blue" });
  expect(await look(variable, { variableName: "COLOR", value: "blue" })).toBe(`${repository}:COLOR`);
  expect(await look(variable, { variableName: "COLOR", value: "red" })).toBeUndefined();
});

test.each([
  ["actionsVariable:ActionsVariable", { variableName: "COLOR", value: "red" }, { variableName: "SIZE" }],
  ["repositoryFile:RepositoryFile", { file: FILE, content: "other" }, { file: "ci.yml" }],
  ["repositoryRuleset:RepositoryRuleset", { name: "tags" }, { name: "branches" }],
  [
    "repositoryEnvironmentDeploymentPolicy:RepositoryEnvironmentDeploymentPolicy",
    { environment: "release", tagPattern: "v*" },
    { environment: "release", tagPattern: "w*" },
  ],
  [
    "actionsEnvironmentSecret:ActionsEnvironmentSecret",
    { environment: "release", secretName: "KEY" },
    { environment: "release", secretName: "OTHER" },
  ],
])("%s is gone when it is not there, whatever it holds", async (type, there, missing) => {
  await make("POST", "actions/variables", { name: "COLOR", value: "blue" });
  const rules = { conditions: { ref_name: { include: ["refs/tags/v*"], exclude: [] } }, rules: [{ type: "deletion" }] };
  await make("POST", "rulesets", { name: "tags", target: "tag", enforcement: "active", ...rules });
  const policy = { deployment_branch_policy: { protected_branches: false, custom_branch_policies: true } };
  await make("PUT", "environments/release", policy);
  await make("POST", "environments/release/deployment-branch-policies", { name: "v*", type: "tag" });
  const { secrets } = github.inspect.repository(github.repository).environments.release ?? {};
  Object.assign(secrets ?? {}, { KEY: { name: "KEY", encryptedValue: "", createdAt: TIME, updatedAt: TIME } });
  expect(await gone(`github:index/${type}`, there)).toBe(false);
  expect(await gone(`github:index/${type}`, missing)).toBe(true);
  // With the environment everything in it is gone.
  if ("environment" in there) {
    expect(await gone(`github:index/${type}`, { ...there, environment: "other" })).toBe(true);
  }
});

test("of what is not looked for nobody says that it is gone", async () => {
  const asked = github.history.length;
  expect(await gone("github:index/repositoryEnvironment:RepositoryEnvironment", { environment: "x" })).toBe(false);
  expect(await gone("toString", {})).toBe(false);
  expect(github.history).toHaveLength(asked);
});

test("of a repository that this token does not see nobody says that something is gone, or is not there", async () => {
  github.inspect.repository(github.repository).settings.private = true;
  github.addToken("of the public", "octo", "admin", { scopes: ["public_repo"] });
  const { gone, existing } = lookAtSettings(
    async (key) => ({ repository: github.repository, githubUrl: github.url, githubToken: "of the public" })[key],
  );
  const setting = { type: file, inputs: { repository, file: FILE, content: "on: push\n" } };
  await expect(gone(setting)).rejects.toMatchObject({ name: "ServiceError", status: 404 });
  await expect(existing(setting)).rejects.toMatchObject({ name: "ServiceError", status: 404 });
});

test("what the stack is configured with is read once", async () => {
  const read: string[] = [];
  const { gone, existing } = lookAtSettings(async (key) => {
    read.push(key);
    return { repository: github.repository, githubUrl: github.url, githubToken: TOKEN }[key];
  });
  const setting = { type: file, inputs: { repository, file: FILE } };
  await Promise.all([gone(setting), gone(setting), existing(setting)]);
  expect(read.sort()).toEqual(["githubToken", "githubUrl", "repository"]);
});

const TIME = "2026-01-02T03:04:05Z";

async function make(method: string, path: string, body: object) {
  const answer = await fetch(`${github.apiUrl}/repos/${github.repository}/${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.ok).toBe(true);
}
