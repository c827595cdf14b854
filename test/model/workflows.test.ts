import { readdir, readFile, writeFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { versions } from "../../kit/versions.ts";
import { workflowsOf } from "../../src/commands/workflows.ts";
import { ACTIONS } from "../../src/model/workflow/action.ts";
import { audit } from "../../src/model/workflow/audit.ts";
import { usedActions, type WorkflowOptions, workflowFiles } from "../../src/model/workflows.ts";
import { temporaryDirectory } from "../services/temporary.ts";

// It imports its schema as JSON without saying so, which Node refuses.
registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});
const { convertWorkflowTemplate, parseWorkflow } = await import("@actions/workflow-parser");

const OPTIONS: WorkflowOptions = {
  stack: "prod",
  repository: "octo-example/mount-monitor",
  backend: "https://api.pulumi.com",
  branch: "main",
  source: "app",
  image: "ghcr.io/octo-example/mount-monitor",
};
const VARIANTS: readonly (readonly [string, WorkflowOptions])[] = [
  ["Pulumi Cloud", OPTIONS],
  ["an organization and a branch of another name", { ...OPTIONS, organization: "acme", branch: "trunk" }],
  ["Amazon S3", { ...OPTIONS, backend: "s3://state?region=eu-west-1" }],
  ["Azure Blob Storage", { ...OPTIONS, backend: "azblob://state?storage_account=octo" }],
  ["Google Cloud Storage", { ...OPTIONS, backend: "gs://state" }],
  ["another registry, the module at the top", { ...OPTIONS, image: "registry.example.org/app", source: "." }],
  ["a module elsewhere", { ...OPTIONS, source: "/srv/module" }],
];

// biome-ignore lint/suspicious/noExplicitAny: a workflow as GitHub reads it
const read = (options: WorkflowOptions, name: string): any =>
  parse(workflowFiles(options)[`.github/workflows/${name}.yml`] ?? "");

/** What GitHub's own parser says of a file. */
async function refusals(name: string, content: string): Promise<string[]> {
  const parsed = parseWorkflow({ name, content }, { error() {}, info() {}, verbose() {} });
  const template = parsed.value && (await convertWorkflowTemplate(parsed.context, parsed.value));
  const errors = [
    ...parsed.context.errors.getErrors().map(({ message }) => message),
    ...(template?.errors ?? []).map(({ Message }) => Message),
  ];
  return [...new Set(errors)];
}

/** What actionlint says of files, path → text. */
async function lint(files: Readonly<Record<string, string>>): Promise<string[]> {
  const directory = await temporaryDirectory();
  const paths = Object.entries(files).map(async ([name, text]) => {
    const path = join(directory, name.replaceAll("/", "_"));
    await writeFile(path, text);
    return path;
  });
  const { stdout } = await execa(
    "go",
    [
      "-C",
      "test/actionlint",
      "tool",
      "actionlint",
      "-oneline",
      "-no-color",
      "-shellcheck=",
      "-pyflakes=",
      ...(await Promise.all(paths)),
    ],
    { reject: false, lines: true },
  );
  return stdout.map((line) => line.replace(/^.*?:\d+:\d+: /, ""));
}

describe("workflow files", () => {
  test("are committed as the settings of stack prod make them", async () => {
    const made = await workflowsOf("prod");
    expect(
      Object.keys(made)
        .map((path) => path.replace(".github/workflows/", ""))
        .sort(),
    ).toEqual((await readdir(".github/workflows")).sort());
    for (const [path, text] of Object.entries(made)) {
      expect(await readFile(path, "utf8"), `npm run workflows writes ${path}`).toBe(text);
    }
  });

  // actionlint's newest version, 1.7.12 of March 2026, is from before `queue`, which GitHub has had since May 2026; its own
  // change (rhysd/actionlint#654) was not merged when this was written. That the value is right, GitHub's own parser says below.
  // https://github.blog/changelog/2026-05-07-github-actions-concurrency-groups-now-allow-larger-queues
  // https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
  const UNKNOWN_TO_ACTIONLINT =
    'unexpected key "queue" for "concurrency" section. expected one of "cancel-in-progress", "group" [syntax-check]';

  test("actionlint finds nothing but the one key that it does not know, once in release.yml and once in drift.yml", async () => {
    const files = VARIANTS.flatMap(([what, options]) =>
      Object.entries(workflowFiles(options)).map(([path, text]) => [`${what} ${path}`, text] as const),
    );
    const found = await lint(Object.fromEntries(files));
    // Once actionlint knows the key, this fails, and the exception has to go.
    expect(found).toEqual(VARIANTS.flatMap(() => [UNKNOWN_TO_ACTIONLINT, UNKNOWN_TO_ACTIONLINT]));
    const preview = await lint({ preview: workflowFiles(OPTIONS)[".github/workflows/preview.yml"] ?? "" });
    expect(preview).toEqual([]);
  }, 120_000);

  test("actionlint finds what is wrong", async () => {
    const text = workflowFiles(OPTIONS)[".github/workflows/release.yml"] ?? "";
    expect(await lint({ timeout: text.replace("timeout-minutes: 75", "timeout: 60") })).toContainEqual(
      expect.stringMatching(/unexpected key "timeout"/),
    );
    expect(await lint({ token: text.replace("github.token", "github.tokn") })).toContainEqual(
      expect.stringMatching(/property "tokn" is not defined/),
    );
  }, 120_000);

  test.each(VARIANTS)("%s: GitHub's own parser and the audits find nothing", async (_, options) => {
    for (const [path, text] of Object.entries(workflowFiles(options))) {
      expect(await refusals(path, text)).toEqual([]);
      expect(audit(text)).toEqual([]);
    }
  });

  test("GitHub's own parser finds what is wrong", async () => {
    const text = workflowFiles(OPTIONS)[".github/workflows/release.yml"] ?? "";
    expect(await refusals("x.yml", text.replace("timeout-minutes: 75", "timeout: 60"))).toEqual([
      expect.stringContaining("Unexpected value 'timeout'"),
    ]);
    expect(await refusals("x.yml", text.replace("queue: max", "queue: all"))).toEqual([
      expect.stringContaining("Unexpected value 'all'"),
    ]);
  });

  test("name every action that they use, and use no other", () => {
    const inText = Object.values(workflowFiles(OPTIONS)).flatMap((text) =>
      [...text.matchAll(/uses: (\S+)/g)].map(([, uses]) => uses),
    );
    expect(usedActions(OPTIONS)).toEqual([...new Set(inText)].sort());
    expect(usedActions(OPTIONS)).toContain(`actions/cache/restore@${ACTIONS.restoreCache.commit}`);
  });

  test("one repository's actions are at one commit", () => {
    const commits = new Map<string, Set<string>>();
    for (const { name, commit } of Object.values(ACTIONS)) {
      const repository = name.split("/").slice(0, 2).join("/");
      commits.set(repository, (commits.get(repository) ?? new Set()).add(commit));
    }
    expect([...commits.values()].every(({ size }) => size === 1)).toBe(true);
  });

  test("run with the versions that the project is tested with", async () => {
    const text = Object.values(workflowFiles(OPTIONS)).join("\n");
    const { devDependencies } = JSON.parse(await readFile("package.json", "utf8"));
    const said = (key: RegExp) => new Set([...text.matchAll(key)].map(([, version]) => version));
    expect(said(/ node-version: (.*)/g)).toEqual(new Set([devDependencies.node]));
    expect(said(/pulumi-version: (.*)/g)).toEqual(new Set([versions.pulumi]));
    expect(said(/moby\/buildkit:v(.*)/g)).toEqual(new Set([versions.buildkitd]));
  });
});

describe("release.yml", () => {
  const { on, concurrency, jobs } = read(OPTIONS, "release");
  const steps: readonly Record<string, Record<string, unknown>>[] = jobs.release.steps;
  const named = (name: string) => steps.find((step) => String(step.name) === name);

  test("is one job, started by a version tag or by hand with a tag", () => {
    expect(on).toEqual({
      push: { tags: ["v*"] },
      workflow_dispatch: { inputs: { tag: expect.objectContaining({ required: true, type: "string" }) } },
    });
    expect(Object.keys(jobs)).toEqual(["release"]);
    expect(concurrency).toEqual({ group: "stack-prod", "cancel-in-progress": false, queue: "max" });
  });

  test("runs the default branch's program, with all tags, and leaves the Repository component out", () => {
    expect(named("Check out")?.with).toEqual({ ref: "main", "fetch-depth": 0, "persist-credentials": false });
    expect(named("Release")?.with).toEqual({
      command: "up",
      "stack-name": "octo-example/prod",
      "cloud-url": "https://api.pulumi.com",
      "pulumi-version": versions.pulumi,
      exclude: "**mount-monitor:release:Repository**",
      color: "never",
    });
  });

  test("recovers before it updates, and hands a tag that is asked for to both", () => {
    const order = steps.map(({ name }) => String(name));
    expect(order.indexOf("Settle what an interrupted update left")).toBe(order.indexOf("Release") - 1);
    for (const name of ["Settle what an interrupted update left", "Release"]) {
      expect(named(name)?.env).toMatchObject({ PULUMI_CI_TAG_NAME: "$" + "{{ inputs.tag }}" });
    }
  });

  test("has no secret at all where the state is in Pulumi Cloud", () => {
    expect(JSON.stringify(Object.values(workflowFiles(OPTIONS)))).not.toContain("secrets.");
  });

  test.each([
    ["s3://state", "aws-actions/configure-aws-credentials"],
    ["azblob://state", "Azure/login"],
    ["gs://state", "google-github-actions/auth"],
    ["https://pulumi.example.org", "pulumi/auth-actions"],
  ])("logs in to %s by %s, in every job that needs the state", (backend, action) => {
    for (const [workflow, job] of [
      ["release", "release"],
      ["preview", "preview"],
      ["drift", "drift"],
    ]) {
      const { steps, permissions } = read({ ...OPTIONS, backend }, workflow ?? "").jobs[job ?? ""];
      const uses = steps.map((step: { uses?: string }) => step.uses?.split("@")[0]);
      expect(uses.filter((name: string) => Object.values(ACTIONS).some((known) => known.name === name))).toContain(
        action,
      );
      expect(permissions["id-token"]).toBe("write");
    }
  });
});

describe("preview.yml", () => {
  const { on, jobs } = read(OPTIONS, "preview");

  test("a pull request of a fork gets a job that can only read, and has no login but a reader's", () => {
    expect(on).toEqual({ pull_request: {}, push: { branches: ["main"] } });
    expect(jobs.plan.permissions).toEqual({ contents: "read", packages: "read" });
    const text = JSON.stringify(jobs.plan);
    expect(text).not.toMatch(/secrets|id-token|auth-actions|PULUMI_/);
    expect(text).toContain("--without-state");
  });

  test("what a push of the default branch saves is what a release restores", () => {
    const saved = jobs.cache.steps.find(({ uses = "" }) => uses.startsWith("actions/cache/save@")).with;
    const restored = read(OPTIONS, "release").jobs.release.steps.find(({ uses = "" }) =>
      uses.startsWith("actions/cache/restore@"),
    ).with;
    expect(restored).toEqual({ ...saved, "restore-keys": saved.key.replace("$" + "{{ github.sha }}", "") });
    expect(jobs.preview.steps.concat(jobs.plan.steps).some(({ uses = "" }) => uses.includes("save@"))).toBe(false);
  });
});
