import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { execa } from "execa";
import { type Kit, provisionKit } from "../../kit/provision.ts";
import type { BoundaryHook } from "../../rehearsal/github/exchange.ts";
import { type LocalGitHub, startGitHub } from "../../rehearsal/github/server.ts";
import { startBuilder } from "../../rehearsal/services/buildkit.ts";
import { provideCertificate } from "../../rehearsal/services/certificate.ts";
import { Processes } from "../../rehearsal/services/processes.ts";
import { startRegistry } from "../../rehearsal/services/registry.ts";
import { openEngine } from "../../src/services/engine.ts";
import { OFFSPRING, processesWith } from "../../src/services/offspring.ts";
import { identity } from "../e2e/clone.ts";
import { openRegistryStorage } from "../e2e/registry-storage.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";
import { type Bundle, layOutBundle } from "./bundle.ts";
import { type Published, readPublished } from "./invariants.ts";
import { type Moment, record } from "./recording.ts";
import { type RegistryHook, type RegistryProxy, startRegistryProxy } from "./registry-proxy.ts";
import { LOCKS } from "./remains.ts";
import type { Operation, UpdatePlan } from "./update.ts";
import { SECRETS_PROVIDER, startVault, useVault } from "./vault.ts";

/** Repository that is released. */
export const REPOSITORY = "octo-example/mount-monitor";
/** Token of the local GitHub: nowhere in clear text but in the environment (I6). */
export const TOKEN = "faults-token-b1946ac92492d2347c6235b4d2611184";
/** Value of a secret that a stack keeps: nowhere in clear text but in the settings that it is given by (I6). */
export const SECRET = 's3cr3t "v4lue"/of+the&tést=';

/** A stack that has nothing yet, by the name that it is kept under. */
const EMPTY = "empty";
const project = join(import.meta.dirname, "../..");
const MARK = "FAULTS_UPDATE";

// A small program: what is released is not what goes wrong here.
const MODULE = {
  "go.mod": "module example.com/octo-example/mount-monitor\n\ngo 1.26.0\n",
  "main.go":
    'package main\n\nimport "os"\n\nvar Version = "dev"\n\nfunc main() { os.Stdout.WriteString(Version + "\\n") }\n',
  "main_test.go":
    'package main\n\nimport "testing"\n\nfunc TestVersion(t *testing.T) {\n\tif Version != "dev" {\n\t\tt.Fail()\n\t}\n}\n',
};

/** How an update ended. */
export interface Ended {
  readonly code: number | NodeJS.Signals | null;
  /** Everything that was shown while it worked. */
  readonly shown: string;
}

/** An update that is under way. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Waits until it has shown this. */
  shows(text: string): Promise<void>;
  /** Ends everything of it with SIGKILL: CLI, program, plugins, compilers. */
  kill(): Promise<void>;
  /** Ends only the CLI and the program with SIGKILL; plugins live on. */
  killEngine(): Promise<void>;
}

/** What may be different from one update to the next. */
export interface Asked {
  /** Default: `["up"]`. */
  readonly operations?: readonly Operation[];
  readonly settings?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** Another machine: a directory of the project that only the backend is shared with. */
  readonly machine?: string;
  /** How long an update that is under way elsewhere is waited for, milliseconds. Default: not at all. */
  readonly waitMs?: number;
}

/** Services of its own, and one stack that is made anew for every scenario. */
export interface Lane extends AsyncDisposable {
  readonly bundle: Bundle;
  /** Directory of the project that updates run in. */
  readonly directory: string;
  readonly local: string;
  readonly source: string;
  readonly commit: string;
  /** Where an update finds its programs. */
  readonly path: string;
  readonly github: LocalGitHub;
  readonly registry: RegistryProxy;
  /** Directory of the registry's storage. */
  readonly storage: string;
  /** Keeps the state and what GitHub and the registry hold, to begin there again. */
  keep(name: string): Promise<void>;
  /**
   * Forgets state, release, image and faults; binaries that were built stay in the artifact storage.
   *
   * @param from what was kept and takes their place; by default a stack that has nothing yet. `built` is a state in which
   * the binaries are built, and nothing is pushed: quicker, and the requests of the update are the same
   */
  reset(from?: string): Promise<void>;
  /** The moments of a release that nothing came in between, and what readers then see. */
  readonly clean: { readonly moments: readonly Moment[]; readonly published: Published; readonly index: unknown };
  readonly token: string;
  /** PEM of the authority that signed the registry's certificate. */
  readonly ca: string;
  /** Everything that the updates since the last reset have shown. */
  shown(): string;
  /** Starts an update. */
  begin(asked?: Asked): Running;
  /** An update, to its end. */
  update(asked?: Asked): Promise<Ended>;
  /** Is told of every boundary of every request, to GitHub and to the registry; undefined for nobody. */
  onBoundary(
    hook: ((service: "github" | "registry", ...told: Parameters<RegistryHook>) => ReturnType<RegistryHook>) | undefined,
  ): void;
}

/** Starts the services of a lane, and releases once without a fault. */
export async function openLane(bundle: Bundle): Promise<Lane> {
  await using ending = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "faults-"));
  ending.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const [local, source] = [join(directory, ".local"), join(directory, "source")];
  await mkdir(local);
  await layOutProject(directory, bundle);
  const commit = await makeModule(source);
  const kit = await provisionKit({ report: () => {} });
  const services = await startServices(join(directory, "services"), kit);
  ending.defer(() => services.stop());
  const github = await startGitHub({
    port: 0,
    token: TOKEN,
    acceptAnyCommit: true,
    onResponse: validateExchange,
  });
  ending.defer(() => github.stop());
  const [owner = "", name = ""] = REPOSITORY.split("/");
  github.createRepository({ owner, name });
  const vault = ending.use(await startVault());
  const environment = { ...services.environment, ...vault.environment, GITHUB_TOKEN: TOKEN };
  await makeStack(directory, local, kit, environment);
  const path = `${join(project, "node_modules/.bin")}:${environment.PATH}`;
  const settings = {
    repository: REPOSITORY,
    githubUrl: github.url,
    image: `${services.proxy.address}/${REPOSITORY}`,
    builder: services.builder,
    source,
    package: "./",
    version: "1.0.0",
    // Releases are one thing, the repository's settings another: a scenario that is about those asks for them.
    repositoryParts: "[]",
  };

  const begin = ({
    operations = ["up"],
    settings: asked = {},
    environment: extra = {},
    machine = directory,
    waitMs = 0,
  }: Asked = {}) => {
    const mark = randomUUID();
    const place = join(machine, ".local");
    const plan: UpdatePlan = {
      kit,
      local: place,
      alone: machine === directory,
      operations,
      settings: { ...settings, ...asked },
      environment,
      waitMs,
    };
    const child = spawn(join(project, "node_modules/.bin/node"), [bundle.update], {
      cwd: machine,
      env: {
        ...process.env,
        ...environment,
        NODE_COMPILE_CACHE: join(project, "node_modules/.cache/node"),
        // Some hundred updates, none of which lives long: nobody has to collect garbage. A tenth of the processors' time.
        NODE_OPTIONS: "--max-semi-space-size=64",
        GOGC: "off",
        PATH: path,
        FAULTS_PLAN: JSON.stringify(plan),
        [MARK]: mark,
        ...extra,
      },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    return {
      pid: child.pid ?? 0,
      ...watched(child),
      async kill() {
        // These at once: they go on while the others are looked for, and the program would end by itself without its engine.
        for (const pid of [child.pid ?? 0, ...enginesOf(place, mark)]) kill(pid);
        // Compilers have an environment of their own, with the id that the next recovery looks for.
        const id = /"id":"([^"]+)"/.exec(await readFile(join(place, "offspring.json"), "utf8").catch(() => ""))?.[1];
        await killAll(async () => [
          ...(await processesWith(MARK, mark)),
          ...(id ? await processesWith(OFFSPRING, id) : []),
        ]);
      },
      killEngine: () => killAll(async () => engineOf(await processesWith(MARK, mark), child.pid)),
    };
  };
  const begun = new Set<Running>();
  const shown: string[] = [];
  // With the artifacts' life, which a release ends.
  const places = {
    state: join(local, "state"),
    registry: services.storage,
    artifacts: join(directory, ".artifacts/index"),
  };
  const snapshots = new Map<string, LocalGitHub["inspect"]["state"]["repositories"]>();
  const onBoundary: Lane["onBoundary"] = (hook) => {
    const told = (service: "github" | "registry") =>
      hook && ((...args: Parameters<RegistryHook>) => hook(service, ...args));
    github.hooks.onBoundary = told("github") as BoundaryHook | undefined;
    services.proxy.hooks.onBoundary = told("registry");
  };
  const clean = {
    moments: [] as readonly Moment[],
    published: {} as Published,
    index: {} as unknown,
  };
  const lane: Lane = {
    bundle,
    directory,
    local,
    source,
    commit,
    path,
    github,
    registry: services.proxy,
    storage: services.storage,
    clean,
    token: TOKEN,
    ca: services.ca,
    shown: () => shown.join(""),
    async keep(name) {
      snapshots.set(name, structuredClone(github.inspect.state.repositories));
      for (const [part, place] of Object.entries(places)) {
        await mkdir(place, { recursive: true });
        await cp(place, join(directory, "kept", name, part), { recursive: true });
      }
    },
    async reset(from = EMPTY) {
      for (const running of begun) await running.kill();
      begun.clear();
      shown.length = 0;
      onBoundary(undefined);
      github.clearFaults();
      services.proxy.clearFaults();
      github.history.length = 0;
      services.proxy.history.length = 0;
      github.inspect.state.repositories = structuredClone(snapshots.get(from) ?? {});
      await Promise.all([
        rm(join(local, "offspring.json"), { force: true }),
        layOutSettings(directory),
        ...Object.entries(places).map(async ([name, place]) => {
          if (name === "artifacts" && from === EMPTY) return;
          await rm(place, { recursive: true, force: true });
          await cp(join(directory, "kept", from, name), place, { recursive: true });
        }),
      ]);
    },
    begin(asked) {
      const running = begin(asked);
      begun.add(running);
      running.ended.then((end) => {
        begun.delete(running);
        shown.push(end.shown);
      });
      return running;
    },
    update: (asked) => lane.begin(asked).ended,
    onBoundary,
    async [Symbol.asyncDispose]() {
      for (const running of begun) await running.kill();
      await kept.disposeAsync();
    },
  };
  const kept = ending.move();
  try {
    await lane.keep(EMPTY);
    await lane.reset();
    await killAtPush(lane);
    await lane.keep("built");
    Object.assign(clean, await releaseOnce(lane));
  } catch (error) {
    await lane[Symbol.asyncDispose]();
    throw error;
  }
  return lane;
}

/** Kills a release as it begins to push, and settles that: its binaries are built, and nothing of it is published. */
export async function killAtPush(lane: Lane, asked: Asked = {}): Promise<void> {
  const running = lane.begin(asked);
  lane.onBoundary(async (service, { path }) => {
    if (service !== "registry" || !path.includes("/blobs/")) return undefined;
    await running.kill();
    return "drop";
  });
  const { code, shown } = await running.ended;
  if (code !== "SIGKILL") throw new Error(`no blob was pushed:\n${shown}`);
  lane.onBoundary(undefined);
  const settled = await lane.update({ ...asked, operations: [] });
  if (settled.code !== 0) throw new Error(settled.shown);
}

async function releaseOnce(lane: Lane): Promise<Lane["clean"]> {
  await lane.reset("built");
  const moments = await record(lane);
  const published = await readPublished(lane);
  const { index = "" } = published.releases["v1.0.0"] ?? {};
  return { moments, published, index: await openRegistryStorage(lane.storage, REPOSITORY).json(index) };
}

/** A project on another machine: the same backend, and nothing else in common. */
export async function otherMachine(lane: Lane): Promise<string> {
  const other = await mkdtemp(join(lane.directory, "other-"));
  await layOutProject(other, lane.bundle);
  await mkdir(join(other, ".local"));
  await mkdir(join(lane.local, "state"), { recursive: true });
  await symlink(join(lane.local, "state"), join(other, ".local/state"));
  await cp(join(lane.directory, ".artifacts"), join(other, ".artifacts"), { recursive: true });
  return other;
}

/** What an update needs of a clone: the code that is tested is the working tree's. */
async function layOutProject(directory: string, bundle: Bundle): Promise<void> {
  await layOutBundle(bundle, directory);
  for (const name of ["index.ts", "package.json"]) {
    await symlink(join(project, name), join(directory, name));
  }
  for (const name of ["Pulumi.yaml", "Dockerfile.release"]) {
    await cp(join(project, name), join(directory, name));
  }
  await layOutSettings(directory);
}

async function layOutSettings(directory: string): Promise<void> {
  const file = join(directory, "Pulumi.local.yaml");
  await cp(join(project, "Pulumi.local.yaml"), file);
  await useVault(file);
}

/** Makes the stack: by itself an update would make one whose secrets a passphrase keeps. */
async function makeStack(directory: string, local: string, { bin }: Kit, env: Record<string, string>): Promise<void> {
  const state = join(local, "state");
  await mkdir(state);
  const backend = { PULUMI_HOME: join(local, "pulumi"), PULUMI_BACKEND_URL: `file://${state}` };
  const engine = openEngine({
    command: join(bin, "pulumi"),
    cwd: directory,
    stack: "local",
    env: { ...env, ...backend },
  });
  await engine.run(["stack", "init", "--secrets-provider", SECRETS_PROVIDER]);
}

async function makeModule(source: string): Promise<string> {
  await mkdir(source, { recursive: true });
  for (const [name, text] of Object.entries(MODULE)) {
    await writeFile(join(source, name), text);
  }
  const git = (...args: string[]) => execa("git", args, { cwd: source, env: identity });
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-q", "-m", "feat: print the version");
  return (await git("rev-parse", "HEAD")).stdout;
}

async function startServices(local: string, kit: Kit) {
  await mkdir(local, { recursive: true });
  const certificate = await provideCertificate(join(local, "certificate"));
  const processes = new Processes(local);
  const registry = await startRegistry({ local, port: await freePort(), kit, certificate, processes });
  const proxy = await startRegistryProxy({ port: 0, certificate, upstream: registry.address });
  // BuildKit knows the registry by the proxy's address only.
  const builder = await startBuilder({ local, kit, registry: { ...registry, address: proxy.address }, processes });
  return {
    proxy,
    ca: await readFile(certificate.ca, "utf8"),
    builder: builder.name,
    storage: join(local, "registry/docker/registry/v2"),
    environment: { ...builder.env, SSL_CERT_FILE: certificate.bundle, PATH: `${kit.bin}:${process.env.PATH}` },
    async stop() {
      await processes.stopAll();
      await builder.stop();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

function watched(child: ChildProcess): Pick<Running, "ended" | "shows"> {
  let shown = "";
  const looks = new Set<() => void>();
  child.stderr?.setEncoding("utf8").on("data", (piece: string) => {
    shown += piece;
    for (const look of looks) look();
  });
  return {
    ended: new Promise((resolve) => {
      // Not at its exit: what it showed last is still to be read then.
      child.once("close", (status, signal) => resolve({ code: status ?? signal, shown }));
    }),
    shows: (text) =>
      new Promise((resolve) => {
        const look = () => shown.includes(text) && resolve();
        looks.add(look);
        look();
      }),
  };
}

/** Kills a process, unless it is gone. */
function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function killAll(find: () => Promise<readonly number[]>): Promise<void> {
  for (let pids = await find(); pids.length > 0; pids = await find()) {
    for (const pid of pids) kill(pid);
    await wait(2);
  }
}

/** The CLIs of an update, by their locks: quicker than a look at every process of the machine. */
function enginesOf(local: string, mark: string): number[] {
  const locks = join(local, LOCKS);
  try {
    return readdirSync(locks)
      .map((name) => Number(/"pid":(\d+)/.exec(readFileSync(join(locks, name), "utf8"))?.[1]))
      .filter((pid) => readFileSync(`/proc/${pid}/environ`, "utf8").includes(`${MARK}=${mark}`));
  } catch {
    return []; // none yet, or no more
  }
}

/** The CLI and the program among the processes of an update. */
async function engineOf(pids: readonly number[], program: number | undefined): Promise<number[]> {
  const named = await Promise.all(
    pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")] as const),
  );
  return named.filter(([pid, name]) => pid === program || name.trim() === "pulumi").map(([pid]) => pid);
}

/** Names in a directory, none when it is not there. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
