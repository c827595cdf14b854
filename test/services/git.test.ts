import { lstat, mkdir, readdir, readFile, readlink, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import {
  changes,
  commitOf,
  commitTime,
  exportTree,
  fileAt,
  isCheckout,
  locate,
  mentions,
  requireWholeHistory,
  snapshotDirectory,
} from "../../src/services/git.ts";
import { testRepository, writeFiles } from "./repository.ts";
import { temporaryDirectory } from "./temporary.ts";

describe("the history", () => {
  test("of a shallow clone is refused, and accepted once it is fetched", async () => {
    const { directory, git, commit } = await testRepository();
    await commit("first", { file: "1" });
    await commit("second", { file: "2" });
    await requireWholeHistory(directory);
    const shallow = join(await temporaryDirectory(), "shallow");
    await git("clone", "--quiet", "--depth=1", `file://${directory}`, shallow);
    await expect(requireWholeHistory(shallow)).rejects.toThrow(
      `${shallow} is a shallow clone, and the release notes need the whole history: run \`git fetch --unshallow --tags\``,
    );
    await git("-C", shallow, "fetch", "--quiet", "--unshallow");
    await requireWholeHistory(shallow);
  });
});

describe("where a directory lies", () => {
  test("the top, a directory below it, and a bare clone", async () => {
    const { directory, git, commit } = await testRepository();
    await commit("first", { "app/sub/file": "text" });
    expect(await locate(directory)).toEqual({ repository: directory, prefix: "" });
    expect(await locate(join(directory, "app/sub"))).toEqual({ repository: directory, prefix: "app/sub" });
    const bare = join(await temporaryDirectory(), "bare.git");
    await git("clone", "--quiet", "--bare", directory, bare);
    expect(await locate(bare)).toEqual({ repository: bare, prefix: "" });
    expect(await isCheckout(bare)).toBe(true);
    expect(await isCheckout(join(directory, "app"))).toBe(true);
  });

  test("a linked worktree is a checkout of its own", async () => {
    const { git, commit } = await testRepository();
    await commit("first", { "app/file": "text" });
    const linked = join(await temporaryDirectory(), "linked");
    await git("worktree", "add", "--quiet", linked);
    expect(await locate(join(linked, "app"))).toEqual({ repository: linked, prefix: "app" });
  });

  test("outside of a checkout", async () => {
    const directory = await temporaryDirectory();
    expect(await isCheckout(directory)).toBe(false);
    await expect(locate(directory)).rejects.toThrow(`${directory} is in no git checkout`);
  });

  test("a directory that is not there is no answer but an error", async () => {
    const missing = join(await temporaryDirectory(), "missing");
    await expect(isCheckout(missing)).rejects.toThrow(missing);
  });

  test("a variable of a git hook does not lead elsewhere", async () => {
    const [ours, other] = [await testRepository(), await testRepository()];
    const first = await ours.commit("first", { file: "ours" });
    await other.commit("second", { file: "other" });
    process.env.GIT_DIR = join(other.directory, ".git");
    try {
      expect(await commitOf(ours.directory, "HEAD")).toBe(first);
    } finally {
      delete process.env.GIT_DIR;
    }
  });
});

describe("the commit of a revision", () => {
  test("a tag, an annotated tag, a branch, an id and its beginning", async () => {
    const { directory, git, commit } = await testRepository();
    const first = await commit("first");
    await git("tag", "v1.0.0");
    const second = await commit("second");
    await git("tag", "-a", "-m", "annotated", "v1.1.0");
    expect(await commitOf(directory, "v1.0.0")).toBe(first);
    expect(await commitOf(directory, "v1.1.0")).toBe(second);
    expect(await commitOf(directory, "main")).toBe(second);
    expect(await commitOf(directory, first)).toBe(first);
    expect(await commitOf(directory, first.slice(0, 10))).toBe(first);
  });

  test("a tag comes before a branch of the same name", async () => {
    const { directory, git, commit } = await testRepository();
    const first = await commit("first");
    await git("tag", "v1.0.0");
    await git("checkout", "--quiet", "-b", "v1.0.0");
    await commit("second");
    expect(await commitOf(directory, "v1.0.0")).toBe(first);
  });

  test.each(["v9.9.9", "", "--all", "main:file", "0".repeat(40)])("%j is none", async (revision) => {
    const { directory, commit } = await testRepository();
    await commit("first", { file: "text" });
    await expect(commitOf(directory, revision)).rejects.toThrow(`"${revision}" is no commit in ${directory}`);
  });
});

test("the time of a commit is the committer's, in UTC", async () => {
  const { directory, commit } = await testRepository();
  expect(await commitTime(directory, await commit("first"))).toBe("2026-03-04T03:06:07Z");
});

test("a file as a commit has it", async () => {
  const { directory, git, commit, write } = await testRepository();
  const first = await commit("first", {
    "app/file": "\u{feff}one\r\n",
    empty: "",
    ".gitattributes": "* text eol=lf\n",
  });
  await git("rm", "--quiet", "--cached", "app/file");
  await write({ "app/file": "dirty" });
  expect(await fileAt(directory, first, "empty")).toBe("");
  expect(await fileAt(directory, first, "missing")).toBeUndefined();
  expect(await fileAt(directory, first, "app")).toBeUndefined();
  expect(await fileAt(directory, first, "app/file")).toMatch(/^\u{feff}one\r?\n$/u);
});

describe("the changes between two commits", () => {
  test("newest first, with bodies, without merges and without what was before", async () => {
    const { directory, git, commit } = await testRepository();
    const first = await commit("zero");
    const second = await commit("fix: one\n\nbody line\n\nBREAKING CHANGE: it is\nbroken\n");
    await git("checkout", "--quiet", "-b", "side", first);
    const side = await commit("feat: ünïcode | pipes\ncontinued");
    await git("checkout", "--quiet", "main");
    await git("merge", "--quiet", "--no-ff", "--message", "merge", "side");
    const list = await changes(directory, first, "HEAD");
    expect(list).toHaveLength(2);
    expect(list).toContainEqual({
      hash: second,
      subject: "fix: one",
      body: "body line\n\nBREAKING CHANGE: it is\nbroken",
    });
    expect(list).toContainEqual({ hash: side, subject: "feat: ünïcode | pipes continued", body: "" });
    expect((await changes(directory, undefined, "HEAD")).at(-1)).toEqual({ hash: first, subject: "zero", body: "" });
  });

  test("none", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first");
    expect(await changes(directory, first, first)).toEqual([]);
  });
});

test("whether files mention a text", async () => {
  const { directory, git, commit, write } = await testRepository();
  const first = await commit("first", {
    "app/a.go": "package a",
    "app/deep/b_test.go": "runtime.Caller(0)",
    "other/c.go": "os.Exit",
    "app/readme.md": "os.Getenv",
  });
  await write({ "app/a.go": "os.Chdir" });
  const asked = (prefix: string, ...texts: string[]) => mentions(directory, first, { prefix, files: "*.go", texts });
  expect(await asked("app", "runtime.Caller")).toBe(true);
  expect(await asked("", "runtime.Caller")).toBe(true);
  expect(await asked("app", "nothing", "runtimeXCaller")).toBe(false);
  expect(await asked("app", "os.Exit")).toBe(false);
  expect(await asked("app", "os.Getenv")).toBe(false);
  expect(await asked("app", "os.Chdir")).toBe(false);
  expect(await asked("", "os.Exit")).toBe(true);
  const bare = join(await temporaryDirectory(), "bare.git");
  await git("clone", "--quiet", "--bare", directory, bare);
  expect(await mentions(bare, first, { prefix: "app", files: "*.go", texts: ["runtime.Caller"] })).toBe(true);
});

test.each(["a*", "[ab]", "a?", "a\\b", "-a", ":(top)a"])(
  "mentions in a directory named %j are its own",
  async (prefix) => {
    const { directory, commit } = await testRepository();
    const named = await commit("first", { "ab/main.go": "mentioned", [`${prefix}/main.go`]: "nothing" });
    const asked = { prefix, files: "*.go", texts: ["mentioned"] };
    expect(await mentions(directory, named, asked)).toBe(false);
    const both = await commit("second", { [`${prefix}/main.go`]: "mentioned" });
    expect(await mentions(directory, both, asked)).toBe(true);
  },
);

describe("the export of a tree", () => {
  test("has the bytes, modes and links of the commit, whatever the working tree, attributes and settings say", async () => {
    const { directory, git, commit, write } = await testRepository();
    const first = await commit("first", {
      ".gitattributes":
        "hidden export-ignore\nsubst export-subst\ncrlf text eol=crlf\n*.bin filter=upper diff=upper\nident ident\nutf16 text working-tree-encoding=UTF-16\n",
      ".gitignore": "ignored\n",
      "go.mod": "module example.com/x\n",
      hidden: "kept",
      subst: "$Format:%H$",
      crlf: "one\ntwo\n",
      ident: "$Id$\n",
      "data.bin": Uint8Array.from([0, 255, 10, 13, 10]),
      empty: "",
      "dir with space/tool.sh": { executable: "#!/bin/sh\n" },
      "dir with space/ünïcode\n": "name",
      large: "line\n".repeat(500_000),
      link: { link: "dir with space/tool.sh" },
      outside: { link: "/etc/hostname" },
    });
    await git("config", "core.autocrlf", "true");
    await git("config", "filter.upper.smudge", "tr a-z A-Z");
    await write({ ".git/info/attributes": "* export-ignore\n" });
    await write({ "go.mod": "dirty", ignored: "untracked", "go.work": "go 1.26\n", crlf: undefined });

    const destination = join(await temporaryDirectory(), "new/export");
    const umask = process.umask(0o077);
    try {
      await exportTree(directory, first, "", destination);
    } finally {
      process.umask(umask);
    }
    expect((await readdir(destination)).sort()).toEqual(
      [
        ".gitattributes",
        ".gitignore",
        "crlf",
        "data.bin",
        "dir with space",
        "empty",
        "go.mod",
        "hidden",
        "ident",
        "large",
        "link",
        "outside",
        "subst",
      ].sort(),
    );
    const file = (name: string) => readFile(join(destination, name), "utf8");
    expect(await file("go.mod")).toBe("module example.com/x\n");
    expect(await file("hidden")).toBe("kept");
    expect(await file("subst")).toBe("$Format:%H$");
    expect(await file("crlf")).toBe("one\ntwo\n");
    expect(await file("ident")).toBe("$Id$\n");
    expect(await file("empty")).toBe("");
    expect(await file("large")).toBe("line\n".repeat(500_000));
    expect(await file("dir with space/ünïcode\n")).toBe("name");
    expect([...(await readFile(join(destination, "data.bin")))]).toEqual([0, 255, 10, 13, 10]);
    expect(await readlink(join(destination, "link"))).toBe("dir with space/tool.sh");
    expect(await readlink(join(destination, "outside"))).toBe("/etc/hostname");
    const mode = async (name: string) => (await lstat(join(destination, name))).mode & 0o7777;
    expect(await mode("go.mod")).toBe(0o644);
    expect(await mode("dir with space/tool.sh")).toBe(0o755);
  });

  test("of one directory has that directory alone", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first", { top: "1", "app/a": "2", "app/b/c": "3", "apple/d": "4" });
    const destination = join(await temporaryDirectory(), "export");
    await exportTree(directory, first, "app", destination);
    expect((await readdir(destination, { recursive: true })).sort()).toEqual(["a", "b", "b/c"]);
  });

  test("is of the commit and not of an object that replaces it", async () => {
    const { directory, git, commit } = await testRepository();
    const first = await commit("first", { file: "true" });
    const second = await commit("second", { file: "replaced" });
    await git("replace", first, second);
    await git("replace", await git("rev-parse", `${first}:file`), await git("rev-parse", `${second}:file`));
    const destination = join(await temporaryDirectory(), "export");
    await exportTree(directory, first, "", destination);
    expect(await readFile(join(destination, "file"), "utf8")).toBe("true");
  });

  test("names submodules", async () => {
    const { directory, git, commit } = await testRepository();
    const inner = await commit("inner", { file: "text" });
    for (const name of ["vendor/one", "two"]) {
      await git("update-index", "--add", "--cacheinfo", `160000,${inner},${name}`);
    }
    await git("commit", "--quiet", "--message", "submodules");
    const outer = await git("rev-parse", "HEAD");
    await expect(exportTree(directory, outer, "", join(await temporaryDirectory(), "export"))).rejects.toThrow(
      `commit ${outer} has submodules (two, vendor/one)`,
    );
  });

  test("names a directory that the commit does not have", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first", { file: "text" });
    const destination = join(await temporaryDirectory(), "export");
    await expect(exportTree(directory, first, "app", destination)).rejects.toThrow(
      `commit ${first} has no directory "app"`,
    );
    await expect(exportTree(directory, first, "file", destination)).rejects.toThrow('has no directory "file"');
  });

  test("overwrites nothing", async () => {
    const { directory, commit } = await testRepository();
    const first = await commit("first", { file: "text" });
    const destination = await temporaryDirectory();
    await writeFile(join(destination, "file"), "other");
    await expect(exportTree(directory, first, "", destination)).rejects.toThrow("EEXIST");
    expect(await readFile(join(destination, "file"), "utf8")).toBe("other");
  });

  test("says so when an object is missing", async () => {
    const { directory, git, commit } = await testRepository();
    const first = await commit("first", { file: "text" });
    const object = await git("rev-parse", "HEAD:file");
    const path = join(directory, ".git/objects", object.slice(0, 2), object.slice(2));
    await rename(path, `${path}.lost`);
    await expect(exportTree(directory, first, "", join(await temporaryDirectory(), "export"))).rejects.toThrow(
      `git has no content for object ${object}`,
    );
  });
});

describe("a directory outside of a checkout", () => {
  const files = {
    ".gitignore": "ignored\n",
    ".gitattributes": "* text=auto eol=crlf\n",
    "go.mod": "module example.com/x\n",
    "crlf.txt": "one\r\ntwo\r\n",
    "bin/tool.sh": { executable: "#!/bin/sh\n" },
    link: { link: "go.mod" },
    ignored: "left out",
  };

  test("gets a commit with its files as they are, and the same one every time", async () => {
    const directory = join(await temporaryDirectory(), "source");
    await writeFiles(directory, files);
    const home = await temporaryDirectory();
    const first = await snapshotDirectory(directory, join(home, "one.git"));
    expect(first.repository).toBe(join(home, "one.git"));
    expect(first.commit).toMatch(/^[0-9a-f]{40}$/);
    expect(await locate(first.repository)).toEqual({ repository: first.repository, prefix: "" });
    expect(await commitOf(first.repository, "HEAD")).toBe(first.commit);

    const destination = join(home, "export");
    await exportTree(first.repository, first.commit, "", destination);
    expect((await readdir(destination, { recursive: true })).sort()).toEqual(
      [".gitattributes", ".gitignore", "bin", "bin/tool.sh", "crlf.txt", "go.mod", "link"].sort(),
    );
    expect(await readFile(join(destination, "crlf.txt"), "utf8")).toBe("one\r\ntwo\r\n");
    expect((await lstat(join(destination, "bin/tool.sh"))).mode & 0o777).toBe(0o755);

    const copy = join(await temporaryDirectory(), "copy");
    await mkdir(copy);
    await writeFiles(copy, files);
    expect((await snapshotDirectory(copy, join(home, "two.git"))).commit).toBe(first.commit);
  });

  test("keeps the commits of earlier states", async () => {
    const [directory, home] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeFiles(directory, { file: "one" });
    const first = await snapshotDirectory(directory, join(home, "s.git"));
    await writeFiles(directory, { file: "two" });
    const second = await snapshotDirectory(directory, join(home, "s.git"));
    expect(second.commit).not.toBe(first.commit);
    await execa("git", ["-C", second.repository, "gc", "--quiet", "--prune=now"]);
    expect(await fileAt(second.repository, first.commit, "file")).toBe("one");
    expect(await fileAt(second.repository, second.commit, "file")).toBe("two");
  });

  test("is not changed", async () => {
    const [directory, home] = [await temporaryDirectory(), await temporaryDirectory()];
    await writeFiles(directory, { file: "one" });
    await snapshotDirectory(directory, join(home, "s.git"));
    expect(await readdir(directory)).toEqual(["file"]);
    expect((await readdir(join(home, "s.git"))).filter((name) => name.startsWith("index"))).toEqual([]);
  });
});
