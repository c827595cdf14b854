import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
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

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "backend-"));
  [calls, said, failing, deployment] = [[], [], new Map(), { resources: [] }];
});

/** Options over an engine that notes what it is told; `cancel` removes the locks, as the engine's own does. */
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
        return name === "stack export" ? JSON.stringify({ version: 3, deployment }) : "";
      },
    },
    files: { root, project: "mount-monitor", stack: "prod" },
    isDead: () => true,
    suspicious: false,
    existing: async () => undefined,
    report: (line) => said.push(line),
    ...changes,
  };
}

const commands = () => calls.map(({ args }) => args.join(" "));

async function write(path: string, text: string) {
  await mkdir(join(root, path, ".."), { recursive: true });
  await writeFile(join(root, path), text);
}

describe("recovery", () => {
  test("looks once and changes nothing where nothing is left", async () => {
    await recover(options());
    await recover(options({ files: undefined }));
    expect(commands()).toEqual(["stack export", "stack export"]);
    expect(said).toEqual([]);
  });

  test("has nothing to do for a stack that is not there yet", async () => {
    failing.set("stack export", "error: no stack named 'prod' found");
    await recover(options());
    expect(commands()).toEqual(["stack export"]);
  });

  test("does not take another failure for a stack that is not there", async () => {
    failing.set("stack export", "error: passphrase must be set");
    await expect(recover(options())).rejects.toThrow("passphrase must be set");
  });

  describe("of a lock in a directory", () => {
    const locks = ".pulumi/locks/organization/mount-monitor/prod";

    test("removes one whose update is dead, and says whose it was", async () => {
      await write(`${locks}/a.json`, JSON.stringify(lock(4711)));
      await write(`${locks}/a.json.attrs`, "{}");
      await recover(options({ isDead: ({ holder }) => holder?.pid === 4711 }));
      expect(commands()).toEqual(["cancel --yes", "stack export"]);
      expect(said).toEqual([expect.stringMatching(/removed the lock of me@laptop \(process 4711\), since 2026-01-02/)]);
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
      expect(commands()).toEqual(["stack export"]);
    });
  });

  describe("of a lock in a backend that is no directory", () => {
    const refusal =
      "error: could not import deployment: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
      "  s3://bucket/.pulumi/locks/organization/mount-monitor/prod/a.json: created by me@laptop (pid 4711) at 2026-01-02T03:04:05Z";

    test("asks for it only when an update is known to have died here, and removes it when it is that one's", async () => {
      failing.set("stack import", refusal);
      await recover(options({ files: undefined, suspicious: true, isDead: ({ holder }) => holder?.pid === 4711 }));
      expect(commands()).toEqual(["stack export", "stack import", "cancel --yes", "stack import"]);
    });

    test("names its holder when that may be alive", async () => {
      failing.set("stack import", refusal);
      await expect(recover(options({ files: undefined, suspicious: true, isDead: () => false }))).rejects.toThrow(
        "me@laptop (process 4711), since 2026-01-02T03:04:05Z",
      );
      expect(commands()).toEqual(["stack export", "stack import"]);
    });

    test("leaves an update that Pulumi Cloud knows of alone", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: draft }] };
      failing.set("stack import", "error: [409] Conflict: Another update is currently in progress.");
      await expect(recover(options({ files: undefined }))).rejects.toThrow(
        /update in progress[\s\S]*pulumi cancel --yes --stack prod/,
      );
      expect(commands()).toEqual(["stack export", "stack import"]);
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
      const existing: RecoveryOptions["existing"] = async ({ urn }) => {
        asked.push(urn);
        return urn === variable("b").urn ? "mount-monitor:b" : undefined;
      };
      await recover(options({ existing, refreshArgs: ["--config-file", "x.yaml"] }));
      expect(asked).toEqual([variable("a").urn, variable("b").urn]);
      expect(commands()).toEqual([
        "stack export",
        "stack import",
        `refresh --yes --skip-preview --config-file x.yaml --target ${variable("b").urn} --target urn:file`,
      ]);
      expect(calls[1]?.input).toEqual({
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

    test("leaves them as they are when this token may not look", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: variable("a") }] };
      const existing = async () => {
        throw new ServiceError("GitHub answered 403", { service: "GitHub", status: 403 });
      };
      await recover(options({ existing }));
      expect(commands()).toEqual(["stack export"]);
      expect(said).toEqual([expect.stringContaining("1 operations stay pending")]);
    });

    test("fails, and changes nothing, when GitHub cannot be asked", async () => {
      deployment = { resources: [], pending_operations: [{ type: "creating", resource: variable("a") }] };
      const existing = async () => {
        throw new ServiceError("no answer", { service: "GitHub", transient: true });
      };
      await expect(recover(options({ existing }))).rejects.toThrow("no answer");
      expect(commands()).toEqual(["stack export"]);
    });
  });

  describe("of files that were cut short", () => {
    const state = ".pulumi/stacks/mount-monitor/prod.json";
    const content = async () => readFile(join(root, state), "utf8");

    test("drops attributes, and puts back the copy of the state", async () => {
      await write(state, '{"version":3,');
      await write(`${state}.attrs`, "");
      await write(`${state}.bak`, '{"version":3,"before":true}');
      await write(`${state}.bak.attrs`, "{}");
      await recover(options());
      expect(await content()).toBe('{"version":3,"before":true}');
      expect((await readdir(join(root, state, ".."))).sort()).toEqual([
        "prod.json",
        "prod.json.bak",
        "prod.json.bak.attrs",
      ]);
      expect(said).toHaveLength(2);
    });

    test("leaves what is whole, and a stack that was removed", async () => {
      await write(".pulumi/stacks/mount-monitor/gone.json.bak", "{}");
      await write(state, '{"version":3}');
      await write(`${state}.bak`, '{"version":3,"before":true}');
      await recover(options());
      expect(await content()).toBe('{"version":3}');
      await recover(options({ files: { root, project: "mount-monitor", stack: "gone" } }));
      expect(await readdir(join(root, state, ".."))).not.toContain("gone.json");
      expect(said).toEqual([]);
    });
  });
});
