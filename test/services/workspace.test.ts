import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectWritable } from "../../src/services/workspace.ts";

describe("directories that a release writes", () => {
  test("are made, and left as they are", async () => {
    const directory = await mkdtemp(join(tmpdir(), "workspace-"));
    await expectWritable([join(directory, "a"), join(directory, "b/c")], 1);
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(["a", "b", "b/c"]);
  });

  test("are all named when they cannot take it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "workspace-"));
    await writeFile(join(directory, "file"), "");
    const [file, full] = [join(directory, "file"), join(directory, "full")];
    await expect(expectWritable([file, full], Number.MAX_SAFE_INTEGER)).rejects.toThrow(
      new RegExp(`${file} cannot be written \\(EEXIST.*\\n${full} is on a disk with \\d+ MB free`),
    );
  });
});
