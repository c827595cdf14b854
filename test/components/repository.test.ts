import * as pulumi from "@pulumi/pulumi";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Repository, type RepositoryArgs } from "../../src/components/repository.ts";
import { engine, secret } from "./engine.ts";

async function declared(change: Partial<RepositoryArgs>) {
  vi.stubEnv("GITHUB_TOKEN", "ghp_rotating");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { resources } = await engine();
  new Repository("repository", {
    repository: "octo/demo",
    variables: {},
    secrets: {},
    githubUrl: "https://github.com",
    ...change,
  });
  return resources();
}

describe("the settings of the repository", () => {
  test("need no provider when there are none", async () => {
    expect(Object.values(await declared({ githubToken: pulumi.secret("ghp_secret") })).map(({ type }) => type)).toEqual(
      ["mount-monitor:release:Repository"],
    );
  });

  test("are variables and secrets, each a resource; the token stays in the environment", async () => {
    const resources = await declared({ variables: { REGION: "eu" }, secrets: { KEY: pulumi.secret("hidden") } });
    expect(Object.keys(resources).sort()).toEqual([
      "repository",
      "repository-KEY",
      "repository-REGION",
      "repository-github",
    ]);
    expect(resources["repository-github"]).toMatchObject({
      type: "pulumi:providers:github",
      parent: "repository",
      inputs: { owner: "octo", baseUrl: "https://api.github.com/" },
    });
    expect(resources["repository-github"]?.inputs).not.toHaveProperty("token");
    expect(resources["repository-REGION"]).toMatchObject({
      type: "github:index/actionsVariable:ActionsVariable",
      parent: "repository",
      inputs: { repository: "demo", variableName: "REGION", value: "eu" },
    });
    expect(resources["repository-KEY"]).toMatchObject({
      type: "github:index/actionsSecret:ActionsSecret",
      parent: "repository",
      inputs: { repository: "demo", secretName: "KEY", value: secret("hidden") },
    });
    expect(resources["repository-KEY"]?.inputs).not.toHaveProperty("plaintextValue");
  });

  test("are kept on a GitHub of one's own", async () => {
    const resources = await declared({
      variables: { REGION: "eu" },
      githubUrl: "http://127.0.0.1:1234",
      githubToken: pulumi.secret("ghp_secret"),
    });
    expect(resources["repository-github"]?.inputs).toMatchObject({
      owner: "octo",
      baseUrl: "http://127.0.0.1:1234/",
      token: secret("ghp_secret"),
    });
  });
});
