import { rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { type RecoveryOptions, recover } from "../src/recovery.ts";
import { EngineError } from "../src/services/engine.ts";
import { ServiceError } from "../src/services/service-error.ts";

const variable = (name: string) => ({
  urn: `urn:pulumi:prod::mount-monitor::github:index/actionsVariable:ActionsVariable::${name}`,
  type: "github:index/actionsVariable:ActionsVariable",
  custom: true,
  inputs: { repository: "mount-monitor", variableName: name },
});
const file = { ...variable("f"), urn: "urn:file", type: "github:index/repositoryFile:RepositoryFile" };
const draft = { ...variable("d"), urn: "urn:draft", type: "pulumi-nodejs:dynamic/release:GithubRelease" };

const lock = (pid: number) => ({ pid, username: "me", hostname: "laptop", timestamp: "2026-01-02T03:04:05Z" });

let root: string;
let calls: { args: readonly string[]; input: unknown }[];
let said: string[];
/** What the next commands fail with, by their first words. */
let failing: Map<string, string>;
let deployment: object;
/** What the next commands print, by their first words. */
let printed: Map<string, string>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "backend-"));
  [calls, said, failing, printed, deployment] = [
    [],
    [],
    new Map(),
    new Map([["stack history", "[]"]]),
    { resources: [] },
  ];
});

type Settings = RecoveryOptions["settings"];

/** A repository that has none of the settings that are looked for, or as it is told. */
const looking = (told: Partial<Settings> = {}): Settings => ({
  existing: async () => undefined,
  gone: async () => false,
  ...told,
});

/** Options over an engine that notes what it is told. */
function options(changes: Partial<RecoveryOptions> = {}): RecoveryOptions {
  return {
    engine: {
      stack: "prod",
      async run(args, input) {
        const name = args.slice(0, 2).join(" ");
        calls.push({ args, input: input === undefined ? undefined : JSON.parse(input) });
        const failure = failing.get(name);
        failing.delete(name);
        if (failure !== undefined) throw new EngineError(name, failure);
        const text = printed.get(name) ?? "";
        return name === "stack export" ? JSON.stringify({ version: 3, deployment }) : text;
      },
    },
    backend: { root, project: "mount-monitor", stack: "prod" },
    isDead: () => true,
    settings: looking(),
    waiting: { limitMs: 0, everyMs: 1 },
    report: (line) => said.push(line),
    ...changes,
  };
}

const commands = () => calls.map(({ args }) => args.join(" "));

const STATE = ".pulumi/stacks/mount-monitor/prod.json";

/** Puts the deployment where the engine keeps it in a directory. */
const keep = () => write(STATE, JSON.stringify({ version: 3, checkpoint: { latest: deployment } }));

/** A state that only the CLI can read. */
const keepCompressed = () => write(`${STATE}.gz`, "");

async function write(path: string, text: string) {
  await mkdir(join(root, path, ".."), { recursive: true });
  await writeFile(join(root, path), text);
}

describe("recovery", () => {
  test("looks once and changes nothing where nothing is left", async () => {
    await keep();
    await recover(options());
    expect(commands()).toEqual([]);
    await recover(options({ backend: "cloud" }));
    expect(commands()).toEqual(["stack export", "stack"]);
    expect(said).toEqual([]);
  });

  test.each(["bucket", "cloud"] as const)(
    "has nothing to do for a stack that is not there yet (%s)",
    async (backend) => {
      failing.set("stack export", "error: no stack named 'prod' found");
      await recover(options({ backend }));
      expect(commands()).toEqual(["stack export"]);
    },
  );

  test("asks nobody for a stack that is not there yet, when it would be in a directory", async () => {
    await write(".pulumi/stacks/mount-monitor/production.json", "{}");
    await recover(options());
    expect(commands()).toEqual([]);
  });

  test.each([
    ["is compressed", `${STATE}.gz`, ""],
    ["was made before there were projects", ".pulumi/stacks/prod.json", "{}"],
    ["is of another version", STATE, '{"version":5,"checkpoint":{"latest":{"pending_operations":[{}]}}}'],
  ])("has the CLI read a state in a directory that %s", async (_what, path, text) => {
    await write(path, text);
    deployment = { resources: [], pending_operations: [{ type: "creating", resource: draft }] };
    await recover(options());
    expect(commands()).toEqual(["stack export", "stack export", "stack import"]);
  });

  test.each([
    ["nothing", "", 'it is no JSON: ""'],
    ["a message", "warning: new version", 'it is no JSON: "warning: new version"'],
    ["another form", '{"version":"3"}', "expected number, received string → at version"],
  ])("says what the CLI printed when that is no state, and changes nothing: %s", async (_, printed, why) => {
    await keepCompressed();
    const { engine } = options();
    const run: typeof engine.run = async (args, input) => {
      await engine.run(args, input);
      return printed;
    };
    await expect(recover(options({ engine: { ...engine, run } }))).rejects.toThrow(
      new RegExp(`^pulumi stack export printed what this program does not understand \\(.*${why}\\): use the version`),
    );
    expect(commands()).toEqual(["stack export"]);
  });

  test("does not take another failure for a stack that is not there", async () => {
    await keepCompressed();
    failing.set("stack export", "error: passphrase must be set");
    await expect(recover(options())).rejects.toThrow("passphrase must be set");
  });

  describe("of a lock in a directory", () => {
    const locks = ".pulumi/locks/organization/mount-monitor/prod";

    test("removes one whose update is dead, and says whose it was", async () => {
      await write(`${locks}/a.json`, JSON.stringify(lock(4711)));
      await write(`${locks}/a.json.attrs`, "{}");
      await recover(options({ isDead: ({ holder }) => holder?.pid === 4711 }));
      expect(commands()).toEqual([]);
      expect(await readdir(join(root, locks))).toEqual([]);
      expect(said).toEqual([expect.stringMatching(/removed the lock of me@laptop \(process 4711\), since 2026-01-02/)]);
    });

    test("removes no other, which the engine's own command would", async () => {
      await write(`${locks}/a.json`, JSON.stringify(lock(4711)));
      await recover(
        options({
          async isDead() {
            await write(`${locks}/b.json`, JSON.stringify(lock(4712)));
            return true;
          },
        }),
      );
      expect(await readdir(join(root, locks))).toEqual(["b.json"]);
    });

    test("removes one of a dead update that refuses the import, by the address that the engine names", async () => {
      await write(`${locks}/a.json`, JSON.stringify(lock(4711)));
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: draft }] };
      await keep();
      failing.set(
        "stack import",
        "error: could not import deployment: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
          `  file://${root}/${locks}/b.json?no_tmp_dir=true: created by me@laptop (pid 4712) at 2026-01-02T03:04:05Z`,
      );
      const run = options().engine.run;
      const engine = {
        stack: "prod",
        async run(args: readonly string[], input?: string) {
          if (calls.length === 0) await write(`${locks}/b.json`, JSON.stringify(lock(4712)));
          return run(args, input);
        },
      };
      await recover(options({ engine }));
      expect(commands()).toEqual(["stack import", "stack import"]);
      expect(await readdir(join(root, locks))).toEqual([]);
    });

    test("leaves all of them when one may be alive, and says what to type", async () => {
      await write(`${locks}/a.json`, JSON.stringify(lock(4711)));
      await write(`${locks}/b.json.18bc.tmp`, "");
      await expect(recover(options({ isDead: ({ holder }) => holder !== undefined }))).rejects.toThrow(
        /me@laptop \(process 4711\), since 2026-01-02T03:04:05Z[\s\S]*somebody unknown[\s\S]*pulumi cancel --yes --stack prod/,
      );
      expect(commands()).toEqual([]);
    });

    test("of another stack concerns nobody", async () => {
      await write(".pulumi/locks/organization/mount-monitor/dev/a.json", JSON.stringify(lock(4711)));
      await recover(options({ isDead: () => false }));
      expect(commands()).toEqual([]);
      expect(await readdir(join(root, ".pulumi/locks/organization/mount-monitor/dev"))).toEqual(["a.json"]);
    });
  });

  describe("of a lock that may be given free", () => {
    const path = ".pulumi/locks/organization/mount-monitor/prod/a.json";
    const fresh = (pid = 4711, host = "laptop") =>
      JSON.stringify({ ...lock(pid), hostname: host, timestamp: new Date(Date.now() - 180_000).toISOString() });
    /** Gives the lock free as soon as it is said to be waited for. */
    const freed = (line: string) => {
      said.push(line);
      rmSync(join(root, path), { force: true });
    };
    const waiting = { limitMs: 600_000, everyMs: 1 };

    test("waits for it, says for whom and how long, and then begins with what is there now", async () => {
      await write(path, fresh());
      await keepCompressed();
      await recover(options({ isDead: () => false, waiting, report: freed }));
      expect(commands()).toEqual(["stack export"]);
      expect(said).toEqual([
        expect.stringMatching(
          /^recovery: stack prod is held by me@laptop \(process 4711\), since \S+Z \(3 min ago\): waiting up to 10 min$/,
        ),
      ]);
    });

    test("waits no longer than it was told to, and then says what to type", async () => {
      await write(path, fresh());
      const limited = options({ isDead: () => false, waiting: { limitMs: 20, everyMs: 1 } });
      await expect(recover(limited)).rejects.toThrow(/me@laptop[\s\S]*pulumi cancel --yes --stack prod\nIt was waited/);
      expect(said).toHaveLength(1);
      expect(await readFile(join(root, path), "utf8")).toContain("4711");
    });

    test("does not wait for a process of this machine that has ended, and leaves its lock", async () => {
      await write(path, fresh(2 ** 22 + 1, hostname()));
      await expect(recover(options({ isDead: () => false, waiting }))).rejects.toThrow(
        "pulumi cancel --yes --stack prod",
      );
      expect(said).toEqual([]);
    });

    test("ends the wait when it is told to", async () => {
      await write(path, fresh());
      const signal = AbortSignal.abort(new Error("Ctrl-C"));
      const ended = options({ isDead: () => false, waiting: { ...waiting, signal } });
      await expect(recover(ended)).rejects.toThrow("aborted");
    });
  });

  describe("of a lock in a bucket", () => {
    const held = (timestamp: string) =>
      "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
      `  s3://bucket/.pulumi/locks/organization/mount-monitor/prod/a.json: created by me@laptop (pid 4711) at ${timestamp}`;
    const refusal = held("2026-01-02T03:04:05Z");
    const root = { urn: "urn:root", type: "pulumi:pulumi:Stack" };
    const ASKED = "refresh --yes --skip-preview --target urn:root";

    beforeEach(() => {
      deployment = { resources: [draft, root] };
    });

    test("asks by a refresh of the stack alone", async () => {
      await recover(options({ backend: "bucket" }));
      expect(commands()).toEqual(["stack export", ASKED]);
    });

    test("asks so for a stack that has nothing yet, too", async () => {
      deployment = {};
      await recover(options({ backend: "bucket" }));
      expect(commands()).toEqual(["stack export", "refresh --yes --skip-preview"]);
    });

    test("removes it when it is a dead update's, and looks again", async () => {
      failing.set("refresh --yes", refusal);
      await recover(options({ backend: "bucket", isDead: ({ holder }) => holder?.pid === 4711 }));
      expect(commands()).toEqual(["stack export", ASKED, "cancel --yes", "stack export", ASKED]);
    });

    test("names a holder that may be alive, and is older than any update", async () => {
      failing.set("refresh --yes", refusal);
      const waiting = { limitMs: 600_000, everyMs: 1 };
      await expect(recover(options({ backend: "bucket", isDead: () => false, waiting }))).rejects.toThrow(
        "me@laptop (process 4711), since 2026-01-02T03:04:05Z",
      );
      expect(commands()).toEqual(["stack export", ASKED]);
    });

    test("waits for one that may be given free, also when its machine has the name of this one", async () => {
      failing.set(
        "refresh --yes",
        held(new Date().toISOString()).replace("@laptop (pid 4711)", `@${hostname()} (pid 4194305)`),
      );
      const waiting = { limitMs: 600_000, everyMs: 1 };
      await recover(options({ backend: "bucket", isDead: () => false, waiting }));
      expect(commands()).toEqual(["stack export", ASKED, "stack export", ASKED]);
      expect(said).toEqual([expect.stringContaining(`me@${hostname()} (process 4194305)`)]);
    });

    test("does not take another failure for a lock", async () => {
      failing.set("refresh --yes", "error: passphrase must be set");
      await expect(recover(options({ backend: "bucket" }))).rejects.toThrow("passphrase must be set");
    });

    test("imports what is pending only as long as nobody else has written the state", async () => {
      const pending = { resources: [root], pending_operations: [{ type: "creating", resource: draft }] };
      deployment = pending;
      const done = { resources: [root, draft] };
      const states = [pending, done, done];
      const { engine } = options();
      const moved: RecoveryOptions["engine"] = {
        stack: "prod",
        async run(args, input) {
          deployment = args[1] === "export" ? (states.shift() ?? done) : deployment;
          return engine.run(args, input);
        },
      };
      await recover(options({ backend: "bucket", engine: moved }));
      expect(commands()).toEqual(["stack export", "stack export", "stack export", ASKED]);
    });
  });

  describe("of an update that Pulumi Cloud knows of", () => {
    const progress =
      "Current stack is octo-org/prod:\n    Owner: octo-org\n    Update in progress:\n\tStarted: 2 minutes ago\n\tRequested By: octocat\n";

    test("waits for it", async () => {
      const { engine } = options();
      let asked = 0;
      const busy: RecoveryOptions["engine"] = {
        stack: "prod",
        async run(args, input) {
          const text = await engine.run(args, input);
          return args[0] === "stack" && args.length === 1 && asked++ === 0 ? progress : text;
        },
      };
      await recover(options({ backend: "cloud", engine: busy, waiting: { limitMs: 600_000, everyMs: 1 } }));
      expect(commands()).toEqual(["stack export", "stack", "stack export", "stack"]);
      expect(said).toEqual([
        "recovery: stack prod is held by octocat (update), since 2 minutes ago: waiting up to 10 min",
      ]);
    });

    test("leaves it alone when it does not end", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: draft }] };
      failing.set("stack import", "error: [409] Conflict: Another update is currently in progress.");
      await expect(recover(options({ backend: "cloud" }))).rejects.toThrow(
        /update in progress[\s\S]*pulumi cancel --yes --stack prod/,
      );
      expect(commands()).toEqual(["stack export", "stack", "stack export", "stack import"]);
    });
  });

  describe("of pending operations", () => {
    test("forgets what looks by itself, imports what exists, forgets what does not, reads again what was changed", async () => {
      deployment = {
        resources: [file],
        pending_operations: [
          { type: "creating", resource: draft },
          { type: "creating", resource: variable("a") },
          { type: "creating", resource: variable("b") },
          { type: "updating", resource: file },
        ],
      };
      const asked: string[] = [];
      const existing: Settings["existing"] = async ({ inputs: { variableName = "file" } }) => {
        asked.push(String(variableName));
        return asked.at(-1) === "a" ? undefined : "mount-monitor:b";
      };
      await keep();
      await recover(options({ settings: looking({ existing }) }));
      expect(asked).toEqual(["a", "b", "f"]);
      expect(commands()).toEqual([
        "stack import",
        `refresh --yes --skip-preview --target ${variable("b").urn} --target urn:file`,
      ]);
      expect(calls[0]?.input).toEqual({
        version: 3,
        deployment: { resources: [file, { ...variable("b"), id: "mount-monitor:b", outputs: {} }] },
      });
      expect(said.map((line) => line.slice(line.indexOf("died: ")))).toEqual([
        "died: forgotten, the update does it again",
        "died: forgotten, the update does it again",
        "died: it exists and is imported",
        "died: read again",
      ]);
    });

    test("keeps the features that the engine says a state needs", async () => {
      const latest = { resources: [file], pending_operations: [{ type: "creating", resource: draft }] };
      await write(STATE, JSON.stringify({ version: 4, features: ["hooks"], checkpoint: { latest } }));
      await recover(options());
      expect(calls.map(({ input }) => input)).toEqual([
        { version: 4, features: ["hooks"], deployment: { resources: [file] } },
      ]);
    });

    test.each([401, 403, 404])("leaves them as they are when this token may not look: %i", async (status) => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: variable("a") }] };
      const existing = async () => {
        throw new ServiceError(`GitHub answered ${status}`, { service: "GitHub", status });
      };
      await keep();
      await recover(options({ settings: looking({ existing }) }));
      expect(commands()).toEqual([]);
      expect(said).toEqual([expect.stringContaining("1 operations stay as they are")]);
    });

    test("fails, and changes nothing, when GitHub cannot be asked", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: variable("a") }] };
      const existing = async () => {
        throw new ServiceError("no answer", { service: "GitHub", transient: true });
      };
      await keep();
      await expect(recover(options({ settings: looking({ existing }) }))).rejects.toThrow("no answer");
      expect(commands()).toEqual([]);
    });
  });

  describe("of a file whose write failed", () => {
    const failed = { ...file, outputs: { content: "new" }, initErrors: ["409"] };
    const written = async () => "mount-monitor:f:";
    const READ = "refresh --yes --skip-preview --target urn:file";
    const HISTORY = "stack history --json --page-size 1";

    beforeEach(() => {
      deployment = { resources: [failed] };
    });

    test.each(["bucket", "cloud"] as const)(
      "reads it again when GitHub has what was to be written (%s)",
      async (backend) => {
        await recover(options({ backend, settings: looking({ existing: written }) }));
        expect(commands().filter((command) => command !== "stack")).toEqual(["stack export", HISTORY, READ]);
        expect(said).toEqual(["recovery: urn:file was written, and the reply was lost: read again"]);
      },
    );

    test("is told of it by a state in a directory", async () => {
      deployment = { resources: [{ ...failed, urn: "urn:other", initErrors: [] }, failed] };
      await keep();
      await recover(options({ settings: looking({ existing: written }) }));
      expect(commands()).toEqual([READ]);
    });

    test("leaves it alone when GitHub has something else", async () => {
      await keep();
      await recover(options());
      expect(commands()).toEqual([]);
      expect(said).toEqual([]);
    });

    test("reads it again together with what was pending", async () => {
      deployment = { resources: [failed], pending_operations: [{ type: "creating", resource: draft }] };
      await keep();
      await recover(options({ settings: looking({ existing: written }) }));
      expect(commands()).toEqual(["stack import", READ]);
    });

    test("looks again without the lock of a dead update", async () => {
      failing.set(
        "refresh --yes",
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
          "  s3://bucket/.pulumi/locks/organization/mount-monitor/prod/a.json: created by me@laptop (pid 4711) at 2026-01-02T03:04:05Z",
      );
      await recover(options({ backend: "bucket", settings: looking({ existing: written }) }));
      expect(commands()).toEqual(["stack export", HISTORY, READ, "cancel --yes", "stack export", HISTORY, READ]);
    });
  });

  describe("of settings that the last update may have deleted", () => {
    const HISTORY = ".pulumi/history/mount-monitor/prod/prod-";
    const READ = `refresh --yes --skip-preview --target ${variable("b").urn}`;
    const gone: Settings["gone"] = async ({ inputs }) => inputs.variableName === "b";

    beforeEach(async () => {
      deployment = { resources: [draft, variable("a"), variable("b")] };
      await keep();
      await write(`${HISTORY}17.history.json`, '{"result":"succeeded"}');
      await write(`${HISTORY}18.history.json`, '{"result":"failed"}');
      await write(`${HISTORY}18.history.json.attrs`, "{}");
      await write(`${HISTORY}18.checkpoint.json`, "{}");
    });

    test("reads again those that are gone", async () => {
      await recover(options({ settings: looking({ gone }) }));
      expect(commands()).toEqual([READ]);
      expect(said).toEqual([`recovery: ${variable("b").urn} is gone, and the last update failed: read again`]);
    });

    test("looks at nothing after an update that succeeded, nor where none was", async () => {
      const never: Settings["gone"] = async () => expect.unreachable("looked");
      await write(`${HISTORY}19.history.json`, '{"result":"succeeded"}');
      await recover(options({ settings: looking({ gone: never }) }));
      rmSync(join(root, ".pulumi/history"), { recursive: true });
      await recover(options({ settings: looking({ gone: never }) }));
      expect([calls, said]).toEqual([[], []]);
    });

    test("leaves alone what is there", async () => {
      await recover(options());
      expect([calls, said]).toEqual([[], []]);
    });

    test.each([
      ["is compressed", "19.history.json.gz", ""],
      ["is not whole", "19.history.json", "{"],
      ["is of another form", "19.history.json", "[]"],
    ])("has the CLI read a history that %s", async (_what, name, text) => {
      await write(HISTORY + name, text);
      printed.set("stack history", '[{"kind":"update","result":"failed"}]');
      await recover(options({ settings: looking({ gone }) }));
      expect(commands()).toEqual(["stack history --json --page-size 1", READ]);
    });

    test.each([
      ["bucket", "failed", [READ]],
      ["cloud", "failed", [READ]],
      ["cloud", "succeeded", []],
    ] as const)("asks the CLI in a %s, which says that it %s", async (backend, result, then) => {
      printed.set("stack history", JSON.stringify([{ result }]));
      await recover(options({ backend, settings: looking({ gone }) }));
      expect(commands().filter((command) => command !== "stack")).toEqual([
        "stack export",
        "stack history --json --page-size 1",
        ...then,
      ]);
    });

    test("asks for no history where no setting is recorded", async () => {
      deployment = { resources: [draft] };
      await recover(options({ backend: "cloud" }));
      expect(commands()).toEqual(["stack export", "stack"]);
    });

    test("reads them again together with what was pending, each once", async () => {
      const pending_operations = [{ type: "deleting", resource: variable("b") }];
      deployment = { resources: [variable("a"), variable("b")], pending_operations };
      await keep();
      await recover(options({ settings: looking({ gone: async () => true }) }));
      expect(commands()).toEqual(["stack import", `${READ} --target ${variable("a").urn}`]);
    });

    test("says so when this token may not look, and goes on", async () => {
      const refused: Settings["gone"] = async () => {
        throw new ServiceError("GitHub answered 403", { service: "GitHub", status: 403 });
      };
      printed.set("stack history", '[{"result":"failed"}]');
      const stack = { urn: "urn:root", type: "pulumi:pulumi:Stack" };
      deployment = { resources: [stack, variable("a")] };
      await recover(options({ backend: "bucket", settings: looking({ gone: refused }) }));
      expect(commands().at(-1)).toBe("refresh --yes --skip-preview --target urn:root");
      expect(said).toEqual([
        "recovery: what the last update deleted is not looked for, because this token may not look at the repository's " +
          "settings (GitHub answered 403): npm run recover with a token that may administer it",
      ]);
    });

    test("fails when GitHub cannot be asked", async () => {
      const unheard: Settings["gone"] = async () => {
        throw new ServiceError("no answer", { service: "GitHub", transient: true });
      };
      await expect(recover(options({ settings: looking({ gone: unheard }) }))).rejects.toThrow("no answer");
      expect(calls).toEqual([]);
    });
  });

  describe("of files that were cut short", () => {
    const content = async () => readFile(join(root, STATE), "utf8");

    test("drops attributes, and puts back the copy of the state", async () => {
      await write(STATE, '{"version":3,');
      await write(`${STATE}.attrs`, "");
      await write(`${STATE}.bak`, '{"version":3,"before":true}');
      await write(`${STATE}.bak.attrs`, "{}");
      await recover(options());
      expect(await content()).toBe('{"version":3,"before":true}');
      expect((await readdir(join(root, STATE, ".."))).sort()).toEqual([
        "prod.json",
        "prod.json.bak",
        "prod.json.bak.attrs",
      ]);
      expect(said).toHaveLength(2);
    });

    test("mends them before the CLI is told anything", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: draft }] };
      await keep();
      await write(`${STATE}.attrs`, "");
      const { engine, ...rest } = options();
      const seen: string[][] = [];
      const run = async (args: readonly string[], input?: string) => {
        seen.push(
          (await readdir(join(root, ".pulumi"), { recursive: true })).filter((name) => name.endsWith(".attrs")),
        );
        return engine.run(args, input);
      };
      await recover({ ...rest, engine: { ...engine, run } });
      expect(commands()).toEqual(["stack import"]);
      expect(seen).toEqual([[]]);
    });

    test("are left alone while somebody else may write them", async () => {
      await write(".pulumi/locks/organization/mount-monitor/prod/a.json", JSON.stringify(lock(4711)));
      await write(`${STATE}.attrs`, "");
      await expect(recover(options({ isDead: () => false }))).rejects.toThrow("me@laptop");
      expect(await readdir(join(root, STATE, ".."))).toEqual(["prod.json.attrs"]);
    });

    test.each([
      ["none", { latest: { resources: [] } }, []],
      ["an empty list", { latest: { pending_operations: [] } }, []],
      ["something that this program cannot read", {}, ["stack export"]],
    ])(
      "has the CLI asked only where it cannot be seen that nothing is pending: %s",
      async (_what, checkpoint, asked) => {
        await write(STATE, JSON.stringify({ version: 3, checkpoint }));
        await recover(options());
        expect(commands()).toEqual(asked);
      },
    );

    test("leaves what is whole, and a stack that was removed", async () => {
      await write(".pulumi/stacks/mount-monitor/gone.json.bak", "{}");
      await write(STATE, '{"version":3}');
      await write(`${STATE}.bak`, '{"version":3,"before":true}');
      await recover(options());
      expect(await content()).toBe('{"version":3}');
      await recover(options({ backend: { root, project: "mount-monitor", stack: "gone" } }));
      expect(await readdir(join(root, STATE, ".."))).not.toContain("gone.json");
      expect(said).toEqual([]);
    });
  });
});
