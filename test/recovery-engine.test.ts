import { rmSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, test } from "vitest";
import { provisionKit } from "../kit/provision.ts";
import { recover } from "../src/recovery.ts";
import { openEngine } from "../src/services/engine.ts";
import { exportedState, hasFailed } from "../src/services/file-backend.ts";
import { ACCESS_TOKEN, startPulumiCloud } from "./commands/pulumi-cloud.ts";
import { temporaryDirectory } from "./services/temporary.ts";

const ROOT = { urn: "urn:pulumi:prod::demo::pulumi:pulumi:Stack::demo-prod", type: "pulumi:pulumi:Stack" };
const NO_SETTINGS = { existing: async () => undefined, gone: async () => false };
const OUTPUTS = { version: "1.0.0" };

let bin: string;
beforeAll(async () => {
  bin = (await provisionKit({ report: () => {}, only: ["pulumi"] })).bin;
}, 20 * 60_000);

async function engineIn(directory: string, backend: string, stack: string) {
  await writeFile(join(directory, "Pulumi.yaml"), "name: demo\nruntime: nodejs\n");
  const env = {
    PULUMI_HOME: join(directory, "home"),
    PULUMI_BACKEND_URL: backend,
    PULUMI_CONFIG_PASSPHRASE: "x",
    PULUMI_ACCESS_TOKEN: ACCESS_TOKEN,
  };
  return { ...openEngine({ command: join(bin, "pulumi"), cwd: directory, stack, env }), env };
}

async function stackInDirectory() {
  const directory = await temporaryDirectory();
  const root = join(directory, "state");
  await mkdir(root);
  const engine = await engineIn(directory, `file://${root}`, "prod");
  await engine.run(["stack", "init"]);
  return { directory, root, engine };
}

/** What the engine keeps of the passphrase, in a state as in the settings. */
async function saltOf(directory: string) {
  const [, salt] = /^encryptionsalt: (.+)$/m.exec(await readFile(join(directory, "Pulumi.prod.yaml"), "utf8")) ?? [];
  return { salt };
}

// The real engine, with locks as it writes and refuses them.
describe("recovery before an update", () => {
  test("in a bucket waits for the update that has the lock, then keeps the state as it is", async () => {
    const { root, engine } = await stackInDirectory();
    const deployment = { manifest: {}, resources: [{ ...ROOT, custom: false, outputs: OUTPUTS }] };
    await engine.run(["stack", "import"], JSON.stringify({ version: 3, deployment }));
    const lock = join(root, ".pulumi/locks/organization/demo/prod/other.json");
    const timestamp = new Date().toISOString();
    await mkdir(dirname(lock), { recursive: true });
    await writeFile(lock, JSON.stringify({ pid: 4711, username: "octo", hostname: "elsewhere", timestamp }));
    const said: string[] = [];
    await recover({
      engine,
      // The engine's own code for directories and buckets is one.
      backend: "bucket",
      isDead: () => false,
      settings: NO_SETTINGS,
      waiting: { limitMs: 120_000, everyMs: 10 },
      report(line) {
        said.push(line);
        rmSync(lock);
      },
    });
    expect(said).toEqual([
      expect.stringMatching(/stack prod is held by octo@elsewhere \(process 4711\), .*up to 2 min$/),
    ]);
    expect(await readdir(dirname(lock))).toEqual([]);
    expect(JSON.parse(await engine.run(["stack", "output", "--json"]))).toEqual(OUTPUTS);
  });

  test("in a directory reads from its file what the engine exports, and the engine takes it back", async () => {
    const { directory, root, engine } = await stackInDirectory();
    const secret = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '"hidden"' };
    const type = "pulumi-nodejs:dynamic/release:GithubRelease";
    const draft = { urn: `urn:pulumi:prod::demo::${type}::d`, custom: true, type };
    const deployment = {
      manifest: {},
      secrets_providers: { type: "passphrase", state: await saltOf(directory) },
      resources: [{ ...ROOT, custom: false, outputs: { secret }, resourceHooks: { beforeUpdate: ["look"] } }],
    };
    await engine.run(["stack", "import"], JSON.stringify({ version: 3, deployment }));
    // What a killed update leaves; an import forgets it.
    const file = join(root, ".pulumi/stacks/demo/prod.json");
    const state = JSON.parse(await readFile(file, "utf8"));
    state.checkpoint.latest.pending_operations = [{ type: "creating", resource: draft }];
    await writeFile(file, JSON.stringify(state));
    const files = { root, project: "demo", stack: "prod" };
    const [read, exported] = [await exportedState(files), await engine.run(["stack", "export"])];
    expect(JSON.parse(read ?? "")).toEqual(JSON.parse(exported));
    expect(exported).not.toContain("hidden");
    expect(JSON.parse(exported)).toMatchObject({ version: 4, features: ["hooks"] });
    expect(JSON.parse(exported).deployment.pending_operations).toHaveLength(1);
    const said: string[] = [];
    await recover({
      engine,
      backend: files,
      isDead: () => false,
      settings: NO_SETTINGS,
      waiting: { limitMs: 0, everyMs: 1 },
      report: (line) => said.push(line),
    });
    expect(said).toEqual([expect.stringMatching(/GithubRelease::d was creating .*: forgotten/)]);
    expect(JSON.parse((await exportedState(files)) ?? "").deployment.pending_operations).toBeUndefined();
    const outputs = await engine.run(["stack", "output", "--json", "--show-secrets"]);
    expect(JSON.parse(outputs)).toEqual({ secret: "hidden" });
  });

  test("is told by the engine's history whether the last operation failed", async () => {
    const { root, engine } = await stackInDirectory();
    const files = { root, project: "demo", stack: "prod" };
    const told = async () => {
      const history = JSON.parse(await engine.run(["stack", "history", "--json", "--page-size", "1"]));
      return [await hasFailed(files), history.map(({ result }: { result: string }) => result)];
    };
    expect(await told()).toEqual([false, []]);
    await engine.run(["refresh", "--yes", "--skip-preview"]);
    expect(await told()).toEqual([false, ["succeeded"]]);
    // A resource of which nobody can ask.
    const type = "nobody:index:Nothing";
    const lost = { urn: `urn:pulumi:prod::demo::${type}::x`, type, custom: true, id: "x" };
    await engine.run(["stack", "import"], JSON.stringify({ version: 3, deployment: { resources: [lost] } }));
    await expect(engine.run(["refresh", "--yes", "--skip-preview"])).rejects.toThrow("nobody");
    expect(await told()).toEqual([true, ["failed"]]);
  });

  test("runs a command once more that the lock of another update refused, when that has ended", async () => {
    const { directory, root, engine } = await stackInDirectory();
    const locks = join(root, ".pulumi/locks/organization/demo/prod");
    const lock = { pid: 4711, username: "octo", hostname: "elsewhere", timestamp: new Date().toISOString() };
    await writeFile(join(directory, "lock.json"), JSON.stringify(lock));
    const update = "pulumi refresh --yes --skip-preview --stack prod --non-interactive";
    const command = [
      "if mkdir begun 2>&-; then",
      `mkdir -p ${locks}; cp lock.json ${locks}/other.json; ${update}; code=$?; rm ${locks}/other.json; exit $code`,
      `fi; exec ${update}`,
    ].join("\n");
    const script = join(import.meta.dirname, "../src/commands/recover.ts");
    const { exitCode, stdout, stderr } = await execa(
      process.execPath,
      [script, "--stack", "prod", "sh", "-c", command],
      {
        cwd: directory,
        env: { ...engine.env, PATH: `${bin}:${process.env.PATH}`, XDG_STATE_HOME: join(directory, "recovery") },
        reject: false,
      },
    );
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining("currently locked by 1 lock(s)")]);
    expect(stderr).toContain("another update of stack prod began first: this one begins again (2 of 3)");
    expect(stdout.match(/^Resources:/gm)).toHaveLength(1);
  });

  test("in Pulumi Cloud waits for the update in progress, and asks for nothing else", async () => {
    const [cloud, directory] = await Promise.all([startPulumiCloud(), temporaryDirectory()]);
    cloud.operation = { kind: "update", author: "octocat", started: Math.floor(Date.now() / 1000) };
    const said: string[] = [];
    await recover({
      engine: await engineIn(directory, cloud.url, "octo-org/mount-monitor/prod"),
      backend: "cloud",
      isDead: () => false,
      settings: NO_SETTINGS,
      waiting: { limitMs: 120_000, everyMs: 10 },
      report(line) {
        said.push(line);
        cloud.operation = undefined;
      },
    });
    expect(said).toEqual([
      expect.stringMatching(
        /stack octo-org\/mount-monitor\/prod is held by octocat \(update\), since .*: waiting up to 2 min$/,
      ),
    ]);
    expect(cloud.sent.filter(({ method }) => method !== "GET")).toEqual([]);
  });
});
