import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { SETTINGS, type Setting } from "../src/model/setting.ts";

const readme = await readFile("README.md", "utf8");
const documents = (await readdir("docs")).map((name) => `docs/${name}`);

/** Rows of the table that follows a marker, cell by cell, without its two header rows. */
function tableAfter(marker: string, document = readme): string[][] {
  const [, after = ""] = document.split(`<!-- ${marker} -->\n`);
  const lines = after.trimStart().split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  return lines.slice(2, end).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

function defaultOf({ default: value }: Setting): string {
  return value === "" ? "–" : `\`${typeof value === "object" ? JSON.stringify(value) : value}\``;
}

describe("the documents", () => {
  test.each(["README.md", "CONTRIBUTING.md", ...documents])(
    "%s links only to files that are there",
    async (document) => {
      const links = [...(await readFile(document, "utf8")).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)];
      const missing = links.filter(([, path = ""]) => !existsSync(join(dirname(document), path)));
      expect(missing.map(([, path]) => path)).toEqual([]);
    },
  );

  test.each(["README.md", "CONTRIBUTING.md", ...documents])("%s names only scripts that npm has", async (document) => {
    const { scripts } = z
      .object({ scripts: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile("package.json", "utf8")));
    const named = [...(await readFile(document, "utf8")).matchAll(/npm run (?:--silent )?([a-z][a-z:]*)/g)];
    expect(named.map(([, name = ""]) => name).filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("the README", () => {
  test("shows three doors, each in at most ten lines", () => {
    const [, doors = ""] = readme.split("\n## Three doors\n");
    const shown = (doors.split("\n## ")[0] ?? "").split("\n### ").slice(1);
    expect(shown.map((door) => door.split("\n")[0])).toEqual(["A pushed tag", "A pull request", "Pulumi Deployments"]);
    const lines = shown.map((door) => door.split("\n").filter((line) => line !== "" && !line.startsWith("```")));
    expect(lines.filter(({ length }) => length > 1 + 10)).toEqual([]);
  });

  test("lists every setting as it is checked, in the same order", () => {
    expect(tableAfter("settings")).toEqual(
      SETTINGS.map((setting) => [`\`${setting.key}\``, setting.description, defaultOf(setting)]),
    );
  });

  test("quotes the last run of the bench, every figure of it", async () => {
    const { machine, results } = z
      .object({
        machine: z.object({ cpu: z.string(), cores: z.number(), node: z.string(), pairs: z.number() }),
        results: z.array(
          z.object({
            name: z.string(),
            target: z.number().optional(),
            ratio: z.number(),
            ours: z.number(),
            other: z.number(),
          }),
        ),
      })
      .parse(JSON.parse(await readFile("bench/results.json", "utf8")));
    expect(tableAfter("speed")).toEqual(
      results.map(({ name, target, ratio, ours, other }) => [
        name,
        target === undefined ? "–" : `≤ ${target}`,
        `${ratio}`,
        `${ours} s`,
        `${other} s`,
      ]),
    );
    expect(readme).toContain(
      `${machine.cores} cores (${machine.cpu}), Node ${machine.node}, medians of ${machine.pairs} interleaved pairs`,
    );
  });
});

test("docs/performance.md quotes the last run of bench:refresh, which kept to its target", async () => {
  const side = z.object({ releases: z.number(), seconds: z.number() });
  const { machine, few, many, network, ratio } = z
    .object({
      machine: z.object({ node: z.string(), rounds: z.number() }),
      few: side,
      many: side,
      network: z.object({ questions: z.number(), seconds: z.number() }),
      ratio: z.number(),
    })
    .parse(JSON.parse(await readFile("bench/refresh.json", "utf8")));
  const document = await readFile("docs/performance.md", "utf8");
  expect(tableAfter("refresh", document)).toEqual([
    [`${few.seconds} s`, `${many.seconds} s`, `${network.questions} questions, ${network.seconds} s`, `${ratio}`],
  ]);
  expect(document).toContain(`Medians of ${machine.rounds} rounds, Node ${machine.node}.`);
  expect([few.releases, many.releases]).toEqual([20, 200]);
  expect(ratio).toBeLessThan(1);
});
