import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectWritable } from "../../src/services/workspace.ts";

describe("directories that a release writes", () => {
  test("are left as they are, there or not", async () => {
    const directory = await mkdtemp(join(tmpdir(), "workspace-"));
    await expectWritable([directory, join(directory, "a"), join(directory, "b/c")], 1);
    expect(await readdir(directory, { recursive: true })).toEqual([]);
  });

  test("are all named when they cannot take it", async () => {
    const directory = await mkdtemp(join(tmpdir(), "workspace-"));
    await writeFile(join(directory, "file"), "");
    const [file, below, full] = [join(directory, "file"), join(directory, "file/x"), join(directory, "full")];
    const wrong = (path: string) => `${path} cannot be written \\(ENOTDIR\\): it must be a directory .*`;
    await expect(expectWritable([file, below, full], Number.MAX_SAFE_INTEGER)).rejects.toThrow(
      new RegExp(`^${wrong(file)}\n${wrong(below)}\n${full} is on a disk with \\d+ MB free`),
    );
  });
});
