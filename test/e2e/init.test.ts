import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { provisionKit } from "../../kit/provision.ts";
import { type LocalGitHub, startGitHub } from "../../rehearsal/github/server.ts";
import { layOutEngine } from "../../rehearsal/stack.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";
import { type Clone, makeClone, writes } from "./clone.ts";

const TOKEN = "ghp_TheOnlyOneThatMayDoEverything000000000";
const FILE = "Pulumi.prod.yaml";
const PASSPHRASE = "passphrase of the test";

// What a person does on their own machine, with the real CLI, a file backend and the local GitHub.
describe("npm run init", { timeout: 300_000 }, () => {
  let clone: Clone;
  let github: LocalGitHub;
  let home: string;
  let state: string;
  let committed: string;
  let environment: Record<string, string>;

  beforeAll(async () => {
    clone = await makeClone("init");
    home = await mkdtemp(join(tmpdir(), "init-home-"));
    state = join(home, "state");
    const kit = await provisionKit({ report: () => {} });
    const engine = await layOutEngine(clone.path, home, kit);
    committed = await readFile(join(clone.path, FILE), "utf8");
    github = await startGitHub({ port: 0, token: TOKEN, onResponse: validateExchange });
    github.createRepository({ owner: "octo", name: "tool" });
    github.addToken("ghp_classic", "cat", "admin", { scopes: ["repo", "workflow"] });
    github.addToken("ghp_without_workflow", "cat", "admin", { scopes: ["repo"] });
    github.addToken("ghp_pusher", "dog", "push", { scopes: ["repo", "workflow"] });
    github.addToken("github_pat_variables", "cat", "admin", { permissions: { actions_variables: "write" } });
    // Every call of the CLI is written down: arguments of a process are for all to see.
    const shim = join(home, "shim");
    await mkdir(shim);
    await writeFile(
      join(shim, "pulumi"),
      `#!/bin/sh\nprintf '%s\\n' "$*" >> "${home}/arguments"\nexec "${join(engine, "bin/pulumi")}" "$@"\n`,
      { mode: 0o755 },
    );
    environment = {
      HOME: home,
      PATH: [shim, join(engine, "bin"), kit.bin, process.env.PATH].join(delimiter),
      PULUMI_HOME: engine,
      PULUMI_CONFIG_PASSPHRASE: PASSPHRASE,
      PULUMI_IGNORE_AMBIENT_PLUGINS: "true",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      GITHUB_TOKEN: "ghp_classic",
    };
  }, 20 * 60_000);
  afterAll(async () => {
    await github?.stop();
    await Promise.all([clone.remove(), rm(home, { recursive: true, force: true })]);
  });
  beforeEach(async () => {
    github.history.length = 0;
    await rm(state, { recursive: true, force: true });
    await rm(join(home, "pulumi/credentials.json"), { force: true });
    await mkdir(state);
    await clone.git("checkout", "-q", "--", ".");
  });

  const given = (repository = "octo/tool") => [
    "--yes",
    "--repository",
    repository,
    "--backend",
    `file://${state}`,
    "--github-url",
    github.url,
  ];
  const init = (args: readonly string[], changed: Record<string, string> = {}) =>
    execa("node", ["src/commands/init.ts", ...args], {
      cwd: clone.path,
      env: { ...environment, ...changed },
      extendEnv: false,
      reject: false,
    });
  const changes = () => clone.git("status", "--porcelain", "--", ".", ":!node_modules");
  const file = () => readFile(join(clone.path, FILE), "utf8");
  const storedToken = async () =>
    (
      await execa("pulumi", ["config", "get", "mount-monitor:githubToken", "--stack", "prod"], {
        cwd: clone.path,
        env: environment,
      })
    ).stdout;

  describe("refuses, before anything is written", () => {
    test.each<[string, string, string, string]>([
      [
        "a token that is not valid",
        "ghp_expired",
        "octo/tool",
        "the token is not valid: GitHub answered 401. It may have expired.",
      ],
      [
        "a token without a scope",
        "ghp_without_workflow",
        "octo/tool",
        'the token lacks the scope "workflow" (it has: repo).',
      ],
      [
        "a repository that is not there",
        "ghp_classic",
        "octo/tol",
        'repository "octo/tol" is not there, or this token may not see it.',
      ],
      [
        "somebody who may not administer",
        "ghp_pusher",
        "octo/tool",
        "@dog may not administer octo/tool, which secrets,",
      ],
      [
        "a fine-grained token without permissions",
        "github_pat_variables",
        "octo/tool",
        'the token lacks the permission "Secrets" and "Administration".',
      ],
    ])("%s", async (_name, token, repository, message) => {
      const { exitCode, stdout, stderr } = await init(given(repository), { GITHUB_TOKEN: token });
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
      expect(stderr.split("\n")).toHaveLength(1);
      expect(stdout + stderr).not.toContain(token);
      expect(github.history.length).toBeGreaterThan(0);
      expect(writes(github.history)).toEqual([]);
      expect(await file()).toBe(committed);
      expect(await changes()).toBe("");
      expect(await readdir(state)).toEqual([]);
    });

    test.each<[string, string[], Record<string, string>, string]>([
      ["a terminal", [], {}, "there is no terminal to ask on. Run: npm run init -- --yes"],
      ["a tool", ["--yes"], { PATH: "/nowhere" }, "git is not there"],
    ])("without %s", async (_name, args, changed, message) => {
      const { exitCode, stderr } = await execa(process.execPath, ["src/commands/init.ts", ...args], {
        cwd: clone.path,
        env: { ...environment, ...changed },
        extendEnv: false,
        reject: false,
        stdin: "ignore",
      });
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
      expect(github.history).toEqual([]);
      expect(await changes()).toBe("");
    });
  });

  test("writes the file with its comments, the token encrypted, shows the preview; a second run changes nothing", async () => {
    const first = await init(given());
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toMatch(/^git: \d+\.\d+/m);
    expect(first.stdout).toMatch(/^pulumi: v3\.259\.0$/m);
    expect(first.stdout).toContain("GitHub: @cat may administer octo/tool");
    expect(first.stdout).toContain(`stack prod was made in file://${state}`);
    expect(first.stdout).toMatch(/Previewing update \(prod\)/);
    expect(first.stdout).toContain("this update makes no release");
    const text = await file();
    const comments = (yaml: string) => yaml.split("\n").filter((line) => line.trimStart().startsWith("#"));
    expect(comments(text)).toEqual(comments(committed));
    expect(parse(text)).toEqual({
      config: {
        "mount-monitor:repository": "octo/tool",
        "mount-monitor:githubUrl": github.url,
        "mount-monitor:githubToken": { secure: expect.stringMatching(/^v1:/) },
      },
      encryptionsalt: expect.stringMatching(/^v1:/),
    });
    expect(await storedToken()).toBe("ghp_classic");
    for (const place of [clone.path, home]) {
      const { stdout } = await execa(
        "grep",
        ["-rlF", "--exclude-dir=node_modules", "--exclude-dir=test", "ghp_classic", place],
        {
          reject: false,
        },
      );
      expect(stdout).toBe("");
    }
    expect(first.stdout + first.stderr).not.toContain("ghp_classic");
    expect(await readFile(join(home, "arguments"), "utf8")).toMatch(
      /^config set --secret mount-monitor:githubToken --config-file \S+ /m,
    );

    const second = await init(given());
    expect(second).toMatchObject({ exitCode: 0 });
    expect(second.stdout).toContain(`${FILE} is as it should be: nothing was changed`);
    expect(await file()).toBe(text);
    expect(await storedToken()).toBe("ghp_classic");

    // Without a token in the environment the stored one is used, and stays.
    const { GITHUB_TOKEN: _token, ...without } = environment;
    const third = await execa("node", ["src/commands/init.ts", ...given()], {
      cwd: clone.path,
      env: without,
      extendEnv: false,
      reject: false,
    });
    expect(third).toMatchObject({ exitCode: 0 });
    expect(await file()).toBe(text);
    expect(writes(github.history)).toEqual([]);
  });

  test("a wrong passphrase is said, and the file stays as it is", async () => {
    await init(given());
    const text = await file();
    const { exitCode, stderr } = await init(given(), { PULUMI_CONFIG_PASSPHRASE: "another" });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("incorrect passphrase");
    expect(await file()).toBe(text);
  });

  test("asks on a terminal, shows no secret, and writes nothing when the person leaves", async () => {
    const { PULUMI_CONFIG_PASSPHRASE: _passphrase, GITHUB_TOKEN: _token, ...asked } = environment;
    const talk = async (lines: readonly (readonly [string, string])[]) => {
      const command = `stty cols 100 rows 40; exec node src/commands/init.ts --backend file://${state} --github-url ${github.url}`;
      const child = execa("script", ["-qfec", command, "/dev/null"], {
        cwd: clone.path,
        env: { ...asked, TERM: "xterm" },
        extendEnv: false,
        all: true,
        reject: false,
      });
      const left = [...lines];
      let screen = "";
      child.all.on("data", (piece: Buffer) => {
        screen += piece.toString();
        const [next] = left;
        if (next && screen.includes(next[0])) {
          left.shift();
          screen = "";
          child.stdin.write(next[1]);
        }
      });
      const { exitCode, all } = await child;
      expect(left).toEqual([]);
      return { exitCode, shown: all };
    };

    const leaving = await talk([
      ["Repository on GitHub", "octo/tool\r"],
      ["Where the state is kept", "\r"],
      ["Token for GitHub", "\x03"],
    ]);
    expect(leaving.exitCode).toBe(1);
    expect(leaving.shown).toContain("Nothing was written.");
    expect(await changes()).toBe("");
    expect(await readdir(state)).toEqual([]);

    const { exitCode, shown } = await talk([
      ["Repository on GitHub", "octo/tool\r"],
      ["Where the state is kept", "\r"],
      ["Token for GitHub", "ghp_classic\r"],
      ["Passphrase of the stack", `${PASSPHRASE}\r`],
      [`Write ${FILE}?`, "\r"],
    ]);
    expect(exitCode).toBe(0);
    expect(shown).toContain("GitHub: @cat may administer octo/tool");
    expect(shown).not.toContain("ghp_classic");
    expect(shown).not.toContain(PASSPHRASE);
    expect(settings(await file())).toMatchObject({ "mount-monitor:repository": "octo/tool" });
    expect(await storedToken()).toBe("ghp_classic");
  });
});

function settings(text: string): unknown {
  return parse(text).config;
}
