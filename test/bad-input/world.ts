import { chmod, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { execa } from "execa";
import { expect, onTestFinished, vi } from "vitest";
import program from "../../index.ts";
import { NAMESPACE } from "../../src/model/setting.ts";
import { engine, settled } from "../components/engine.ts";
import { declared, publishOurs } from "../published.ts";
import { emptyDirectory, startTestGitHub, startTestRegistry, type TestGitHub, TOKEN } from "../resources/services.ts";
import type { RegistryServer } from "../services/registry-server.ts";
import { type Content, type TestRepository, testRepository } from "../services/repository.ts";
import { temporaryDirectory } from "../services/temporary.ts";

// The whole program against real processes and services; only the engine is Pulumi's mocks, and buildx a script.

export const PASSWORD = "registry-passw0rd";
export const SECRETS: readonly string[] = ["githubToken", "registryPassword", "secrets"];
const DOCKERFILE = 'FROM scratch\nENTRYPOINT ["/mount-monitor"]\n';

/** A machine with a project in its current directory, and what the program is given. */
export interface World {
  /** Settings as the stack has them, each text as Pulumi stores it. */
  readonly settings: Record<string, string>;
  /** Keys of settings that are stored encrypted. */
  readonly encrypted: Set<string>;
  /** Directory that is the whole PATH: git, Go, and a buildx that answers as one does whose builder is up. */
  readonly tools: string;
}

/** A world with services that answer. */
export interface Services {
  readonly github: TestGitHub;
  readonly registry: RegistryServer & { readonly image: string };
}

/** What is arranged, and the whole error that the program must end with; {@link refusal} tells what stands for what. */
export type Row<W> = readonly [name: string, arrange: (world: W) => unknown, ...lines: string[]];

const VARIABLES = ["PULUMI_CI_TAG_NAME", "GITHUB_REF_TYPE", "GITHUB_REF_NAME", "GITHUB_TOKEN", "DOCKER_CONFIG"];

/** A world whose services nobody may ask. */
export async function startWorld(): Promise<World> {
  await emptyDirectory();
  const tools = await temporaryDirectory();
  const [git, go] = await installed;
  await symlink(git, join(tools, "git"));
  const world = { tools, encrypted: new Set(SECRETS), settings: {} };
  await script(world, "go", `exec '${go}' "$@"`);
  await script(world, "buildx", "echo 'BuildKit version: v0.31.1'");
  vi.stubEnv("PATH", tools);
  for (const name of VARIABLES) {
    vi.stubEnv(name, undefined);
  }
  onTestFinished(() => void vi.unstubAllEnvs());
  return Object.assign(world, {
    settings: {
      repository: "octo/demo",
      image: "127.0.0.1:1/octo/demo",
      githubUrl: "http://127.0.0.1:1",
      githubToken: TOKEN,
      registryUser: "octo",
      registryPassword: PASSWORD,
    },
  });
}

/** The same with GitHub and a registry. */
export async function startServices(): Promise<World & Services> {
  const world = await startWorld();
  const [github, registry] = [await startTestGitHub(), await startTestRegistry()];
  Object.assign(world.settings, { repository: github.repository, image: registry.image, githubUrl: github.url });
  return Object.assign(world, { github, registry });
}

const installed = Promise.all(["git", "go"].map(async (name) => (await execa("which", [name])).stdout)) as Promise<
  [git: string, go: string]
>;

/** Puts a program on the PATH that writes down how it was started. */
export async function script({ tools }: Pick<World, "tools">, name: string, text: string): Promise<void> {
  await writeFile(join(tools, name), `#!/bin/sh\necho ${name} "$1" >> '${tools}/log'\n${text}\n`);
  await chmod(join(tools, name), 0o755);
}

/** A checkout with one commit, and the setting that releases it. */
export async function checkout(world: World, change: Readonly<Record<string, Content>> = {}): Promise<TestRepository> {
  const repository = await testRepository(process.cwd());
  const files = { "app/go.mod": "module x\n", LICENSE: "MIT\n", "Dockerfile.release": DOCKERFILE };
  await repository.commit("feat: first", { ...files, ...change });
  world.settings.version = "1.0.0";
  return repository;
}

/** Publishes 1.0.0 of this stack, with the assets that somebody edited. */
export async function published(
  { github, registry }: Services,
  edit: (files: Record<string, string>) => object = () => ({}),
): Promise<void> {
  const facts = declared(registry, "1.0.0");
  await publishOurs(github, registry, "1.0.0", {
    facts: { ...facts, files: { ...facts.files, ...edit(facts.files) } },
  });
}

/**
 * Runs the program to its refusal, and proves that it declared, wrote, sent and built nothing.
 *
 * @returns the error, in which what differs from run to run is named: PROJECT and the directory ABOVE it, API, GITHUB, REGISTRY, REPOSITORY, HEAD and each HASH
 */
export async function refusal(world: World & Partial<Services>): Promise<string> {
  const before = await files();
  const sent = vi.spyOn(globalThis, "fetch");
  onTestFinished(() => sent.mockRestore());
  const { resources } = await start(world);
  const error: unknown = await program().then(
    () => expect.fail("it was not refused"),
    (reason) => reason,
  );
  expect(await resources()).toEqual({});
  expect(await files()).toEqual(before);
  expect(sent.mock.calls.filter(([, init]) => init?.method !== "GET" && init?.method !== "HEAD")).toEqual([]);
  expect((await log(world)).filter((line) => /^(?:go|buildx|docker) (?!env$|inspect$)/.test(line))).toEqual([]);
  expect(pulumi.RunError.isInstance(error), String(error)).toBe(true);
  const message = (error as Error).message;
  expect(message.length).toBeLessThan(4_000);
  expect(message).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/u);
  expect(message).not.toContain(TOKEN);
  expect(message).not.toContain(PASSWORD);
  return named(message, world);
}

/** Lets the program run to its end; gives its outputs. */
export async function outputs(world: World): Promise<unknown> {
  const { resources } = await start(world);
  const value = await settled(pulumi.output(await program()));
  await resources();
  return value;
}

/** Lets the program begin with a world's settings; gives the engine that it declares to. */
async function start({ settings, encrypted }: World): ReturnType<typeof engine> {
  pulumi.runtime.setAllConfig(
    Object.fromEntries(Object.entries(settings).map(([key, value]) => [`${NAMESPACE}:${key}`, value])),
    [...encrypted].map((key) => `${NAMESPACE}:${key}`),
  );
  return engine();
}

/** What ran of Go and buildx: the program and its first argument. */
export async function log({ tools }: World): Promise<string[]> {
  const text = await readFile(join(tools, "log"), "utf8").catch(() => "");
  return text.split("\n").filter(Boolean);
}

/** What lies in the project, git's own files left out: path, size and time. */
export async function files(): Promise<string[]> {
  const paths = (await readdir(".", { recursive: true })).filter((path) => !/^\.git(?:\/|$)/.test(path));
  return Promise.all(
    paths.sort().map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return `${path} ${size} ${mtimeMs}`;
    }),
  );
}

async function named(message: string, { settings, github, registry }: World & Partial<Services>): Promise<string> {
  const head = await readFile(".git/refs/heads/main", "utf8").catch(() => "");
  const places: [string | undefined, string][] = [
    [process.cwd(), "PROJECT"],
    [dirname(process.cwd()), "ABOVE"],
    [github?.apiUrl, "API"],
    [github?.url, "GITHUB"],
    [registry?.host, "REGISTRY"],
    [github && settings.repository, "REPOSITORY"],
    [head.trim(), "HEAD"],
  ];
  // Digests of what the tests publish; those that a test makes up are one digit only.
  const told = message.replace(/\b(?!(.)\1{63})[0-9a-f]{64}\b/g, "HASH");
  return places.reduce((text, [value, name]) => (value ? text.replaceAll(value, name) : text), told);
}
