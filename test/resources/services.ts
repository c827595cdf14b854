import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { type LocalGitHub, startGitHub } from "../../rehearsal/github/server.ts";
import { formatMarker } from "../../src/model/marker.ts";
import { setConfiguration } from "../../src/resources/dynamic.ts";
import { validateExchange } from "../rehearsal/github/schema.ts";
import { type RegistryServer, startRegistryServer } from "../services/registry-server.ts";

export const TOKEN = "ghp_averysecrettoken0123456789";
export const COMMIT = "a".repeat(40);
export const OTHER_COMMIT = "b".repeat(40);
export const STACK = "prod";

/** The local GitHub with one repository; our resources in this process reach it as the dynamic provider would. */
export interface TestGitHub extends LocalGitHub {
  readonly repository: string;
  /** Requests since the start, as `METHOD path`, without the repository; ids are left out. */
  requests(): string[];
  /** Those that changed something. */
  writes(): string[];
  draft(change?: Partial<NewRelease>): Promise<{ id: number; upload_url: string }>;
  attach(release: { upload_url: string }, name: string, bytes: string | Uint8Array): Promise<void>;
  publish(release: { id: number }): Promise<void>;
}

interface NewRelease {
  tag_name: string;
  target_commitish: string;
  name: string;
  body: string;
  prerelease: boolean;
}

const created = z.object({ id: z.number(), upload_url: z.string() });

// Clients are kept by repository for as long as the process lives, so every test has a repository of its own.
let repositories = 0;

export async function startTestGitHub(): Promise<TestGitHub> {
  const server = await startGitHub({ port: 0, token: TOKEN, acceptAnyCommit: true, onResponse: validateExchange });
  onTestFinished(() => server.stop());
  const name = `demo-${++repositories}`;
  const repository = `octo/${name}`;
  server.createRepository({ owner: "octo", name });
  configure({ githubUrl: server.url, githubToken: TOKEN });

  const seen = (entries: LocalGitHub["history"]) =>
    entries.map(
      ({ method, path }) => `${method} ${path.replace(`/repos/${repository}`, "").replaceAll(/\/\d+/g, "/ID")}`,
    );
  const send = async (method: string, url: string, body: string | Uint8Array, type = "application/json") => {
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": type },
      body: typeof body === "string" ? body : new Uint8Array(body),
    });
    if (!response.ok) {
      throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
    }
    return response;
  };
  const releases = `${server.apiUrl}/repos/${repository}/releases`;
  return {
    ...server,
    repository,
    requests: () => seen(server.history),
    writes: () => seen(server.history.filter(({ method }) => method !== "GET")),
    async draft(change = {}) {
      const release = {
        tag_name: "v1.0.0",
        target_commitish: COMMIT,
        name: "v1.0.0",
        body: bodyOf("the notes"),
        prerelease: false,
        draft: true,
        ...change,
      };
      return created.parse(await (await send("POST", releases, JSON.stringify(release))).json());
    },
    async attach({ upload_url }, name, bytes) {
      await send("POST", upload_url.replace("{?name,label}", `?name=${name}`), bytes, "application/octet-stream");
    },
    async publish({ id }) {
      await send("PATCH", `${releases}/${id}`, JSON.stringify({ draft: false }));
    },
  };
}

/** The body of a release of ours. */
export function bodyOf(notes: string, marker: Partial<Parameters<typeof formatMarker>[0]> = {}): string {
  return `${notes}\n${formatMarker({ stack: STACK, version: "1.0.0", commit: COMMIT, ...marker })}\n`;
}

/** The small registry, with the reference of the image in it. */
export async function startTestRegistry(): Promise<RegistryServer & { readonly image: string }> {
  const server = await startRegistryServer();
  onTestFinished(() => server.stop());
  process.env.SSL_CERT_FILE = server.ca;
  configure({ registryUser: "octo", registryPassword: "secret" });
  return Object.assign(server, { image: `${server.host}/octo/demo` });
}

const values: Record<string, string> = {};

/** Sets values of the stack configuration, as the dynamic provider receives them. */
export function configure(more: Record<string, string>): void {
  Object.assign(values, more);
  setConfiguration({ get: (key) => values[key] });
}

/** Goes to an empty directory for the time of a test: the artifact storage and the context are relative to it. */
export async function emptyDirectory(): Promise<string> {
  const [home, directory] = [process.cwd(), await mkdtemp(join(tmpdir(), "release-test-"))];
  process.chdir(directory);
  onTestFinished(async () => {
    process.chdir(home);
    await rm(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Every request of a registry that may have written. */
export function registryWrites(server: RegistryServer): string[] {
  return server.seen
    .filter(({ method }) => method !== "GET" && method !== "HEAD")
    .map(({ method, path }) => `${method} ${path}`);
}

export function sha256Hex(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
