import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablesOnPath } from "../../kit/search-path.ts";
import { type Clone, cloneOf, makeClone, type Outcome, writes } from "./clone.ts";

// What lies with the services and the backend in real life: the stack's state, what the registry and GitHub store, and
// how the rehearsal reaches them. Left behind are .artifacts, .build, docker-context, BuildKit's state, buildx's builder,
// the engine's home and all logs.
const TAKEN = ["state", "registry", "github", "ports.json", "certificate"];

// A secret is in no file: it is given with every update.
const SECRET = ["--set", 'secrets={"DEPLOY_KEY":"s3cr3t-v4lue"}'];

const DIRECTORIES = (process.env.PATH ?? "").split(delimiter);

describe("a clone on another machine, with nothing but the state, after the project moved on", () => {
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

function replaced(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replace(from, to);
}
