import { beforeEach, expect, test } from "vitest";
import { existingSetting } from "../../../src/services/github/existing.ts";
import { startTestGitHub, type TestGitHub, TOKEN } from "../../resources/services.ts";

const FILE = ".github/workflows/release.yml";

let github: TestGitHub;
let repository: string;
const look = (type: string, inputs: Record<string, string>) => {
  const configuration: Record<string, string> = {
    repository: github.repository,
    githubUrl: github.url,
    githubToken: TOKEN,
  };
  return existingSetting({ type, inputs: { repository, ...inputs } }, async (key) => configuration[key]);
};

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
  await fetch(`${github.apiUrl}/repos/${github.repository}/actions/variables`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "COLOR", value: "blue" }),
  });
  expect(await look(variable, { variableName: "COLOR", value: "blue" })).toBe(`${repository}:COLOR`);
  expect(await look(variable, { variableName: "COLOR", value: "red" })).toBeUndefined();
});
