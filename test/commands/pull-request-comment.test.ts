import { describe, expect, test } from "vitest";
import { showComment } from "../../src/commands/pull-request-comment.ts";
import { client } from "../rehearsal/github/fixture.ts";
import { issueWorld } from "./issues.ts";

describe("the comment on a pull request", () => {
  test("is made once and changed afterwards", async () => {
    const { job, person, github } = await issueWorld();
    const { number } = await person.create({ title: "a change", body: "" });
    await person.comment(number, "first!");
    expect(await showComment(job, number, "one")).toMatch(/^made http/);
    expect(await showComment(job, number, "two")).toMatch(/^changed http/);
    expect((await job.comments(number)).map(({ author, body }) => [author, body])).toEqual([
      ["octocat", "first!"],
      ["github-actions[bot]", "<!-- mount-monitor:preview -->\ntwo"],
    ]);
    github.history.length = 0;
    expect(await showComment(job, number, "two")).toMatch(/says so already$/);
    expect(github.history.map(({ method }) => method)).toEqual(["GET"]);
  });

  test("is found behind a hundred others", async () => {
    const { job, person, writes, github } = await issueWorld();
    const { number } = await person.create({ title: "a change", body: "" });
    // Not by our client, which would let GitHub breathe between so many writes.
    const others = client(github, "administrator");
    const place = { owner: "octo", repo: "app", issue_number: number };
    for (let count = 0; count < 101; count++) {
      await others.request("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", { ...place, body: `${count}` });
    }
    await showComment(job, number, "one");
    github.history.length = 0;
    await showComment(job, number, "two");
    expect(writes()).toEqual([expect.stringMatching(/^PATCH \/issues\/comments\/\d+$/)]);
  });

  test("is one again when two runs at once made two", async () => {
    const { job, person, writes } = await issueWorld();
    const { number } = await person.create({ title: "a change", body: "" });
    await Promise.all([showComment(job, number, "one"), showComment(job, number, "two")]);
    expect(await job.comments(number)).toHaveLength(2);
    await showComment(job, number, "three");
    expect((await job.comments(number)).map(({ body }) => body)).toEqual(["<!-- mount-monitor:preview -->\nthree"]);
    expect(writes().filter((request) => request.startsWith("DELETE"))).toHaveLength(1);
  });

  test("is never a stranger's, whatever that says", async () => {
    const { job, person } = await issueWorld();
    const { number } = await person.create({ title: "a change", body: "" });
    const stranger = "<!-- mount-monitor:preview -->\nall is well";
    await person.comment(number, stranger);
    await showComment(job, number, "one");
    expect((await job.comments(number)).map(({ body }) => body)).toEqual([
      stranger,
      "<!-- mount-monitor:preview -->\none",
    ]);
  });
});
