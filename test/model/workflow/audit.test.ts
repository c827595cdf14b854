// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflows have expressions of their own
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { audit, RULES, type RuleName } from "../../../src/model/workflow/audit.ts";

const SHA = "3d3c42e5aac5ba805825da76410c181273ba90b1";
// A workflow that no rule speaks of; every bad example differs from it in one thing.
const GOOD = `
name: release
on: { push: { tags: ["v*"] } }
permissions: {}
concurrency:
  group: stack-prod
  cancel-in-progress: false
  queue: max
jobs:
  release:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    environment: release
    permissions: { contents: write }
    steps:
      - name: Check out
        uses: actions/checkout@${SHA} # v7.0.1
        with: { persist-credentials: false }
      - name: Build
        run: make "$TAG"
        env: { TAG: "\${{ github.ref_name }}", TOKEN: "\${{ secrets.TOKEN }}" }
`;

const PULL_REQUEST = GOOD.replace('push: { tags: ["v*"] }', "pull_request: {}")
  .replace("environment: release", "if: github.event_name == 'pull_request'")
  .replace("contents: write", "contents: read")
  .replace(/TOKEN: .*\}\}" \}/, "OTHER: x }");

const step = (text: string) => `${GOOD}      ${text.replaceAll("\n", "\n      ")}\n`;
const withJob = (text: string) => GOOD.replace("environment: release", `environment: release\n    ${text}`);
const withUses = (uses: string, rest = "") => step(`- name: Extra\n  uses: ${uses}@${SHA} # v1.2.3${rest}`);

const BAD: Readonly<Record<RuleName, readonly (readonly [what: string, text: string])[]>> = {
  "unpinned-uses": [
    ["a tag", GOOD.replace(`@${SHA} # v7.0.1`, "@v7")],
    ["a short commit", GOOD.replace(SHA, SHA.slice(0, 7))],
    ["a commit without its version", GOOD.replace(" # v7.0.1", "")],
    ["an image by its tag", GOOD.replace(/actions\/checkout@.*/, "docker://alpine:3")],
    [
      "a reusable workflow by its branch",
      `${GOOD}  other:\n    uses: octo/repo/.github/workflows/x.yml@main\n    permissions: {}\n    runs-on: ubuntu-24.04\n    timeout-minutes: 1\n`,
    ],
  ],
  "forbidden-uses": [
    ["a misspelt one", GOOD.replace("actions/checkout", "action/checkout")],
    ["another commit than the one that was looked at", GOOD.replace(SHA, "0".repeat(40))],
    ["a version that its commit does not have", GOOD.replace("# v7.0.1", "# v7.0.2")],
  ],
  "self-repository": [["what lies in the checkout", step("- uses: ./action")]],
  "unpinned-images": [
    ["a job in a tag", withJob("container: node:24")],
    ["a service", withJob("services: { db: { image: postgres } }")],
  ],
  "hardcoded-container-credentials": [
    [
      "a password",
      withJob(`container: { image: "x@sha256:${"0".repeat(64)}", credentials: { username: me, password: hackme } }`),
    ],
  ],
  "adhoc-packages": [
    ["the newest of a package", step("- run: npm install --global left-pad")],
    ["a tool", step("- run: go install example.com/tool@latest")],
    ["a script from elsewhere", step("- run: curl -sSfL https://example.com/install.sh | sh")],
  ],
  "excessive-permissions": [
    ["rights for all jobs", GOOD.replace("permissions: {}", "permissions: { contents: read }")],
    ["the token's default rights", GOOD.replace("permissions: {}\n", "")],
    ["write-all", GOOD.replace("permissions: { contents: write }", "permissions: write-all")],
    ["a job that does not say", GOOD.replace("permissions: { contents: write }", "name: x")],
    ["a right that nothing uses", GOOD.replace("{ contents: write }", "{ contents: write, issues: write }")],
    ["a job that may write but does not release", PULL_REQUEST.replace("contents: read", "contents: write")],
    ["OpenID Connect without a log-in", GOOD.replace("{ contents: write }", "{ id-token: write }")],
  ],
  "template-injection": [
    ["a title in a script", step('- run: echo "${{ github.event.pull_request.title }}"')],
    ["an input over lines", step("- run: |\n    make ${{\n      inputs.tag }}")],
    [
      "a script for an action",
      withUses("actions/github-script", "\n  with: { script: 'console.log(\"${{ github.head_ref }}\")' }"),
    ],
  ],
  "dangerous-triggers": [
    ["pull_request_target", PULL_REQUEST.replace("pull_request: {}", "pull_request_target: {}")],
    ["workflow_run", PULL_REQUEST.replace("{ pull_request: {} }", "[workflow_run]")],
    ["issue_comment", PULL_REQUEST.replace("{ pull_request: {} }", "issue_comment")],
  ],
  artipacked: [
    ["a checkout that keeps the token", GOOD.replace("{ persist-credentials: false }", "{ fetch-depth: 0 }")],
    ["a checkout that asks for it", GOOD.replace("persist-credentials: false", "persist-credentials: true")],
  ],
  "credentials-in-artifact": [
    ["an upload from a job with a secret", withUses("actions/upload-artifact", "\n  with: { path: . }")],
  ],
  "cache-poisoning": [
    ["a cache of the release's own", withUses("actions/cache")],
    ["one of a language", withUses("actions/setup-go")],
    ["one of npm", withUses("actions/setup-node", "\n  with: { cache: npm }")],
    ["one that a pull request saves", `${PULL_REQUEST}      - uses: actions/cache/save@${SHA} # v5.0.5\n`],
    [
      "one for pushes, where every tag and branch is one",
      `${PULL_REQUEST.replace("if: github.event_name == 'pull_request'", "if: github.event_name == 'push'").replace("pull_request: {}", "pull_request: {}, push: {}")}      - uses: actions/cache/save@${SHA} # v5.0.5\n`,
    ],
  ],
  "secrets-outside-env": [
    [
      "a job without the environment",
      GOOD.replace("environment: release", "environment: production").replace("contents: write", "contents: read"),
    ],
    ["a step of another job", `${PULL_REQUEST}      - run: make\n        env: { X: "\${{ secrets.TOKEN }}" }\n`],
    [
      "a job that hands on all of them",
      `${GOOD}  other:\n    secrets: inherit\n    permissions: {}\n    runs-on: ubuntu-24.04\n    timeout-minutes: 1\n`,
    ],
  ],
  "overprovisioned-secrets": [
    ["all of them", step("- run: make\n  env: { ALL: '${{ toJSON(secrets) }}' }")],
    ["one that is not named", step("- run: make\n  env: { X: '${{ secrets[inputs.tag] }}' }")],
  ],
  "unredacted-secrets": [["a part of one", step("- run: make\n  env: { X: '${{ fromJSON(secrets.KEYS).one }}' }")]],
  "overprovisioned-token": [
    [
      "the token for a whole job",
      GOOD.replace("environment: release", 'environment: release\n    env: { T: "${{ github.token }}" }'),
    ],
    [
      "the token for a whole workflow",
      GOOD.replace("permissions: {}", 'permissions: {}\nenv: { T: "${{ github.token }}" }'),
    ],
  ],
  "github-env": [["a value for later steps", step('- run: echo "TITLE=$TITLE" >> "$GITHUB_ENV"')]],
  "insecure-commands": [
    ["what GitHub has given up", step("- run: make\n  env: { ACTIONS_ALLOW_UNSECURE_COMMANDS: true }")],
  ],
  misfeature: [
    ["another shell", step("- run: make\n  shell: cmd")],
    ["one for all steps", GOOD.replace("jobs:", "defaults: { run: { shell: 'perl {0}' } }\njobs:")],
    ["one for a job", withJob("defaults: { run: { shell: cmd } }")],
  ],
  obfuscation: [
    ["a path with detours", withUses("actions/cache/../checkout", "\n  with: { persist-credentials: false }")],
    ["an expression that says nothing", step("- run: make\n  env: { X: '${{ fromJSON(toJSON(inputs.tag)) }}' }")],
    ["a text in pieces", step("- run: make\n  env: { X: \"${{ format('{0}', 'x') }}\" }")],
  ],
  "bot-conditions": [["whoever was active last", step("- run: make\n  if: github.actor == 'dependabot[bot]'")]],
  "unsound-contains": [
    ["parts of a name", step("- run: make\n  if: contains('refs/heads/main refs/heads/dev', github.ref)")],
  ],
  "unsound-ternary": [["nothing as the value", step("- run: make\n  env: { X: \"${{ inputs.tag && '' || 'x' }}\" }")]],
  "concurrency-limits": [["no group", PULL_REQUEST.replace(/concurrency:[\s\S]*max\n/, "")]],
  "anonymous-definition": [["no name", GOOD.replace("name: release\n", "")]],
  "lost-release": [
    ["no group", GOOD.replace(/concurrency:[\s\S]*max\n/, "")],
    ["GitHub's default, which keeps one that waits", GOOD.replace("  queue: max\n", "")],
    ["a group that cancels", GOOD.replace("cancel-in-progress: false", "cancel-in-progress: true")],
  ],
  "missing-timeout": [["a job that may run for six hours", GOOD.replace("    timeout-minutes: 10\n", "")]],
  "unpinned-runner": [
    ["whatever is the latest", GOOD.replace("ubuntu-24.04", "ubuntu-latest")],
    ["a machine of one's own", GOOD.replace("ubuntu-24.04", "self-hosted")],
  ],
  "unsound-condition": [["a condition that is a text", step("- run: make\n  if: |\n    ${{ github.ref == 'me' }}")]],
};

describe("audits", () => {
  test("the examples differ from one that nothing is said of", () => {
    expect(audit(GOOD)).toEqual([]);
    expect(audit(PULL_REQUEST)).toEqual([]);
  });

  test.each(
    Object.entries(BAD).flatMap(([rule, examples]) => examples.map(([what, text]) => [rule, what, text] as const)),
  )("%s: %s", (rule, _, text) => {
    const found = new Set(audit(text).map((finding) => finding.rule));
    // An example may need an action that no workflow here may use.
    if (rule !== "forbidden-uses") found.delete("forbidden-uses");
    expect([...found]).toEqual([rule]);
  });

  test("every rule has an example", () => {
    expect(Object.keys(BAD)).toEqual(Object.keys(RULES));
  });

  test("what is no workflow is refused", () => {
    expect(() => audit("a: [")).toThrow("no YAML");
    expect(() => audit("name: x")).toThrow();
  });

  const files = async () => (await readdir(".github/workflows")).map((name) => `.github/workflows/${name}`);

  test("find nothing in this repository's workflows", async () => {
    const found = await Promise.all(
      (await files()).map(async (file) => audit(await readFile(file, "utf8")).map((finding) => ({ file, ...finding }))),
    );
    expect(found.flat()).toEqual([]);
  });
});
