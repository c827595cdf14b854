import { Octokit } from "@octokit/core";
import { onTestFinished } from "vitest";
import { z } from "zod";
import { type GitHubOptions, type LocalGitHub, startGitHub } from "../../../rehearsal/github/server.ts";
import { validateExchange } from "./schema.ts";

export const TOKEN = "ghp_administrator";
export const REPOSITORY = { owner: "octocat", repo: "mount-monitor" };
export const FULL_NAME = "octocat/mount-monitor";
export const COMMIT = "1".repeat(40);
export const LATER_COMMIT = "2".repeat(40);

/** A local GitHub with one repository and two commits, whose every answer is compared with GitHub's description. */
export async function github(options: Partial<GitHubOptions> = {}): Promise<LocalGitHub> {
  const server = await startGitHub({ port: 0, token: TOKEN, onResponse: validateExchange, ...options });
  onTestFinished(() => server.stop());
  if (!server.hasRepository(FULL_NAME)) {
    server.createRepository({ owner: "octocat", name: "mount-monitor" });
    server.inspect.addCommit(FULL_NAME, COMMIT, { message: "feat: first", branch: "main" });
    server.inspect.addCommit(FULL_NAME, LATER_COMMIT, { message: "feat: second", parents: [COMMIT], branch: "main" });
  }
  return server;
}

export function client(server: LocalGitHub, auth: string | undefined = TOKEN): Octokit {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return new Octokit({ baseUrl: server.apiUrl, log, ...(auth && { auth }) });
}

/** A client without credentials. */
export function stranger(server: LocalGitHub): Octokit {
  return client(server, "");
}

export interface Refusal {
  status: number;
  message: string;
  errors: unknown;
}

/** What a request is refused with; fails when it is not refused. */
export async function refusal(request: Promise<unknown>): Promise<Refusal> {
  const problem = await request.then(
    () => new Error("the request succeeded"),
    (error: unknown) => error,
  );
  if (!isRequestError(problem)) throw problem;
  const { data } = problem.response;
  return { status: problem.status, message: data.message, errors: data.errors };
}

function isRequestError(
  problem: unknown,
): problem is { status: number; response: { data: { message: string; errors?: unknown } } } {
  return problem instanceof Error && "response" in problem && problem.response !== undefined;
}

export interface NewDraft {
  tag_name: string;
  target_commitish?: string;
  name?: string;
  body?: string;
  draft?: boolean;
  prerelease?: boolean;
  make_latest?: "true" | "false" | "legacy";
}

/** Makes a release, a draft unless said otherwise. */
export async function draft(server: LocalGitHub, release: NewDraft) {
  const { data } = await client(server).request("POST /repos/{owner}/{repo}/releases", {
    ...REPOSITORY,
    target_commitish: COMMIT,
    draft: true,
    ...release,
  });
  return data;
}

/** Uploads as `fetch` does: with a Content-Length. */
export function upload(
  release: { upload_url: string },
  name: string,
  bytes: string | Buffer,
  token = TOKEN,
): Promise<Response> {
  return fetch(release.upload_url.replace("{?name,label}", `?name=${encodeURIComponent(name)}`), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
    body: typeof bytes === "string" ? bytes : new Uint8Array(bytes),
  });
}

const Uploaded = z.object({ id: z.number(), name: z.string(), browser_download_url: z.string() });

/** Uploads, and reads the answer of an upload that worked. */
export async function attach(release: { upload_url: string }, name: string, bytes: string | Buffer) {
  return Uploaded.parse(await (await upload(release, name, bytes)).json());
}

const Message = z.object({ message: z.string() });

/** Status and message of an answer. */
export async function told(response: Response): Promise<[number, string]> {
  return [response.status, Message.parse(await response.json()).message];
}
