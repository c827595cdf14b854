import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { makeClone } from "./clone.ts";
import { answersFile } from "./supervisor.ts";

const route = { method: "GET", surface: "api", path: "/repos/octo-example/mount-monitor/git/ref/tags%2Fv1.0.0" };
const object = { type: "commit", sha: "a".repeat(40), url: "https://api.github.com/x" };
const ref = { ref: "refs/tags/v1.0.0", node_id: "x", url: "https://api.github.com/x", object };

test.each([
  ["as GitHub describes it", { ...route, status: 200, body: ref }, undefined],
  ["without a field", { ...route, status: 200, body: { ...ref, object: undefined } }, /required property 'object'/],
  [
    "of a route that GitHub has not",
    { ...route, path: "/repos/o/r/git/reff/x", status: 200, body: ref },
    /documents no GET/,
  ],
  ["with a status that the route has not", { ...route, status: 206, body: ref }, /documents no status 206/],
])("an answer of the local GitHub in a whole release, %s", async (_name, answer, problem) => {
  const clone = await makeClone("answers");
  await mkdir(dirname(join(clone.path, answersFile)), { recursive: true });
  await writeFile(join(clone.path, answersFile), `${JSON.stringify(answer)}\n`);
  const removed = clone.remove();
  await (problem ? expect(removed).rejects.toThrow(problem) : removed);
});
