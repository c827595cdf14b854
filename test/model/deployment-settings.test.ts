import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { versions } from "../../kit/versions.ts";
import { differences, parseDeploymentSettings, patchOf } from "../../src/model/deployment-settings.ts";

const committed = async () => parse(await readFile("Pulumi.prod.deploy.yaml", "utf8"));

/** The committed file with one value replaced, or taken away. */
async function changed(path: string, value: unknown): Promise<unknown> {
  const content = await committed();
  const keys = path.split(".");
  const parent = keys.slice(0, -1).reduce((node, key) => {
    node[key] ??= {};
    return node[key];
  }, content);
  parent[keys.at(-1) ?? ""] = value;
  if (value === undefined) delete parent[keys.at(-1) ?? ""];
  return content;
}

describe("the committed file", () => {
  test("releases on tags v*, previews pull requests, loses no tag", async () => {
    const parsed = parseDeploymentSettings(await committed());
    expect(parsed).toMatchObject({
      ok: true,
      settings: {
        vcs: { deployTags: true, tagFilters: ["v*"], deployCommits: false, previewPullRequests: true },
        operationContext: { options: { skipIntermediateDeployments: false, skipInstallDependencies: true } },
      },
    });
  });

  test("runs the CLI whose version the kit and package.json pin", async () => {
    const { settings } = await committed();
    expect(settings.executorContext.executorImage.reference).toBe(`pulumi/pulumi:${versions.pulumi}`);
  });

  test("calls only scripts that package.json has", async () => {
    const { scripts } = JSON.parse(await readFile("package.json", "utf8"));
    const { preRunCommands } = (await committed()).settings.operationContext;
    const called = preRunCommands.flatMap((command: string) => /npm run (?:--silent )?(\w+)/.exec(command)?.[1] ?? []);
    expect(called).toEqual(["runner", "recover"]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(called));
  });
});

test.each<[string, unknown, string]>([
  ["settings.vcs.deployTags", false, "settings.vcs.deployTags: a pushed tag is what releases"],
  [
    "settings.vcs.deployCommits",
    true,
    "settings.vcs.deployCommits: Pulumi Cloud runs on tags or on commits, not on both",
  ],
  ["settings.vcs.tagFilters", [], "settings.vcs.tagFilters: without a filter every tag starts a run"],
  ["settings.vcs.provider", "gitlab", "settings.vcs.provider: this program releases to GitHub"],
  [
    "settings.vcs.pullRequestTemplate",
    true,
    "settings.vcs.pullRequestTemplate: a stack for each pull request would release the same version again",
  ],
  [
    "settings.operationContext.options.skipIntermediateDeployments",
    true,
    "settings.operationContext.options.skipIntermediateDeployments: of two tags pushed in a row the first would be lost",
  ],
  [
    "settings.operationContext.options.skipInstallDependencies",
    false,
    "settings.operationContext.options.skipInstallDependencies: the pre-run installs them, from the lock file",
  ],
  [
    "settings.operationContext.options.deleteAfterDestroy",
    true,
    "settings.operationContext.options.deleteAfterDestroy: the stack remembers what was released",
  ],
  [
    "settings.operationContext.environmentVariables.GITHUB_TOKEN",
    "x",
    "settings.operationContext.environmentVariables.GITHUB_TOKEN: a secret does not belong into the file. Run: npm run deployments -- --secret GITHUB_TOKEN",
  ],
  [
    "settings.operationContext.environmentVariables.BUILDKIT_KEY",
    "x",
    "settings.operationContext.environmentVariables.BUILDKIT_KEY: a secret does not belong into the file. Run: npm run deployments -- --secret BUILDKIT_KEY",
  ],
  [
    "settings.executorContext.executorImage.reference",
    "pulumi/pulumi:latest",
    "settings.executorContext.executorImage.reference: an image is named by the version of the CLI in it, or by its digest",
  ],
  [
    "settings.executorContext.executorImage.reference",
    "pulumi/pulumi",
    "settings.executorContext.executorImage.reference: an image is named by the version of the CLI in it, or by its digest",
  ],
  [
    "settings.sourceContext.git.branch",
    "trunk",
    "settings.operationContext.preRunCommands: a command must check out origin/trunk: a run of a tag starts with the program that the tag holds",
  ],
  ["settings.gitHub", {}, 'settings: Unrecognized key: "gitHub"'],
  ["other", 1, 'file: Unrecognized key: "other"'],
])("%s = %j is refused, alone", async (path, value, problem) => {
  expect(parseDeploymentSettings(await changed(path, value))).toEqual({ ok: false, problems: [problem] });
});

test.each<[string, unknown]>([
  ["settings.agentPoolID", "pool-1"],
  ["settings.executorContext.executorImage.reference", `pulumi/pulumi@sha256:${"a".repeat(64)}`],
  ["settings.operationContext.environmentVariables", undefined],
  ["settings.operationContext.oidc.aws", { roleArn: "arn:aws:iam::1:role/r", sessionName: "s", duration: "1h" }],
  ["settings.operationContext.oidc.azure", { clientId: "c", tenantId: "t", subscriptionId: "s" }],
  ["settings.operationContext.oidc.gcp", { projectId: "1", workloadPoolId: "w", providerId: "p", serviceAccount: "s" }],
])("%s may be %j", async (path, value) => {
  expect(parseDeploymentSettings(await changed(path, value)).ok).toBe(true);
});

test("the repository of the stack is sent with them", async () => {
  const parsed = parseDeploymentSettings(await committed());
  if (!parsed.ok) throw new Error("not valid");
  expect(patchOf(parsed.settings, "octo/tool").vcs).toEqual({ ...parsed.settings.vcs, repository: "octo/tool" });
});

describe("differences", () => {
  test("name path, found and wanted value, and nothing else", () => {
    const wanted = { vcs: { deployTags: true, deployCommits: false, tagFilters: ["v*"] }, image: { reference: "a:1" } };
    const found = { version: 3, vcs: { deployTags: true, tagFilters: ["w*"] } };
    expect(differences(wanted, found)).toEqual([
      'settings.vcs.tagFilters: ["w*"] → ["v*"]',
      'settings.image.reference: not set → "a:1"',
    ]);
  });

  test("what is on although it should be off is one", () => {
    expect(differences({ a: false }, { a: true })).toEqual(["settings.a: true → false"]);
  });

  test("there are none after everything was taken over, whatever the service adds", () => {
    const tree = fc.letrec((tie) => ({
      node: fc.oneof(
        fc.boolean(),
        fc.string(),
        fc.array(fc.string()),
        fc.dictionary(fc.string(), tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), tree), fc.string(), (wanted, more) => {
        expect(differences(wanted, { [`${more}!`]: 1, ...wanted })).toEqual([]);
      }),
    );
  });
});
