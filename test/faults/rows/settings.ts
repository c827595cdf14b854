import { expect } from "vitest";
import { violations } from "../invariants.ts";
import { type Lane, REPOSITORY } from "../lane.ts";
import { expectRelease, forgetFaults, LASTING, problemsAfterRepair, type Scenario, sentence } from "./scenario.ts";

const CONTENTS = "/repos/*/*/contents/**";
const WITH_WORKFLOWS = { repositoryParts: '["workflows"]' };

/** What happens to the repository's settings and workflows. */
export const settingsScenarios: readonly Scenario[] = [
  {
    row: 11,
    fault: "settings created that GitHub makes once, replies lost",
    async run(lane) {
      let settings = {};
      // One after the other: a create that fails keeps the engine from beginning another.
      for (const [path, added, refusal] of [
        ["actions/variables", { variables: '{"COLOR":"blue"}' }, /variables: 409/],
        ["rulesets", { repositoryParts: '["tag-ruleset"]' }, /rulesets: 422/],
        [
          "environments/*/deployment-branch-policies",
          { repositoryParts: '["tag-ruleset","environment"]' },
          /policies: 303/,
        ],
      ] as const) {
        settings = { ...settings, ...added };
        lane.github.misbehave({ method: "POST", path: `/repos/*/*/${path}`, action: { applyAndDropReply: true } });
        // The provider repeats it, and GitHub has it already.
        const { code, shown } = await lane.update({ settings });
        expect([code, shown]).toEqual([1, expect.stringMatching(refusal)]);
        forgetFaults(lane);
        const { shown: next } = await expectRelease(lane, { settings });
        expect(next).toMatch(/= 1 imported/);
      }
      const { variables, rulesets, environments } = lane.github.inspect.repository(REPOSITORY);
      expect([Object.keys(variables), rulesets.length, environments.release?.branchPolicies.length]).toEqual([
        ["COLOR"],
        1,
        1,
      ]);
      return "fails three times; each next run finds what it would make, and imports it";
    },
  },
  {
    row: 11,
    fault: "settings and workflows deleted, replies lost",
    async run(lane) {
      const parts = ["workflows", "tag-ruleset", "environment"];
      let settings = {
        repositoryParts: JSON.stringify(parts),
        variables: '{"COLOR":"blue"}',
        secrets: '{"KEY":"value"}',
      };
      await expectRelease(lane, { settings });
      for (const [path, removed] of [
        ["actions/variables/*", { variables: "{}" }],
        ["environments/*/secrets/*", { secrets: "{}" }],
        ["rulesets/*", { repositoryParts: '["workflows","environment"]' }],
        ["environments/*/deployment-branch-policies/*", { repositoryParts: '["workflows"]' }],
        ["contents/**", { repositoryParts: "[]" }],
      ] as const) {
        settings = { ...settings, ...removed };
        lane.github.misbehave({ method: "DELETE", path: `/repos/*/*/${path}`, action: { applyAndDropReply: true } });
        // The provider repeats it, and there is nothing to delete.
        const { code, shown } = await lane.update({ settings });
        expect([code, shown]).toEqual([1, expect.stringMatching(/DELETE .*: 404/)]);
        forgetFaults(lane);
        const next = await lane.update({ settings });
        expect([next.code, next.shown]).toEqual([0, expect.stringMatching(/is gone, and the last update failed/)]);
      }
      await expectRelease(lane, { settings });
      const { variables, rulesets, environments } = lane.github.inspect.repository(REPOSITORY);
      expect([variables, rulesets, environments]).toEqual([{}, [], {}]);
      expect(workflowsIn(lane)).toEqual([]);
      return "fails five times; each next run finds that it is gone, and forgets it";
    },
  },
  {
    row: 19,
    fault: "two writes meet on the branch: 409 on a workflow file",
    async run(lane) {
      const conflict = { status: 409, body: { message: "is at 7fd1a60b but expected 762941318" } };
      lane.github.misbehave({ method: "PUT", path: CONTENTS, nth: 2, action: conflict });
      // Serialised: nobody writes a second file before the first one is answered.
      let together = 0;
      lane.onBoundary(() => {
        together = Math.max(together, workflowWrites(lane).filter((write) => write.endsWith(" 0")).length);
        return undefined;
      });
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      expect(workflowWrites(lane)).toEqual(["release.yml 201", "preview.yml 409", "preview.yml 201", "drift.yml 201"]);
      expect(together).toBe(1);
      return "written one after the other; the refused write is repeated, released";
    },
  },
  {
    row: 19,
    fault: "409 on every write of a workflow file",
    async run(lane) {
      lane.github.misbehave({ method: "PUT", path: CONTENTS, times: LASTING, action: { status: 409 } });
      const { code, shown } = await lane.update({ settings: WITH_WORKFLOWS });
      expect([code, shown]).toEqual([1, expect.stringMatching(/release\.yml: 409/)]);
      const tried = workflowWrites(lane);
      expect(tried).toEqual(Array.from({ length: 4 }, () => "release.yml 409"));
      expect(await violations(lane)).toEqual([]);
      forgetFaults(lane);
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      return `${tried.length} requests, then ${sentence(shown, /contents\/[^ ]*: 409/)}; the next run completes it`;
    },
  },
  {
    row: 19,
    fault: "a workflow file is edited by hand, and the stack has a new text for it",
    async run(lane) {
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      const { inspect } = lane.github;
      const path = ".github/workflows/release.yml";
      inspect.writeFile(REPOSITORY, path, "on: workflow_dispatch\n");
      const later = { ...WITH_WORKFLOWS, organization: "octo-later" };
      const { code, shown } = await lane.update({ settings: later });
      expect([code, shown]).toEqual([1, expect.stringContaining("somebody else changed workflows of")]);
      expect(inspect.file(REPOSITORY, path)).toBe("on: workflow_dispatch\n");
      const seen = await lane.update({ operations: ["refresh", "up"], settings: later });
      expect(seen.shown).toMatch(/repository-release\.yml updated .*~content/);
      expect(await problemsAfterRepair(lane, seen, { settings: later })).toEqual([]);
      expect(inspect.file(REPOSITORY, path)).toContain("octo-later");
      return `the edit stays (${sentence(shown, /somebody else changed[^;]*/)}); refresh shows it, the update after that repairs it`;
    },
  },
  {
    row: 19,
    fault: "a changed workflow file is written, reply lost",
    async run(lane) {
      const later = await changeUnheard(lane);
      const { shown: next } = await expectRelease(lane, later);
      expect(next).toMatch(/repository-release\.yml was written, and the reply was lost: read again/);
      expect(
        workflowWrites(lane)
          .slice(3)
          .filter((write) => !write.endsWith(" 409")),
      ).toEqual(["release.yml 0", "preview.yml 200", "drift.yml 200"]);
      // What the state knows now is what a later text replaces.
      await expectRelease(lane, { settings: { ...WITH_WORKFLOWS, organization: "octo-third" } });
      return "fails; the next run finds its own text, reads it again, and writes the other files";
    },
  },
  {
    row: 19,
    fault: "a changed workflow file is written, reply lost, and then edited by hand",
    async run(lane) {
      const later = await changeUnheard(lane);
      const { inspect } = lane.github;
      const path = ".github/workflows/release.yml";
      inspect.writeFile(REPOSITORY, path, "on: workflow_dispatch\n");
      const { code, shown } = await lane.update(later);
      expect([code, shown]).toEqual([1, expect.stringContaining("somebody else changed workflows of")]);
      expect(inspect.file(REPOSITORY, path)).toBe("on: workflow_dispatch\n");
      return `the edit stays: ${sentence(shown, /somebody else changed[^;]*/)}`;
    },
  },
];

/** The writes of workflows that GitHub was asked for, in order: file and what it answered. */
function workflowWrites(lane: Lane): string[] {
  return lane.github.history
    .filter(({ method, path }) => method === "PUT" && path.includes("/contents/"))
    .map(({ path, status }) => `${path.slice(path.lastIndexOf("/") + 1)} ${status}`);
}

/** Paths of the workflows on the default branch. */
function workflowsIn({ github }: Lane): string[] {
  const { refs, commits } = github.inspect.repository(REPOSITORY);
  const files = commits[refs["refs/heads/main"]?.sha ?? ""]?.files ?? {};
  return Object.keys(files).filter((path) => path.startsWith(".github/workflows/"));
}

/** Changes the workflow files, and loses the reply to the first write; gives what was asked for. */
async function changeUnheard(lane: Lane) {
  await expectRelease(lane, { settings: WITH_WORKFLOWS });
  lane.github.misbehave({ method: "PUT", path: CONTENTS, action: { applyAndDropReply: true } });
  const later = { settings: { ...WITH_WORKFLOWS, organization: "octo-later" } };
  const { code, shown } = await lane.update(later);
  // The provider repeats the write with the SHA that it has replaced, and the state keeps that SHA.
  expect([code, shown]).toEqual([1, expect.stringMatching(/release\.yml: 409/)]);
  forgetFaults(lane);
  return later;
}
