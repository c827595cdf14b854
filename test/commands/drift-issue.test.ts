import { describe, expect, test } from "vitest";
import { keepIssue } from "../../src/commands/drift-issue.ts";
import { issueWorld } from "./issues.ts";

const urn = (name: string) => `urn:pulumi:prod::mount-monitor::a$b::${name}`;
const MISSING = { urn: urn("release-github"), sentences: ["asset app of v1.0.0 is missing"] };
const RUN = "https://github.com/octo/app/actions/runs/1";

describe("the issue on drift", () => {
  test("is opened once, changed when something else differs, and closed when nothing does", async () => {
    const { job, writes } = await issueWorld();
    expect(await keepIssue(job, "prod", [], RUN)).toBe("what is published is what was released");
    expect(writes()).toEqual([]);

    expect(await keepIssue(job, "prod", [MISSING], RUN)).toMatch(/^opened http/);
    expect(await keepIssue(job, "prod", [MISSING], RUN.replace("/1", "/2"))).toMatch(/says so already$/);
    expect(writes()).toEqual(["POST /issues"]);
    const [opened] = await job.open();
    expect(opened?.title).toBe("What stack prod released has been changed");
    expect(opened?.body).toContain("\n- release-github: asset app of v1.0.0 is missing\n");
    expect(opened?.body.endsWith(`Seen by ${RUN}`)).toBe(true);

    const moved = { urn: urn("channels-latest"), sentences: ["latest is at sha256:cc"] };
    expect(await keepIssue(job, "prod", [MISSING, moved], RUN)).toMatch(/^changed http/);
    expect((await job.open())[0]?.body).toContain("- channels-latest: latest is at sha256:cc\n- release-github: ");

    expect(await keepIssue(job, "prod", [], RUN)).toMatch(/^closed http.*nothing differs any more$/);
    expect(await job.open()).toEqual([]);
    expect(writes()).toEqual(["POST /issues", "PATCH /issues/1", "PATCH /issues/1"]);
  });

  test("is one for each stack, and never a person's", async () => {
    const { job, person, writes } = await issueWorld();
    await person.create({ title: "mine", body: "<!-- mount-monitor:drift prod -->\nmine" });
    await keepIssue(job, "prod", [MISSING], RUN);
    await keepIssue(job, "staging", [MISSING], RUN);
    await keepIssue(job, "prod", [], RUN);
    expect((await job.open()).map(({ title }) => title).sort()).toEqual([
      "What stack staging released has been changed",
      "mine",
    ]);
    expect(writes()).toEqual(["POST /issues", "POST /issues", "POST /issues", "PATCH /issues/2"]);
  });

  test("what is published is shown as it is, and does nothing", async () => {
    const { job } = await issueWorld();
    await keepIssue(job, "prod", [{ urn: urn("x"), sentences: ["asset <img> @octocat **b**\n# h is missing"] }], RUN);
    const [issue] = await job.open();
    expect(issue?.body).toContain("- x: asset &lt;img&gt; @&#8203;octocat \\*\\*b\\*\\* # h is missing\n");
  });
});
