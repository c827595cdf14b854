import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { credentialsFor } from "../../src/services/registry/credentials.ts";

let directory: string;
let env: Record<string, string>;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "docker-config-"));
  env = { DOCKER_CONFIG: directory, PATH: `${directory}:${process.env.PATH}` };
});
afterEach(() => rm(directory, { recursive: true }));

async function config(content: unknown): Promise<void> {
  await writeFile(join(directory, "config.json"), typeof content === "string" ? content : JSON.stringify(content));
}

async function helper(name: string, script: string): Promise<void> {
  const path = join(directory, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("without a configuration there are none", async () => {
  expect(await credentialsFor("ghcr.io", env)).toBeUndefined();
  expect(await credentialsFor("ghcr.io", { HOME: directory })).toBeUndefined();
});

test.each([
  [
    "a name and a password with colons",
    "ghcr.io",
    { auth: base64("me:pass:word") },
    { username: "me", password: "pass:word" },
  ],
  [
    "an address instead of a host",
    "https://ghcr.io/v1/",
    { auth: base64("me:pw") },
    { username: "me", password: "pw" },
  ],
  ["fields of their own", "ghcr.io", { username: "me", password: "pw" }, { username: "me", password: "pw" }],
  [
    "an identity token",
    "ghcr.io",
    { auth: base64("<token>:"), identitytoken: "refresh" },
    { identityToken: "refresh" },
  ],
])("auths with %s", async (_name, key, entry, expected) => {
  await config({ auths: { [key]: entry } });
  expect(await credentialsFor("ghcr.io", env)).toEqual(expected);
  expect(await credentialsFor("ghcr.io.example", env)).toBeUndefined();
});

test("a port is part of the host", async () => {
  await config({ auths: { "127.0.0.1:5000": { auth: base64("me:pw") } } });
  expect(await credentialsFor("127.0.0.1:5000", env)).toEqual({ username: "me", password: "pw" });
  expect(await credentialsFor("127.0.0.1:5001", env)).toBeUndefined();
});

test("the helper of a host goes before the store, and gets the host on its standard input", async () => {
  await config({
    credHelpers: { "ghcr.io": "own" },
    credsStore: "all",
    auths: { "ghcr.io": { auth: base64("no:no") } },
  });
  await helper("own", `read host; echo "{\\"Username\\":\\"$1-$host\\",\\"Secret\\":\\"pw\\"}"`);
  await helper("all", `echo '{"Username":"<token>","Secret":"refresh"}'`);
  expect(await credentialsFor("ghcr.io", env)).toEqual({ username: "get-ghcr.io", password: "pw" });
  expect(await credentialsFor("quay.io", env)).toEqual({ identityToken: "refresh" });
});

test("a helper that knows nothing leaves it to auths", async () => {
  await config({ credsStore: "all", auths: { "ghcr.io": { auth: base64("me:pw") }, "quay.io": {} } });
  await helper("all", "echo 'credentials not found in native keychain'; exit 1");
  expect(await credentialsFor("ghcr.io", env)).toEqual({ username: "me", password: "pw" });
  expect(await credentialsFor("quay.io", env)).toBeUndefined();
});

test.each([
  ["missing", undefined, "docker-credential-all, named in"],
  ["failing", "echo 'keychain is locked' >&2; exit 1", "keychain is locked"],
  ["garbled", "echo nonsense", "its answer has no Username and Secret"],
])("a helper that is %s is an error", async (_name, script, message) => {
  await config({ credsStore: "all" });
  if (script) {
    await helper("all", script);
  }
  await expect(credentialsFor("ghcr.io", env)).rejects.toThrow(message);
});

test("a helper's name is no path", async () => {
  await config({ credsStore: "x/../../bin/sh" });
  await expect(credentialsFor("ghcr.io", env)).rejects.toThrow("that is no name of a helper");
});

test.each([
  ["cut", '{"auths":{"ghcr.io":{"auth":"c2VjcmV0'],
  ["of another form", { auths: [] }],
])("a configuration that is %s is an error that does not quote it", async (_name, content) => {
  await config(content);
  const failed = credentialsFor("ghcr.io", env);
  await expect(failed).rejects.toThrow(`Docker's configuration "${join(directory, "config.json")}"`);
  await expect(failed).rejects.not.toThrow("c2Vjcm");
});

test("an entry without a password is an error", async () => {
  await config({ auths: { "ghcr.io": { auth: base64("only-a-name") } } });
  await expect(credentialsFor("ghcr.io", env)).rejects.toThrow('run "docker login ghcr.io" again');
});

test("GitHub's token serves for ghcr.io only, after Docker's own", async () => {
  const actions = { ...env, GITHUB_ACTOR: "octocat", GITHUB_TOKEN: "ghs_1" };
  expect(await credentialsFor("ghcr.io", actions)).toEqual({ username: "octocat", password: "ghs_1" });
  expect(await credentialsFor("quay.io", actions)).toBeUndefined();
  expect(await credentialsFor("ghcr.io", { ...env, GITHUB_TOKEN: "ghs_1" })).toEqual({
    username: "x-access-token",
    password: "ghs_1",
  });
  await config({ auths: { "ghcr.io": { auth: base64("me:pw") } } });
  expect(await credentialsFor("ghcr.io", actions)).toEqual({ username: "me", password: "pw" });
});
