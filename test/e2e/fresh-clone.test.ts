import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablesOnPath } from "../../kit/search-path.ts";
import { type Clone, cloneOf, makeClone, type Outcome, writes } from "./clone.ts";
import { operate } from "./order.ts";
import { openWorld, REPOSITORY } from "./world.ts";

// What lies with the services and the backend in real life: the stack's state, what the registry and GitHub store, and
// how the rehearsal reaches them. Left behind are .artifacts, .build, docker-context, BuildKit's state, buildx's builder,
// the engine's home and all logs.
const TAKEN = ["state", "registry", "github", "ports.json", "certificate"];

// A secret is in no file: it is given with every update.
const SECRETS = JSON.stringify({ DEPLOY_KEY: "s3cr3t-v4lue" });
const SECRET = ["--set", `secrets=${SECRETS}`];

const DIRECTORIES = (process.env.PATH ?? "").split(delimiter);

describe("a clone on another machine, with nothing but the state, after a secret was repaired and the project moved on", () => {
  let origin: Clone;
  let fresh: Clone;
  let home: string;
  let released: Outcome;
  const environment = () => ({
    HOME: home,
    GOCACHE: join(home, "go-build"),
    XDG_CACHE_HOME: process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"),
    PATH: DIRECTORIES.filter((directory) => executablesOnPath("go", directory).length === 0).join(delimiter),
  });

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "nobody-"));
    origin = await makeClone("origin", "everything");
    released = await origin.start(SECRET);
    await overwriteSecret(origin);
    const [seen, repaired] = [
      await operate(origin.path, "refresh", { settings: { secrets: SECRETS } }),
      await operate(origin.path, "up", { settings: { secrets: SECRETS } }),
    ];
    expect(seen.said).toMatch(/repository-secret-check updated .*drift/);
    expect(repaired).toEqual({ ok: true, said: expect.stringMatching(/repository-DEPLOY_KEY created replacement/) });
    fresh = await cloneOf(origin, "fresh", "027");
    for (const name of TAKEN) {
      await cp(join(origin.path, ".local", name), join(fresh.path, ".local", name), { recursive: true });
    }
    await fresh.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// later\n`, "feat: go on");
    await fresh.commit("Dockerfile.release", (text) => text.replace("8080", "9090"), "feat: another port");
    await fresh.commit(
      "src/model/labels.ts",
      (text) => replaced(text, "one static Linux binary", "a static Linux binary"),
      "feat: another label",
    );
    await fresh.commit("src/model/notes.ts", (text) => replaced(text, '"Features"', '"News"'), "feat: other notes");
    await fresh.commit("LICENSE", () => "MIT License\n", "chore: another licence");
  });
  afterAll(async () => {
    await Promise.all([origin.remove(), fresh.remove(), rm(home, { recursive: true, force: true })]);
  });

  test("has no Go to build with", () => {
    expect(executablesOnPath("go", environment().PATH)).toEqual([]);
    expect(executablesOnPath("git", environment().PATH)).not.toEqual([]);
  });

  test("refreshes 0 changes where the program runs, which lays out the image's files", async () => {
    const { ok, said } = await operate(fresh.path, "refresh", {
      settings: { secrets: SECRETS },
      environment: { ...environment(), PULUMI_RUN_PROGRAM: "true" },
    });
    expect([ok, said]).toEqual([true, expect.stringMatching(/Resources:\n\s+\d+ unchanged(\n|$)/)]);
    for (const made of ["docker-context", ".artifacts"]) await rm(join(fresh.path, made), { recursive: true });
  });

  test("previews 0 changes", async () => {
    const { stdout, stderr } = await fresh.spawn(["--preview", ...SECRET], environment());
    expect(`${stdout}${stderr}`).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
  });

  test("updates 0 changes, and gives the outputs of the release", async () => {
    const { outputs, shown } = await fresh.start(SECRET, environment());
    expect(shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
    expect(outputs).toEqual(released.outputs);
  });

  test("writes nothing to GitHub or the registry", async () => {
    const [github, registry] = [await fresh.githubRequests(), await fresh.registryRequests()];
    expect(github.length).toBeGreaterThan(0);
    expect(registry.length).toBeGreaterThan(0);
    expect([...writes(github), ...writes(registry)]).toEqual([]);
  });

  test("has staged the bytes that were released, not those of today", async () => {
    expect(await readFile(join(fresh.path, "docker-context/Dockerfile.release"), "utf8")).toContain("EXPOSE 8080");
  });
});

/** As somebody who sets it by hand. */
async function overwriteSecret(clone: Clone): Promise<void> {
  await using world = await openWorld(clone.path);
  const { environments } = world.tamper.repository(REPOSITORY);
  Object.assign(environments.release?.secrets.DEPLOY_KEY ?? {}, { updatedAt: "2027-01-02T03:04:05Z" });
  world.tamper.save();
}

function replaced(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}
