import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { z } from "zod";
import { oneLine, quoted, shown } from "../../model/quotation.ts";

/** What a registry knows a user by: a name and a password (or token), or a refresh token that Docker calls identity token. */
export type Credentials = { readonly username: string; readonly password: string } | { readonly identityToken: string };

type Environment = Readonly<Record<string, string | undefined>>;

const configSchema = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});
type DockerConfig = z.infer<typeof configSchema>;

/**
 * The credentials for a registry, found where Docker looks: the helper named in `credHelpers` or `credsStore`, then
 * `auths`, of `$DOCKER_CONFIG/config.json` (or `~/.docker`). For ghcr.io GitHub's own `GITHUB_TOKEN` serves when Docker
 * knows none. Undefined: the registry is asked anonymously.
 * Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
 *
 * @param host `ghcr.io`, `127.0.0.1:5000`
 * @throws when config.json cannot be read, or a helper that it names fails
 */
export async function credentialsFor(host: string, env: Environment): Promise<Credentials | undefined> {
  const path = join(env.DOCKER_CONFIG || join(env.HOME ?? homedir(), ".docker"), "config.json");
  const config = await readConfig(path);
  const helper = config.credHelpers?.[host] ?? config.credsStore;
  return (
    (helper ? await askHelper(helper, host, path, env) : undefined) ??
    storedIn(config, host, path) ??
    fromGitHub(host, env)
  );
}

async function readConfig(path: string): Promise<DockerConfig> {
  try {
    return configSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return {};
    }
    // The parser's message may quote the file, which holds passwords.
    const reason = error instanceof Error && "code" in error ? ` (${error.code})` : "";
    throw new Error(
      `Docker's configuration ${quoted(path, 250)} cannot be read as such${reason}: correct the file, or set DOCKER_CONFIG`,
    );
  }
}

async function askHelper(
  helper: string,
  host: string,
  path: string,
  env: Environment,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const fail = (why: string) =>
    new Error(
      `${shown(program)}, named in ${quoted(path, 250)}, gives no credentials for ${host}: ${why}. Correct credHelpers/credsStore, or log in again`,
    );
  if (!/^[\w.-]{1,100}$/.test(helper)) {
    throw fail("that is no name of a helper");
  }
  const { exitCode, failed, stdout, stderr, code } = await execa(program, ["get"], {
    input: host,
    env,
    extendEnv: false,
    reject: false,
    timeout: 30_000,
  });
  if (failed) {
    if (/credentials not found/i.test(stdout)) {
      return undefined;
    }
    throw fail(
      code === "ENOENT" ? "it is not on the PATH" : oneLine(stderr || stdout) || `it ended with ${exitCode ?? code}`,
    );
  }
  const answer = z.object({ Username: z.string(), Secret: z.string() }).safeParse(parseJson(stdout));
  if (!answer.success) {
    throw fail("its answer has no Username and Secret");
  }
  const { Username: username, Secret: secret } = answer.data;
  return username === "<token>" ? { identityToken: secret } : { username, password: secret };
}

function storedIn({ auths }: DockerConfig, host: string, path: string): Credentials | undefined {
  const keys = [host, `https://${host}`, `https://${host}/`, `https://${host}/v1/`, `https://${host}/v2/`];
  const entry = keys.map((key) => auths?.[key]).find((found) => found && Object.keys(found).length > 0);
  if (!entry) {
    return undefined;
  }
  if (entry.identitytoken) {
    return { identityToken: entry.identitytoken };
  }
  const [username = "", ...rest] = Buffer.from(entry.auth ?? "", "base64")
    .toString("utf8")
    .split(":");
  const credentials = {
    username: entry.username ?? username,
    password: entry.password ?? rest.join(":").replace(/\0+$/, ""),
  };
  if (credentials.username === "" || credentials.password === "") {
    throw new Error(
      `the entry "${host}" in ${quoted(path, 250)} has no user name and password in it: run "docker login ${host}" again`,
    );
  }
  return credentials;
}

function fromGitHub(host: string, { GITHUB_ACTOR, GITHUB_TOKEN }: Environment): Credentials | undefined {
  return host === "ghcr.io" && GITHUB_TOKEN
    ? { username: GITHUB_ACTOR || "x-access-token", password: GITHUB_TOKEN }
    : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
