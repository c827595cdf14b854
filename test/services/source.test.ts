import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { readSource, withExport, writeSource } from "../../src/services/source.ts";
import { testRepository } from "./repository.ts";
import { temporaryDirectory } from "./temporary.ts";

describe("where the sources come from", () => {
  test("is read as it was written, again and again", async () => {
    const project = await temporaryDirectory();
    await writeSource("/first", project);
    await writeSource("/second", project);
    expect(await readSource(project)).toBe("/second");
    expect(await readdir(join(project, ".build"))).toEqual(["source.json"]);
  });

  test("is written by the program, says the error", async () => {
    await expect(readSource(await temporaryDirectory())).rejects.toThrow(
      "source.json is missing; the program writes it",
    );
  });

  test("a file that says something else is refused", async () => {
    const project = await temporaryDirectory();
    await writeSource("/first", project);
    await writeFile(join(project, ".build/source.json"), '{"repository":1}');
    await expect(readSource(project)).rejects.toThrow("names no repository");
    for (const text of ["", "{", "[]", '{"repository":"../x"}']) {
      await writeFile(join(project, ".build/source.json"), text);
      await expect(readSource(project)).rejects.toThrow(
        `${join(project, ".build/source.json")} names no repository: delete it and run pulumi up again`,
      );
    }
  });
});

describe("an export", () => {
  async function exported(files: Readonly<Record<string, string>>, prefix: string) {
    const { directory: repository, commit } = await testRepository();
    const source = { repository, commit: await commit("first", files), prefix };
    const directory = await temporaryDirectory();
    return { source, project: relative(process.cwd(), directory), exports: join(directory, ".build/exports") };
  }

  test("has the module, and is gone afterwards", async () => {
    const { source, project, exports } = await exported(
      { "app/go.mod": "module x\n", "app/a/b": "text", top: "1" },
      "app",
    );
    const names = await withExport(source, (directory) => readdir(directory, { recursive: true }), project);
    expect(names.sort()).toEqual(["a", "a/b", "go.mod"]);
    expect(await readdir(exports)).toEqual([]);
  });

  test("each has its own: what one writes, no other sees", async () => {
    const { source, project } = await exported({ "go.mod": "module x\n" }, "");
    await withExport(
      source,
      async (first) => {
        await writeFile(join(first, "generated.go"), "package x");
        await withExport(
          source,
          async (second) => {
            expect(second).not.toBe(first);
            expect(await readdir(second)).toEqual(["go.mod"]);
          },
          project,
        );
        expect((await readdir(first)).sort()).toEqual(["generated.go", "go.mod"]);
      },
      project,
    );
  });

  test("is removed when its use fails", async () => {
    const { source, project, exports } = await exported({ "go.mod": "module x\n" }, "");
    await expect(withExport(source, () => Promise.reject(new Error("red")), project)).rejects.toThrow("red");
    expect(await readdir(exports)).toEqual([]);
  });

  test("of a killed process is removed by the next one", async () => {
    const { source, project, exports } = await exported({ "go.mod": "module x\n" }, "");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await mkdir(join(exports, `${pid}-abc/deep`), { recursive: true });
    await withExport(source, async () => expect(await readdir(exports)).toHaveLength(1), project);
  });

  test("has the neighbours that a module is built with", async () => {
    const { source, project } = await exported(
      { "app/go.mod": "module x\n\nreplace example.com/lib => ../lib\n", "lib/go.mod": "module lib\n" },
      "app",
    );
    const text = await withExport(source, (directory) => readFile(join(directory, "../lib/go.mod"), "utf8"), project);
    expect(text).toBe("module lib\n");
  });
});
