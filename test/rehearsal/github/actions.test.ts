import sodium from "libsodium-wrappers";
import { describe, expect, test } from "vitest";
import { client, FULL_NAME, github, REPOSITORY, refusal } from "./fixture.ts";

/** The same routes exist below the repository and below each of its environments. */
const PLACES = [
  { place: "the repository", base: "/repos/{owner}/{repo}/actions", environment: undefined },
  { place: "an environment", base: "/repos/{owner}/{repo}/environments/{environment_name}", environment: "Production" },
];

describe.each(PLACES)("in $place", ({ base, environment }) => {
  async function place() {
    const server = await github();
    const octokit = client(server);
    const here = { ...REPOSITORY, ...(environment && { environment_name: environment }) };
    if (environment)
      await octokit.request("PUT /repos/{owner}/{repo}/environments/{environment_name}", {
        ...REPOSITORY,
        environment_name: environment,
      });
    const ask = (method: string, path: string, more = {}) =>
      octokit.request(`${method} ${base}${path}`, { ...here, ...more });
    return { server, ask };
  }

  test("a secret is sealed for the public key, kept, replaced, listed without its value and deleted", async () => {
    const { server, ask } = await place();
    await sodium.ready;
    const { data: key } = await ask("GET", "/secrets/public-key");
    const seal = (value: string) =>
      Buffer.from(
        sodium.crypto_box_seal(sodium.from_string(value), new Uint8Array(Buffer.from(key.key, "base64"))),
      ).toString("base64");
    const put = (value: string, key_id = key.key_id) =>
      ask("PUT", "/secrets/token", { encrypted_value: seal(value), key_id });
    expect((await put("s3cret ✓")).status).toBe(201);
    expect(server.inspect.secrets(FULL_NAME, environment)).toEqual({ TOKEN: "s3cret ✓" });
    expect((await put("other")).status).toBe(204);
    expect(server.inspect.secrets(FULL_NAME, environment)).toEqual({ TOKEN: "other" });
    expect(JSON.stringify(server.history)).not.toContain(seal("other").slice(0, 20));

    const { data } = await ask("GET", "/secrets");
    expect(data).toEqual({
      total_count: 1,
      secrets: [{ name: "TOKEN", created_at: expect.any(String), updated_at: expect.any(String) }],
    });
    expect((await ask("GET", "/secrets/TOKEN")).data.name).toBe("TOKEN");
    expect((await refusal(put("x", "1"))).status).toBe(422);
    await ask("DELETE", "/secrets/TOKEN");
    expect((await refusal(ask("GET", "/secrets/TOKEN"))).status).toBe(404);
    expect((await refusal(ask("DELETE", "/secrets/TOKEN"))).status).toBe(404);
  });

  test("what is no sealed box is refused", async () => {
    const { server, ask } = await place();
    const { data: key } = await ask("GET", "/secrets/public-key");
    const put = ask("PUT", "/secrets/TOKEN", {
      encrypted_value: Buffer.from("clear text").toString("base64"),
      key_id: key.key_id,
    });
    expect(await refusal(put)).toMatchObject({ status: 422, message: expect.stringContaining("sealed box") });
    expect(server.inspect.secrets(FULL_NAME, environment)).toEqual({});
  });

  test("a variable is created once, changed, renamed and deleted", async () => {
    const { server, ask } = await place();
    expect((await ask("POST", "/variables", { name: "image", value: "a" })).status).toBe(201);
    expect((await refusal(ask("POST", "/variables", { name: "IMAGE", value: "b" }))).status).toBe(409);
    expect((await ask("GET", "/variables/image")).data).toMatchObject({ name: "IMAGE", value: "a" });
    await ask("PATCH", "/variables/IMAGE", { name: "IMAGE", value: "c" });
    expect(server.inspect.variables(FULL_NAME, environment)).toEqual({ IMAGE: "c" });
    expect((await ask("GET", "/variables")).data).toMatchObject({ total_count: 1, variables: [{ value: "c" }] });
    // Octokit would put a new `name` into the path.
    await ask("DELETE", "/variables/IMAGE");
    expect((await refusal(ask("PATCH", "/variables/IMAGE", { value: "d" }))).status).toBe(404);
    expect((await refusal(ask("DELETE", "/variables/IMAGE"))).status).toBe(404);
    expect((await refusal(ask("POST", "/variables", { name: "GITHUB_X", value: "" }))).status).toBe(422);
    expect(server.inspect.variables(FULL_NAME, environment)).toEqual({});
  });
});

test("secrets and variables need an administrator", async () => {
  const server = await github();
  server.addToken("actions", "bot", "push");
  for (const path of ["secrets", "variables", "secrets/public-key", "permissions"]) {
    const asked = client(server, "actions").request(`GET /repos/{owner}/{repo}/actions/${path}`, REPOSITORY);
    expect((await refusal(asked)).status).toBe(403);
  }
});

test("permissions: what Actions may run and do", async () => {
  const server = await github();
  const octokit = client(server);
  const base = "/repos/{owner}/{repo}/actions/permissions";
  const get = async (path = "") => (await octokit.request(`GET ${base}${path}`, REPOSITORY)).data;
  const put = (path: string, body: object) => octokit.request(`PUT ${base}${path}`, { ...REPOSITORY, ...body });
  expect(await get()).toEqual({ enabled: true, allowed_actions: "all", sha_pinning_required: false });
  expect((await refusal(get("/selected-actions"))).status).toBe(409);
  await put("", { enabled: true, allowed_actions: "selected", sha_pinning_required: true });
  expect(await get()).toMatchObject({
    allowed_actions: "selected",
    sha_pinning_required: true,
    selected_actions_url: `${server.apiUrl}/repos/${FULL_NAME}/actions/permissions/selected-actions`,
  });
  await put("/selected-actions", { github_owned_allowed: true, patterns_allowed: ["pulumi/*"] });
  expect(await get("/selected-actions")).toEqual({
    github_owned_allowed: true,
    verified_allowed: false,
    patterns_allowed: ["pulumi/*"],
  });
  await put("/workflow", { default_workflow_permissions: "write" });
  expect(await get("/workflow")).toEqual({
    default_workflow_permissions: "write",
    can_approve_pull_request_reviews: false,
  });
  expect((await refusal(put("", {}))).status).toBe(422);
  await put("", { enabled: false });
  expect(await get()).toEqual({ enabled: false });
});
