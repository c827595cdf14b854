import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { issuesOf, pullRequestOf } from "../../src/services/workflow-run.ts";
import { temporaryDirectory } from "./temporary.ts";

describe("the pull request of a run", () => {
  async function event(text: string): Promise<string> {
    const path = join(await temporaryDirectory(), "event.json");
    await writeFile(path, text);
    return path;
  }

  test("stands in its event", async () => {
    expect(await pullRequestOf({ GITHUB_EVENT_PATH: await event('{"pull_request":{"number":7}}') })).toBe(7);
  });

  test.each(['{"pull_request":{"number":"7"}}', "[]", "null"])("is missing in %s", async (text) => {
    await expect(
      pullRequestOf({ GITHUB_EVENT_PATH: await event(text), GITHUB_EVENT_NAME: "push\u202e" }),
    ).rejects.toThrow(new Error(String.raw`this run was started by "push\u{202e}", not by a pull request`));
  });

  test.each(["", "{", "<html>"])("cannot be read in %j", async (text) => {
    const path = await event(text);
    await expect(pullRequestOf({ GITHUB_EVENT_PATH: path })).rejects.toThrow(
      `GITHUB_EVENT_PATH is "${path}", which tells no event (`,
    );
  });

  test("is nowhere when there is no file", async () => {
    await expect(pullRequestOf({ GITHUB_EVENT_PATH: "/nowhere\n" })).rejects.toThrow(
      /^GITHUB_EVENT_PATH is "\/nowhere\\n", which tells no event \(ENOENT: .*\): GitHub Actions sets it$/,
    );
  });
});

test("outside of a workflow the variable that is missing is named", () => {
  expect(() => issuesOf({})).toThrow(
    "GITHUB_API_URL is not set: this command is run by a workflow of GitHub, with the job's token in GITHUB_TOKEN",
  );
  expect(() =>
    issuesOf({ GITHUB_API_URL: "https://api.github.com", GITHUB_REPOSITORY: "octo/../x", GITHUB_TOKEN: "t" }),
  ).toThrow('repository "octo/../x": a repository is owner/name, with one slash');
});
