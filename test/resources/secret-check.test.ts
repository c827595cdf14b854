import { beforeEach, expect, test } from "vitest";
import { implementation, type SecretCheckInputs } from "../../src/resources/secret-check.ts";
import { configure, startTestGitHub, type TestGitHub, TOKEN } from "./services.ts";

const TIME = "2026-01-02T03:04:05Z";
const LATER = "2026-02-03T04:05:06Z";

let github: TestGitHub;
let inputs: SecretCheckInputs;

beforeEach(async () => {
  github = await startTestGitHub();
  inputs = {
    repository: github.repository,
    environment: "release",
    // As the GitHub provider records what GitHub calls TIME.
    written: { KEY: "2026-01-02 03:04:05 +0000 UTC", OTHER: "" },
    settled: {},
  };
});

/** Stores secrets of the environment: name → time. */
async function store(times: Readonly<Record<string, string>>): Promise<void> {
  const url = `${github.apiUrl}/repos/${github.repository}/environments/release`;
  await fetch(url, { method: "PUT", headers: { authorization: `Bearer ${TOKEN}` }, body: "{}" });
  const secrets = Object.entries(times).map(([name, updatedAt]) => [
    name,
    { name, encryptedValue: "", createdAt: TIME, updatedAt },
  ]);
  Object.assign(github.inspect.repository(github.repository).environments.release ?? {}, {
    secrets: Object.fromEntries(secrets),
  });
}

const observe = () => implementation.observe({ ...inputs, foreign: {} });
const nothing = { differences: [], notes: { foreign: {} } };

test("nothing is seen of secrets that are as the stack wrote them, of unknown age, or not the stack's", async () => {
  await store({ KEY: TIME, OTHER: LATER, FOREIGN: LATER });
  expect(await observe()).toEqual(nothing);
});

test("what is gone is for its own resource to tell", async () => {
  expect(await observe()).toEqual(nothing);
  await store({});
  expect(await observe()).toEqual(nothing);
});

test("a secret that somebody else has written is named with both times, and the update settles it", async () => {
  await store({ KEY: LATER });
  expect(await observe()).toEqual({
    differences: [
      {
        kind: "missing",
        text: `secret KEY of the environment release was written by somebody else (${LATER}; by the stack: 2026-01-02 03:04:05 +0000 UTC)`,
      },
    ],
    notes: { foreign: { KEY: LATER } },
  });
  expect(await implementation.ensure(inputs, undefined)).toEqual({ foreign: {} });
  expect(github.requests().filter((request) => !request.startsWith("GET"))).toEqual(["PUT /environments/release"]);
});

test("a token that may not look fails the refresh, and is not taken for a difference", async () => {
  await store({ KEY: LATER });
  github.addToken("job", "github-actions[bot]", "push");
  configure({ githubToken: "job" });
  await expect(observe()).rejects.toThrow(/403.*environments\/release\/secrets/);
});
