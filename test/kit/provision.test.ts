import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { partsFor } from "../../kit/part.ts";
import { provisionKit } from "../../kit/provision.ts";
import { executablesOnPath } from "../../kit/search-path.ts";

const cli = join(import.meta.dirname, "../../kit/cli.ts");
const all = partsFor({ os: "linux", arch: "amd64" }).map(({ name }) => name);

// Writes a line for each start, then one executable for each package, the last one only when the gate is open.
const fakeGo = `#!${process.execPath}
const { appendFileSync, existsSync, renameSync, watch, writeFileSync } = require("node:fs");
const { basename, dirname, join } = require("node:path");
const args = process.argv.slice(2);
const { FAKE_LOG, FAKE_GATE, FAKE_FAIL, GOTMPDIR } = process.env;
appendFileSync(FAKE_LOG, process.pid + " " + args.join(" ") + "\\n");
if (FAKE_FAIL) {
  console.error("undefined: everything");
  process.exit(1);
}
const output = args[args.indexOf("-o") + 1];
const packages = args.slice(args.indexOf("-o") + 2);
function make(name) {
  writeFileSync(join(GOTMPDIR, name), "#!/bin/sh\\necho " + name + "\\n", { mode: 0o755 });
  renameSync(join(GOTMPDIR, name), join(output, name));
}
packages.slice(0, -1).map((name) => make(basename(name)));
const last = () => make(basename(packages.at(-1)));
if (!FAKE_GATE || existsSync(FAKE_GATE)) {
  last();
} else {
  const watcher = watch(dirname(FAKE_GATE), () => existsSync(FAKE_GATE) && (watcher.close(), last()));
}
`;

let directory: string;
let environment: Record<string, string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kit-"));
  const tools = executablesOnPath("setpriv").map((path) => join(path, ".."));
  environment = {
    HOME: join(directory, "home"),
    PATH: [join(directory, "bin"), ...tools].join(":"),
    PULUMI_HOME: "",
    XDG_CACHE_HOME: join(directory, "cache"),
    FAKE_LOG: join(directory, "go.log"),
    FAKE_GATE: "",
    FAKE_FAIL: "",
    // A machine that reaches no download site, wherever the test runs.
    NODE_OPTIONS: "--import=data:text/javascript,globalThis.fetch=()=>Promise.reject(new(Error)())",
  };
  await executable("go", fakeGo);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  await rm(directory, { recursive: true, force: true });
});

async function executable(name: string, text: string): Promise<string> {
  const path = join(directory, "bin", name);
  await mkdir(join(directory, "bin"), { recursive: true });
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}

const kit = (...args: string[]) =>
  execa(process.execPath, [cli, ...args], { env: environment, extendEnv: false, reject: false, all: true });

async function home(): Promise<string> {
  const parent = join(directory, "cache", "mount-monitor-release", "kit");
  const [key = "none"] = await readdir(parent);
  return join(parent, key);
}

const starts = async () =>
  (await readFile(environment.FAKE_LOG ?? "", "utf8").catch(() => "")).split("\n").slice(0, -1);
const withoutTimes = (text: string) => text.replaceAll(/\((?:\d+ min )?[\d.]+ s\)/g, "(time)").split("\n");

/** Waits for a line that contains `text`. */
async function line(child: ReturnType<typeof kit>, text: string): Promise<void> {
  for (let seen = ""; !seen.includes(text); ) {
    seen += (await once(child.stdout, "data"))[0];
  }
}

async function goneGo(): Promise<void> {
  const pid = Number((await starts())[0]?.split(" ")[0]);
  const lives = async () => (await stat(`/proc/${pid}`).catch(() => undefined)) !== undefined;
  await expect.poll(lives, { interval: 10, timeout: 4_000 }).toBe(false);
}

describe.runIf(process.platform === "linux")("a machine that can only build", { timeout: 30_000 }, () => {
  it("builds everything by one go build, once", async () => {
    const first = await kit();
    const lines = withoutTimes(first.all);
    expect(lines[0]).toBe("kit: the download sites cannot be reached");
    expect(lines[1]).toMatch(new RegExp(`^kit: building ${all.join(", ")} from Go modules, once for this machine\\. `));
    expect(lines.slice(2, -1).sort()).toEqual(
      partsFor({ os: "linux", arch: "amd64" })
        .map(({ name, version }) => `kit: ${name} ${version} built (time)`)
        .sort(),
    );
    expect(lines.at(-1)).toBe(`kit: 7 parts in ${await home()}/bin (time)`);
    expect(await readdir(join(await home(), "bin"))).toEqual([...all, "runc"].sort());

    const [command, ...more] = await starts();
    expect(more).toEqual([]);
    expect(command).toContain(
      " -ldflags=github.com/docker/buildx/cmd/buildx=-s -w -X github.com/docker/buildx/version.Version=v0.35.0 ",
    );
    expect(command).toContain(" -ldflags=./pulumi-resource-github=-s -w -X main.version=6.13.1 ");

    const second = await kit();
    expect(withoutTimes(second.all)).toEqual([`kit: 7 parts in ${await home()}/bin (time)`]);
    expect(await starts()).toHaveLength(1);
  });

  it("builds again what was changed or removed, and only that", async () => {
    await kit();
    await writeFile(join(await home(), "bin", "registry"), "damaged");
    await rm(join(await home(), "bin", "buildx"));
    await kit();
    const packages = (await starts())[1]?.split("/ ").at(-1);
    expect(packages).toBe("github.com/docker/buildx/cmd/buildx github.com/distribution/distribution/v3/cmd/registry");
    expect(await readFile(join(await home(), "bin", "registry"), "utf8")).toBe("#!/bin/sh\necho registry\n");
  });

  it("lets a second process wait for the first one", async () => {
    environment.FAKE_GATE = join(directory, "gate");
    const first = kit();
    await line(first, "buildx 0.35.0 built");
    const second = kit();
    await line(second, "another process");
    await writeFile(environment.FAKE_GATE, "");
    await first;
    const { all: text, exitCode } = await second;
    expect(exitCode).toBe(0);
    expect(withoutTimes(text)).toEqual([
      "kit: another process is providing it; waiting",
      `kit: 7 parts in ${await home()}/bin (time)`,
    ]);
    expect(await starts()).toHaveLength(1);
  });

  it.each(["SIGTERM", "SIGKILL"] as const)(
    "keeps what was finished when it is ended by %s, and nothing half",
    async (signal) => {
      environment.FAKE_GATE = join(directory, "gate");
      const killed = kit();
      await line(killed, "buildx 0.35.0 built");
      killed.kill(signal);
      await killed;
      await goneGo();
      expect(await readdir(join(await home(), "bin"))).toEqual(
        [...all, "runc"].filter((name) => name !== "registry").sort(),
      );

      environment.FAKE_GATE = "";
      expect((await kit()).exitCode).toBe(0);
      expect((await starts())[1]?.split("/ ").at(-1)).toBe("github.com/distribution/distribution/v3/cmd/registry");
      expect((await readdir(await home())).sort()).toEqual(["bin", "parts"]);
    },
  );

  it("shows what Go printed when it fails, and leaves nothing", async () => {
    environment.FAKE_FAIL = "yes";
    const { all: text, exitCode } = await kit();
    expect(exitCode).toBe(1);
    expect(text).toContain("building the kit failed");
    expect(text).toContain("undefined: everything");
    expect(await readdir(join(await home(), "bin"))).toEqual(["runc"]);
    expect((await readdir(await home())).sort()).toEqual(["bin"]);
  });

  it("says what is missing when there is no Go either", async () => {
    environment.PATH = join(directory, "nothing");
    const { all: text, exitCode } = await kit();
    expect(exitCode).toBe(1);
    expect(text).toContain(
      "there is no Go on the PATH to build them with; install Go 1.26 or later (https://go.dev/dl/)",
    );
  });

  it("links what the machine has, and looks again when that goes away", async () => {
    const own = await executable(
      "registry",
      "#!/bin/sh\necho registry github.com/distribution/distribution/v3 v3.1.2\n",
    );
    const { all: text } = await kit();
    expect(withoutTimes(text)[0]).toBe(`kit: registry 3.1.2 found at ${own} (time)`);
    expect(await readlink(join(await home(), "bin", "registry"))).toBe(own);
    await rm(own);
    expect(withoutTimes((await kit()).all)).toContain("kit: registry 3.1.2 built (time)");
  });

  it("lists what is there and what is not", async () => {
    const before = await kit("--list");
    expect(before.stdout.match(/not there yet/g)).toHaveLength(7);
    expect(await starts()).toEqual([]);
    await kit();
    const { stdout } = await kit("--list");
    expect(stdout).not.toContain("not there yet");
    expect(stdout).toMatch(new RegExp(`│ buildx +│ 0\\.35\\.0 +│ built +│ ${await home()}/bin/buildx +│`));
  });

  it("refuses an unknown option", async () => {
    const { exitCode, stderr } = await kit("--force");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("--force");
  });
});

describe.runIf(process.platform === "linux" && process.arch === "x64")("a machine that can download", () => {
  const lines: string[] = [];
  const provision = (...only: string[]) => provisionKit({ report: (text) => lines.push(text), only });

  beforeEach(() => {
    lines.length = 0;
    for (const [name, value] of Object.entries(environment)) {
      vi.stubEnv(name, name === "PATH" ? `${value}:/usr/bin:/bin` : value);
    }
  });

  /** Serves files by address, and an answer to HEAD for every site. */
  function serve(files: Readonly<Record<string, Buffer>>, site = 301): string[] {
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (url: string, options: RequestInit = {}) => {
      asked.push(`${options.method ?? "GET"} ${url}`);
      if (options.method === "HEAD") {
        return new Response(null, { status: site });
      }
      const file = files[url];
      return new Response(file === undefined ? null : new Uint8Array(file), { status: file === undefined ? 404 : 200 });
    });
    return asked;
  }

  const buildx = "https://github.com/docker/buildx/releases/download/v0.35.0/buildx-v0.35.0.linux-amd64";
  const registry =
    "https://github.com/distribution/distribution/releases/download/v3.1.2/registry_3.1.2_linux_amd64.tar.gz";

  async function archive(name: string, text: string): Promise<Buffer> {
    await writeFile(join(directory, name), text);
    const { stdout } = await execa("tar", ["-czf", "-", "-C", directory, name], { encoding: "buffer" });
    return Buffer.from(stdout);
  }

  it("takes the executable out of its archive, or as it is", async () => {
    const asked = serve({ [registry]: await archive("registry", "official"), [buildx]: Buffer.from("itself") });
    const { bin, parts } = await provision("buildx", "registry");
    expect(parts).toEqual([
      { name: "buildx", version: "0.35.0", origin: "downloaded", path: join(bin, "buildx") },
      { name: "registry", version: "3.1.2", origin: "downloaded", path: join(bin, "registry") },
    ]);
    expect(await readFile(join(bin, "registry"), "utf8")).toBe("official");
    expect(await readFile(join(bin, "buildx"), "utf8")).toBe("itself");
    expect((await stat(join(bin, "buildx"))).mode & 0o777).toBe(0o755);
    // The site is asked once for both.
    expect(asked.sort()).toEqual([`GET ${buildx}`, `GET ${registry}`, "HEAD https://github.com"].sort());
    expect(await starts()).toEqual([]);
  });

  it("builds what a site does not have, and says so", async () => {
    serve({ [buildx]: Buffer.from("itself") });
    const { parts } = await provision("buildx", "registry");
    expect(parts.map(({ origin }) => origin)).toEqual(["downloaded", "built"]);
    expect(lines).toContain(`kit: registry 3.1.2 was not downloaded: ${registry} answered 404`);
  });

  it.each([403, 407, 503])("downloads nothing when a site is barred (%d)", async (status) => {
    const asked = serve({ [buildx]: Buffer.from("itself") }, status);
    const { parts } = await provision("buildx");
    expect(parts.map(({ origin }) => origin)).toEqual(["built"]);
    expect(asked).toEqual(["HEAD https://github.com"]);
  });

  it("refuses a part that it does not have", async () => {
    await expect(provision("buildx", "docker")).rejects.toThrow(
      `the kit has no part "docker"; it has ${all.join(", ")}`,
    );
  });
});
