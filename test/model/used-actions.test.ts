import { expect, test } from "vitest";
import { stringify } from "yaml";
import { usedActions } from "../../src/model/used-actions.ts";

const SHA = "0123456789abcdef0123456789abcdef01234567";
const workflow = (...uses: string[]) =>
  stringify({ on: "push", jobs: { one: { steps: uses.map((text) => ({ uses: text })) } } });

test("every action is allowed once, whatever its commit, in one order", () => {
  expect(
    usedActions([
      workflow(`actions/setup-node@${SHA}`, `actions/checkout@${SHA}`),
      workflow(`actions/checkout@v4`, `actions/cache/restore@${SHA}`),
    ]),
  ).toEqual(["actions/cache/restore@*", "actions/checkout@*", "actions/setup-node@*"]);
});

test("a workflow that is called is allowed like an action", () => {
  const text = stringify({ jobs: { call: { uses: `octo/shared/.github/workflows/build.yml@${SHA}` } } });
  expect(usedActions([text])).toEqual(["octo/shared/.github/workflows/build.yml@*"]);
});

test("what needs no permission is not listed: the repository's own actions, images, scripts", () => {
  expect(usedActions([workflow("./.github/actions/own", "../own@x", "docker://alpine@sha256:1"), "{}", ""])).toEqual(
    [],
  );
  expect(usedActions([stringify({ jobs: { one: { steps: [{ run: "uses: a/b@c" }] } } })])).toEqual([]);
});
