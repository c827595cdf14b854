import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import type { Issue } from "../../rehearsal/github/state.ts";
import { type WorkflowOptions, workflowFiles } from "../../src/model/workflows.ts";
import { inClearText } from "../clear-text.ts";
import { ConcurrencyGroup } from "../concurrency-group.ts";
import { type Clone, makeClone, type Request, writes } from "./clone.ts";
import { JOB_TOKEN, type JobResult, type JobRun } from "./workflow-job.ts";
import { openWorld, REPOSITORY } from "./world.ts";

const SECRET = "s3cr3t/of+the&t\u00e9st=";
const PASSPHRASE = "rehearsal";
const SETTINGS = {
  variables: JSON.stringify({ COLOR: "blue" }),
  secrets: JSON.stringify({ DEPLOY_KEY: SECRET }),
};

// GitHub counts pull requests among the issues.
const PULL_REQUEST = {
  id: 1,
  number: 1,
  title: "a change",
  body: null,
  state: "open",
  stateReason: null,
  labels: [],
  author: "octocat",
  createdAt: "2026-01-02T03:04:05Z",
  updatedAt: "2026-01-02T03:04:05Z",
  closedAt: null,
  comments: [],
} satisfies Issue;

/** What starts a run of a workflow. */
interface Start {
  readonly workflow: "release" | "preview" | "drift";
  readonly job: string;
  readonly event: "push" | "workflow_dispatch" | "pull_request" | "schedule";
  /** Tag or branch whose workflow is run. */
  readonly ref: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** Repository that a pull request comes from. */
  readonly head?: string;
}

// The workflows' own steps, in the order of a repository's life. Each test goes on where the one before ended.
describe("the workflows, run as GitHub runs them", { timeout: 600_000 }, () => {
  let clone: Clone;
  let kept: string;
  const logs: string[] = [];

  beforeAll(async () => {
    clone = await makeClone("workflows", "everything");
    kept = join(clone.path, ".local");
    const options: WorkflowOptions = {
      stack: "local",
      repository: REPOSITORY,
      backend: `file://${kept}/state`,
      branch: "main",
      source: "app",
      image: `ghcr.io/${REPOSITORY}`,
    };
    for (const [path, text] of Object.entries(workflowFiles(options))) {
      await clone.commit(path, () => text, "ci: workflows");
    }
    await mkdir(kept, { recursive: true });
  });
  afterAll(() => clone.remove());

  const run = async ({ workflow, job, event, ref, inputs = {}, head = REPOSITORY }: Start): Promise<JobResult> => {
    const isTag = /^v\d/.test(ref);
    const sha = await clone.git("rev-parse", `${ref}^{commit}`);
    // GitHub takes the workflow from the commit that was pushed.
    const { defaults, jobs } = parse(await clone.git("show", `${ref}:.github/workflows/${workflow}.yml`));
    const pullRequest = { number: 1, head: { repo: { full_name: head } } };
    const isFork = head !== REPOSITORY;
    const tags = (await clone.git("tag", "--format=%(refname:short) %(objectname)")).split("\n").filter(Boolean);
    const order: JobRun = {
      job: jobs[job],
      shell: defaults.run.shell,
      origin: clone.path,
      revision: sha,
      tags: Object.fromEntries(tags.map((line) => line.split(" "))),
      settings: SETTINGS,
      kept,
      permission: isFork ? "pull" : "push",
      event: event === "pull_request" ? { pull_request: pullRequest } : {},
      contexts: {
        github: {
          event_name: event,
          ref_name: ref,
          ref_type: isTag ? "tag" : "branch",
          sha,
          repository: REPOSITORY,
          actor: "octocat",
          token: JOB_TOKEN,
          event: event === "pull_request" ? { pull_request: pullRequest } : {},
        },
        inputs,
        // Only the environment `release` has secrets, and no job without it gets any.
        secrets: jobs[job].environment === "release" ? { PULUMI_CONFIG_PASSPHRASE: PASSPHRASE } : {},
        runner: { os: "Linux", arch: "X64" },
      },
      environment: {
        CI: "true",
        GITHUB_ACTIONS: "true",
        GITHUB_EVENT_NAME: event,
        GITHUB_REF: isTag ? `refs/tags/${ref}` : `refs/heads/${ref}`,
        GITHUB_REF_NAME: event === "pull_request" ? "1/merge" : ref,
        GITHUB_REF_TYPE: isTag ? "tag" : "branch",
        GITHUB_REPOSITORY: REPOSITORY,
        GITHUB_RUN_ID: "4711",
        GITHUB_SHA: sha,
        // Packages are there already; whether they can be fetched is not what is tried here.
        npm_config_prefer_offline: "true",
      },
    };
    const { stdout, stderr } = await execa("node", ["test/e2e/workflow-job.ts"], { input: JSON.stringify(order) });
    logs.push(stdout, stderr);
    return JSON.parse(stdout);
  };
  const release = (ref: string) => run({ workflow: "release", job: "release", event: "push", ref });
  const good = (result: JobResult): JobResult => {
    if (result.conclusion !== "success") throw new Error(`${result.ran.at(-1)} failed:\n${result.log}`);
    return result;
  };
  const asked = async <T>(during: () => Promise<T>): Promise<{ result: T; requests: readonly Request[] }> => {
    const before = (await clone.githubRequests().catch(() => [])).length;
    const result = await during();
    return { result, requests: (await clone.githubRequests()).slice(before) };
  };
  const places = (requests: readonly Request[]) =>
    [
      ...new Set(writes(requests).map(({ path }) => path.replace(/^\/repos\/[^/]+\/[^/]+/, "").replace(/\d+/g, "N"))),
    ].sort();

  test("a pushed tag is released, by a token that can push and not administer", async () => {
    await clone.git("tag", "v1.0.0");
    const { result, requests } = await asked(async () => good(await release("v1.0.0")));
    expect(result.ran).toEqual([
      "Check out",
      "Set up Node",
      "Install packages",
      "Set up Go",
      "Restore what Go has compiled",
      "Set up BuildKit",
      "Log in to the registry",
      "Set up Pulumi",
      "Log in to the backend",
      "Settle what an interrupted update left",
      "Release",
      "Show what is published",
    ]);
    expect(result.summary).toContain("### [v1.0.0](http");
    expect(result.summary).toContain("| `latest` | `1.0.0` |");
    expect(places(requests)).toEqual(["/releases", "/releases/N", "/releases/N/assets"]);
    expect(result.environments["Install packages"]).not.toHaveProperty("GITHUB_TOKEN");
    await using world = await openWorld(clone.path);
    expect(world.release("v1.0.0").draft).toBe(false);
    expect(await world.digestOf("latest")).toBe(await world.digestOf("v1.0.0"));
    expect(world.tamper.variables(REPOSITORY)).toEqual({});
  });

  test("of three tags that are pushed at once none is lost: one of an old branch, one of main, one by hand", async () => {
    await clone.git("switch", "-q", "-c", "release-1.0");
    await clone.commit(
      "index.ts",
      () => 'throw new Error("the program of the tag runs");\n',
      "chore: an older program",
    );
    await clone.commit(".github/workflows/release.yml", withoutLastStep, "ci: an older workflow");
    await clone.commit(
      "Pulumi.local.yaml",
      (text) => `${text}  mount-monitor:image: ghcr.io/other/name\n`,
      "chore: older",
    );
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// backport\n`, "fix: a backport");
    await clone.git("tag", "v1.0.1");
    await clone.git("switch", "-q", "main");
    await clone.commit("app/cmd/mount-monitor/main.go", (text) => `${text}\n// later\n`, "feat: something new");
    await clone.git("tag", "v1.1.0");
    await clone.git("tag", "v1.2.0-rc.1");
    const before = await published("1.0.0");

    const { concurrency } = parse(await clone.git("show", "main:.github/workflows/release.yml"));
    const group = new ConcurrencyGroup();
    const results: Record<string, JobResult> = {};
    const starts: Start[] = [
      { workflow: "release", job: "release", event: "push", ref: "v1.1.0" },
      { workflow: "release", job: "release", event: "push", ref: "v1.0.1" },
      {
        workflow: "release",
        job: "release",
        event: "workflow_dispatch",
        ref: "v1.2.0-rc.1",
        inputs: { tag: "v1.2.0-rc.1" },
      },
    ];
    const { result: outcomes, requests } = await asked(() =>
      Promise.all(
        starts.map((start) =>
          group.enter(concurrency, async () => {
            results[start.ref] = good(await run(start));
          }),
        ),
      ),
    );
    expect(outcomes).toEqual(["done", "done", "done"]);
    expect(places(requests)).toEqual(["/releases", "/releases/N", "/releases/N/assets"]);
    expect(results["v1.0.1"]?.ran).not.toContain("Show what is published");
    expect(results["v1.2.0-rc.1"]?.summary).toContain("### [v1.2.0-rc.1](");

    expect(await published("1.0.0")).toEqual(before);
    await using world = await openWorld(clone.path);
    expect(
      world
        .releases()
        .map(({ tagName, draft, prerelease }) => [tagName, draft, prerelease])
        .sort(),
    ).toEqual([
      ["v1.0.0", false, false],
      ["v1.0.1", false, false],
      ["v1.1.0", false, false],
      ["v1.2.0-rc.1", false, true],
    ]);
    expect(world.notes("v1.0.1")).toContain("a backport");
    expect(world.notes("v1.0.1")).not.toContain("something new");
    expect(world.tamper.tags(REPOSITORY)["v1.0.1"]).toBe(await clone.git("rev-parse", "release-1.0"));
    expect(await world.digestOf("latest")).toBe(await world.digestOf("v1.1.0"));
    expect(await world.digestOf("1.0")).toBe(await world.digestOf("v1.0.1"));
    expect(await world.latestRelease()).toBe("v1.1.0");
  });

  test("a branch's pull request gets the real preview, in one comment that is changed", async () => {
    {
      await using world = await openWorld(clone.path);
      world.tamper.repository(REPOSITORY).issues.push(PULL_REQUEST);
      world.tamper.save();
    }
    const start = { workflow: "preview", job: "preview", event: "pull_request", ref: "main" } as const;
    good(await run(start));
    const [first] = await comments();
    expect(first?.body).toMatch(/^<!-- mount-monitor:preview -->\n### Preview of `local`\n/);
    expect(first?.body).toMatch(/\*\*\d+ to create, .*\d+ unchanged\*\*/);
    expect(first?.body).toContain("actionsVariable:ActionsVariable: (create)");

    const commit = await clone.commit("README.md", (text) => `${text}\n`, "docs: more");
    good(await run(start));
    expect(await comments()).toEqual([
      { ...first, body: expect.stringContaining(`Commit ${commit}.`), updatedAt: expect.anything() },
    ]);
    expect((await run({ ...start, head: "stranger/mount-monitor" })).conclusion).toBe("skipped");
  });

  test("a fork's gets the plan without state, and no credential at all", async () => {
    const { result, requests } = await asked(() =>
      run({ workflow: "preview", job: "plan", event: "pull_request", ref: "main", head: "stranger/mount-monitor" }),
    );
    good(result);
    expect(result.summary).toContain("### Preview of `local`, without its state");
    expect(result.summary).toMatch(/\*\*\d+ to create\*\*/);
    expect(result.summary).toContain("0.0.0-preview");
    expect(result.summary).toMatch(/tests of \d+ packages passed/);
    expect(writes(requests)).toEqual([]);
    expect(await comments()).toHaveLength(1);
    for (const environment of Object.values(result.environments)) {
      expect(Object.keys(environment).filter((name) => /PASSPHRASE|ACCESS_TOKEN|SECRET|BACKEND/.test(name))).toEqual(
        [],
      );
    }
  });

  test("drift opens one issue, which is closed once all is as it was", async () => {
    const start = { workflow: "drift", job: "drift", event: "schedule", ref: "main" } as const;
    const name = "mount-monitor-linux-arm64";
    let bytes: Buffer;
    {
      await using world = await openWorld(clone.path);
      bytes = world.tamper.assetBytes(REPOSITORY, "v1.0.0", name);
      world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", name, Buffer.from("something else"));
    }
    good(await run(start));
    expect(await issues()).toEqual([
      expect.objectContaining({ state: "open", title: "What stack local released has been changed" }),
    ]);
    expect((await issues())[0]?.body).toContain(`asset ${name} of v1.0.0`);
    {
      await using world = await openWorld(clone.path);
      world.tamper.setAssetBytes(REPOSITORY, "v1.0.0", name, bytes);
    }
    good(await run(start));
    expect(await issues()).toEqual([expect.objectContaining({ state: "closed" })]);
  });

  test("no secret was shown anywhere: in logs, summaries, comments or issues", async () => {
    await using world = await openWorld(clone.path);
    const texts = { logs: logs.join("\n"), github: JSON.stringify(world.tamper.repository(REPOSITORY).issues) };
    expect(await inClearText([SECRET], [join(kept, "state"), join(kept, "github")], texts)).toEqual([]);
  });

  const published = async (version: string) => {
    await using world = await openWorld(clone.path);
    return JSON.parse(JSON.stringify(await world.published(version)));
  };
  const allIssues = async () => {
    await using world = await openWorld(clone.path);
    return structuredClone(world.tamper.repository(REPOSITORY).issues);
  };
  const comments = async () => (await allIssues()).find(({ title }) => title === PULL_REQUEST.title)?.comments ?? [];
  const issues = async () => (await allIssues()).filter(({ title }) => title !== PULL_REQUEST.title);
});

function withoutLastStep(text: string): string {
  const workflow = parse(text);
  workflow.jobs.release.steps.pop();
  return stringify(workflow);
}
