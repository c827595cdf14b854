import { describe, expect, test } from "vitest";
import { previewReport } from "../../src/model/preview-report.ts";

const PREVIEWED = {
  stack: "prod",
  withState: true,
  commit: "1".repeat(40),
  changes: { same: 3, update: 2 },
  shown: "~ a\n",
};

describe("previewReport", () => {
  test("says what would change, and shows what the engine says", () => {
    const report = previewReport({ ...PREVIEWED, changes: { same: 14, update: 2, create: 1 } });
    expect(report).toContain("### Preview of `prod`\n");
    expect(report).toContain("**1 to create, 2 to update, 14 unchanged**");
    expect(report).toContain("```text\n~ a\n```");
    expect(report).toContain(`Commit ${PREVIEWED.commit}.`);
  });

  test("nothing to change is 0 changes", () => {
    expect(previewReport({ ...PREVIEWED, changes: { same: 17 } })).toContain("**0 changes**");
  });

  test("a refusal is open to read", () => {
    const report = previewReport({ ...PREVIEWED, changes: undefined, shown: "error: no" });
    expect(report).toContain("**Refused**");
    expect(report).toContain("<details open>");
  });

  test("says when nothing was compared", () => {
    const report = previewReport({ ...PREVIEWED, withState: false, changes: { create: 9, same: 3 } });
    expect(report).toContain("**9 to create**");
    expect(report).toContain("### Preview of `prod`, without its state");
    expect(report).toContain("no credentials");
  });

  test("nothing that is shown ends the code block", () => {
    expect(previewReport({ ...PREVIEWED, shown: "a\n````\n@octocat <b>" })).toContain(
      "`````text\na\n````\n@octocat <b>\n`````",
    );
  });

  test("a long one fits into a comment, and keeps its end", () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
    const report = previewReport({ ...PREVIEWED, shown: lines.join("\n") });
    expect(report.length).toBeLessThan(65_536);
    expect(report).toContain("line 19999\n");
    expect(report).toMatch(/text\n… \(the job's log has all of it\)\nline \d+\n/);
  });
});
