import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSettings, type RawSettings } from "../../src/model/configuration.ts";
import { SETTINGS } from "../../src/model/setting.ts";

type Given = Readonly<Record<string, string>>;

const REPOSITORY = "octo-example/mount-monitor";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const SECRET = "s3cr3t-value";
const HUGE = "a".repeat(1_000_000);

/** Settings by key, with a valid repository unless another one is given; every secret is encrypted. */
function parse(given: Given, environment: RawSettings["environment"] = {}, secretKeys?: readonly string[]) {
  const config = Object.fromEntries(
    Object.entries({ repository: REPOSITORY, ...given }).map(([key, value]) => [`mount-monitor:${key}`, value]),
  );
  return parseSettings({ config, environment, secretKeys: secretKeys ?? Object.keys(config) });
}

function problems(...asked: Parameters<typeof parse>): readonly string[] {
  const parsed = parse(...asked);
  return parsed.ok ? [] : parsed.problems;
}

function settings(...asked: Parameters<typeof parse>) {
  const parsed = parse(...asked);
  if (!parsed.ok) {
    throw new Error(parsed.problems.join("\n"));
  }
  return parsed.settings;
}

describe("valid settings", () => {
  test("only the repository is required", () => {
    expect(settings({})).toEqual({
      repository: REPOSITORY,
      release: { kind: "none", reason: "no version tag was pushed, and the setting version is not set" },
      source: "app",
      package: "./cmd/mount-monitor",
      binaryName: "mount-monitor",
      versionVariable: "main.Version",
      verifyArgs: ["--version"],
      architectures: ["amd64", "arm64"],
      image: "ghcr.io/octo-example/mount-monitor",
      publicImage: "ghcr.io/octo-example/mount-monitor",
      githubUrl: "https://github.com",
      branch: "main",
      backend: "https://api.pulumi.com",
      repositoryParts: ["workflows", "environment", "tag-ruleset", "actions-permissions", "immutable-releases"],
      variables: {},
      secrets: {},
      withdrawn: [],
      artifactRetentionDays: 90,
    });
  });

  test("the defaults that Pulumi applies itself are the same", () => {
    const defaults = Object.fromEntries(
      SETTINGS.filter(({ key }) => key !== "repository").map((setting) => [
        setting.key,
        typeof setting.default === "object" ? JSON.stringify(setting.default) : String(setting.default),
      ]),
    );
    expect(parse(defaults, {}, [])).toEqual(parse({}));
  });

  test.each([
    ["repository", "Octo/.github.io", {}],
    ["version", "1.2.0-rc.1", { release: { kind: "version", version: "1.2.0-rc.1" } }],
    ["source", "../other module/app", { source: "../other module/app" }],
    ["source", "/srv/größe", { source: "/srv/größe" }],
    ["package", "./", { package: "./" }],
    ["package", "./cmd/a.b_c+d~e", { package: "./cmd/a.b_c+d~e" }],
    ["binaryName", "tool_2.x", { binaryName: "tool_2.x" }],
    [
      "versionVariable",
      "example.org/a-b/v2/internal/build.version",
      { versionVariable: "example.org/a-b/v2/internal/build.version" },
    ],
    ["verifyArgs", "[]", { verifyArgs: [] }],
    ["verifyArgs", '["version","--short; $(id)"]', { verifyArgs: ["version", "--short; $(id)"] }],
    ["architectures", '["riscv64","arm64","amd64"]', { architectures: ["riscv64", "arm64", "amd64"] }],
    [
      "image",
      "registry.example.org:5000/a/b",
      { image: "registry.example.org:5000/a/b", publicImage: "registry.example.org:5000/a/b" },
    ],
    ["builder", "desktop-linux", { builder: "desktop-linux" }],
    ["githubUrl", "https://github.example.org/", { githubUrl: "https://github.example.org" }],
    ["githubUrl", "http://127.0.0.1:4321", { githubUrl: "http://127.0.0.1:4321" }],
    ["branch", "release/2.x", { branch: "release/2.x" }],
    ["backend", "s3://state?region=eu-west-1", { backend: "s3://state?region=eu-west-1" }],
    ["backend", "azblob://state?storage_account=octo", { backend: "azblob://state?storage_account=octo" }],
    ["backend", "gs://state/prod", { backend: "gs://state/prod" }],
    ["organization", "octo_2-x", { organization: "octo_2-x" }],
    ["githubToken", "ghp_x", { githubToken: "ghp_x" }],
    ["repositoryParts", "[]", { repositoryParts: [] }],
    ["repositoryParts", '["tag-ruleset","environment"]', { repositoryParts: ["tag-ruleset", "environment"] }],
    [
      "variables",
      '{"LOG_LEVEL":"info","PORT":8080,"ON":true,"EMPTY":""}',
      { variables: { LOG_LEVEL: "info", PORT: "8080", ON: "true", EMPTY: "" } },
    ],
    ["secrets", '{"TOKEN":"line 1\\nline 2"}', { secrets: { TOKEN: "line 1\nline 2" } }],
    ["withdrawn", '["1.2.0","1.10.0-rc.1"]', { withdrawn: ["1.2.0", "1.10.0-rc.1"] }],
    ["artifactRetentionDays", "1", { artifactRetentionDays: 1 }],
  ])("%s: %s", (key, value, expected) => {
    if (key === "repository") {
      expect(settings({ repository: value, image: "ghcr.io/octo/site" }).repository).toBe(value);
    } else {
      expect(settings({ [key]: value })).toMatchObject(expected);
    }
  });

  test.each(["127.0.0.1:5000/octo/app", "localhost:5000/octo/app", "localhost/app", "[::1]:5000/app"])(
    "a rehearsal's %s never becomes the public name",
    (image) => {
      expect(settings({ repository: "Octo/App", image })).toMatchObject({ image, publicImage: "ghcr.io/octo/app" });
    },
  );

  test("both credentials of the registry", () => {
    expect(settings({ registryUser: "octo", registryPassword: SECRET })).toMatchObject({
      registryUser: "octo",
      registryPassword: SECRET,
    });
  });

  test("version and commit together", () => {
    expect(settings({ version: "1.2.3", commit: COMMIT }).release).toEqual({
      kind: "version",
      version: "1.2.3",
      commit: COMMIT,
    });
  });

  test("a pushed tag", () => {
    expect(settings({ version: "1.2.3" }, { PULUMI_CI_TAG_NAME: "v1.2.3" }).release).toEqual({
      kind: "tag",
      tag: "v1.2.3",
      version: "1.2.3",
    });
  });

  test("a tag that makes no release is no problem", () => {
    expect(settings({ version: "1.2.3" }, { GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.2" }).release.kind).toBe(
      "none",
    );
  });

  test("a branch with a version", () => {
    expect(settings({ version: "1.2.3" }, { GITHUB_REF_TYPE: "branch", GITHUB_REF_NAME: "main" }).release.kind).toBe(
      "version",
    );
  });

  test("other namespaces are not ours", () => {
    const config = {
      "mount-monitor:repository": REPOSITORY,
      "github:token": "x",
      "mount-monitors:x": "y",
      pulumi: "z",
    };
    expect(parseSettings({ config, environment: {} }).ok).toBe(true);
  });
});

describe("bad settings", () => {
  test.each([
    ["repository", "", "it is required"],
    ["repository", "mount-monitor", "owner/name"],
    ["repository", "https://github.com/octo/app", "owner/name"],
    ["repository", "octo/app;id", "its name"],
    ["repository", "octo/app\nx", "its name"],
    ["repository", "octo/..", "its name"],
    ["repository", "осto/app", "its owner"],
    ["repository", HUGE, "owner/name"],
    ["version", "v1.2.3", 'write "1.2.3"'],
    ["version", "1.2", "MAJOR.MINOR.PATCH"],
    ["version", "latest", "MAJOR.MINOR.PATCH"],
    ["version", "1.2.3+build", "build metadata"],
    ["version", "1.2.3\n", "MAJOR.MINOR.PATCH"],
    ["version", "1.2.3 && id", "MAJOR.MINOR.PATCH"],
    ["version", HUGE, "at most 127 characters"],
    ["commit", "HEAD", "full id"],
    ["commit", COMMIT.slice(0, 7), "full id"],
    ["commit", COMMIT.toUpperCase(), "full id"],
    ["commit", `${COMMIT}\n`, "full id"],
    ["source", "-C/tmp", 'does not start with "-"'],
    ["source", "app\nx", "hidden characters"],
    ["source", "app\0", "hidden characters"],
    ["source", HUGE, "at most 1024 characters"],
    ["source", "app') || secrets.TOKEN || ('", "none of ' "],
    ["source", `\${{ github.token }}`, "none of ' "],
    ["package", "cmd/mount-monitor", "starts with ./"],
    ["package", "./..", 'no "."'],
    ["package", "./cmd/../../x", 'no "."'],
    ["package", "./...", 'no "."'],
    ["package", "./cmd/./x", 'no "."'],
    ["package", "./cmd//x", "starts with ./"],
    ["package", "./cmd/x/", "starts with ./"],
    ["package", "./cmd x", "starts with ./"],
    ["package", "./$(id)", "starts with ./"],
    ["package", `./${"a/".repeat(300_000)}`, "starts with ./"],
    ["binaryName", "../x", "letters and digits"],
    ["binaryName", "a/b", "letters and digits"],
    ["binaryName", "a`id`", "letters and digits"],
    ["binaryName", "a..b", "letters and digits"],
    ["binaryName", "-a", "letters and digits"],
    ["binaryName", "ａ", "letters and digits"],
    ["binaryName", HUGE, "at most 64"],
    ["versionVariable", "Version", "import path and its name"],
    ["versionVariable", "main.Version=1", "import path and its name"],
    ["versionVariable", "main.Version -X main.x", "import path and its name"],
    ["versionVariable", "../main.Version", "import path and its name"],
    ["versionVariable", "main.1", "import path and its name"],
    ["versionVariable", HUGE, "import path and its name"],
    ["verifyArgs", "--version", "it must be a list"],
    ["verifyArgs", "[", "it must be a list"],
    ["verifyArgs", '{"a":"b"}', "it must be a list"],
    ["verifyArgs", "null", "it must be a list"],
    ["verifyArgs", "[1]", "every argument must be a text"],
    ["verifyArgs", '["a\\u0000b"]', "NUL"],
    ["verifyArgs", JSON.stringify(Array(17).fill("x")), "at most 16"],
    ["architectures", '["amd64"]', "arm64 is missing"],
    ["architectures", "[]", "amd64 is missing"],
    ["architectures", '["amd64","arm64","amd64"]', "there twice"],
    ["architectures", '["amd64","arm64","x86_64"]', "an architecture is one of"],
    ["architectures", '["amd64","arm64",64]', "every architecture must be a text"],
    ["architectures", "amd64,arm64", "it must be a list"],
    ["withdrawn", "1.2.0", "it must be a list"],
    ["withdrawn", "[1.2]", "it must be a text"],
    ["withdrawn", '["v1.2.0"]', 'write "1.2.0"'],
    ["withdrawn", '["1.2.0+build"]', "build metadata"],
    ["withdrawn", '["1.2.0","1.2.0"]', "there twice"],
    ["withdrawn", JSON.stringify([HUGE]), "at most 127 characters"],
    ["withdrawn", JSON.stringify(Array.from({ length: 1001 }, (_, index) => `1.0.${index}`)), "at most 1000"],
    ["image", "octo/app", "names no registry"],
    ["image", "ghcr.io/Octo/app", "lower-case"],
    ["image", "ghcr.io/octo/app:v1", "no tag or digest"],
    ["image", `ghcr.io/octo/app@sha256:${"a".repeat(64)}`, "no tag or digest"],
    ["image", "https://ghcr.io/octo/app", "registry is not host"],
    ["image", "ghcr.io/octo/../app", "lower-case"],
    ["image", "ghcr.io/осto/app", "lower-case"],
    ["image", `ghcr.io/${HUGE}`, "more than 255"],
    ["builder", "-x", "a builder's name"],
    ["builder", "a b", "a builder's name"],
    ["builder", "a;id", "a builder's name"],
    ["githubUrl", "github.com", "an address"],
    ["githubUrl", "ftp://github.com", "an address"],
    ["githubUrl", "javascript:alert(1)", "an address"],
    ["githubUrl", "https://github.com\n", "an address"],
    ["githubUrl", "http://github.com", "only https"],
    ["githubUrl", "http://127.0.0.1.evil.org", "only https"],
    ["githubUrl", "http://localhost@evil.org", "credentials do not belong"],
    ["githubUrl", "https://api.github.com", "web site alone"],
    ["githubUrl", "https://github.com/octo", "web site alone"],
    ["githubUrl", "https://github.com?x=1", "web site alone"],
    ["branch", "a..b", "a branch's name"],
    ["branch", "main*", "a branch's name"],
    ["branch", "-x", "a branch's name"],
    ["branch", "main\n", "a branch's name"],
    ["backend", "file:///state", "Pulumi Cloud"],
    ["backend", "s3://", "Pulumi Cloud"],
    ["backend", "api.pulumi.com", "Pulumi Cloud"],
    ["backend", "s3://state$(id)", "Pulumi Cloud"],
    ["backend", "https://me:secret@api.pulumi.com", "credentials do not belong"],
    ["organization", "octo/prod", "an organization"],
    ["githubToken", "two words", "printable characters"],
    ["githubToken", `${SECRET}\n`, "printable characters"],
    ["registryPassword", `${SECRET}\r\n`, "control characters"],
    ["repositoryParts", '"workflows"', "a list"],
    ["repositoryParts", '["workflow"]', "a part is one of workflows, environment, tag-ruleset"],
    ["repositoryParts", "[1]", "a part is one of"],
    ["repositoryParts", '["environment","environment"]', "a part is there twice"],
    ["variables", "[]", "a map of names and values"],
    ["variables", '{"A":{"b":"c"}}', "a value must be a text"],
    ["variables", '{"A":null}', "a value must be a text"],
    ["variables", '{"GITHUB_TOKEN":"x"}', "not with GITHUB_"],
    ["variables", '{"1A":"x"}', "starts with no digit"],
    ["variables", '{"a-b":"x"}', "capital letters"],
    ["variables", '{"lower":"x"}', "capital letters"],
    ["variables", '{"":"x"}', "capital letters"],
    ["variables", '{"__proto__":"x"}', "a map of names and values"],
    ["variables", JSON.stringify({ A: "ü".repeat(24 * 1024 + 1) }), "at most 48 KB"],
    [
      "variables",
      JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, index) => [`A${index}`, ""]))),
      "at most 500",
    ],
    [
      "secrets",
      JSON.stringify(Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`A${index}`, SECRET]))),
      "at most 100",
    ],
    ["secrets", `{"GITHUB_X":"${SECRET}"}`, "not with GITHUB_"],
    ["secrets", `{"A":["${SECRET}"]}`, "a value must be a text"],
    ["secrets", SECRET, "a map of names and values"],
    ["artifactRetentionDays", "0", "at least 1 day"],
    ["artifactRetentionDays", "-1", "at least 1 day"],
    ["artifactRetentionDays", "3651", "at most 3650 days"],
    ["artifactRetentionDays", "1.5", "a whole number"],
    ["artifactRetentionDays", "90 days", "a whole number"],
    ["artifactRetentionDays", "1e3", "a whole number"],
    ["artifactRetentionDays", "99999999999999999999", "a whole number"],
  ])("%s, case %#: refused", (key, value, problem) => {
    const found = problems({ [key]: value, ...(key === "registryPassword" ? { registryUser: "octo" } : {}) });
    const line = found.find((candidate) => candidate.includes(problem)) ?? "";
    expect(found.length > 0 && found.every((candidate) => candidate.startsWith(`mount-monitor:${key}`))).toBe(true);
    expect(line).toContain(problem);
    expect(line).toMatch(new RegExp(` Run: pulumi config (set|rm) .*mount-monitor:${key}`));
    expect(line).not.toContain(SECRET);
    expect(line).not.toMatch(/[^ -~…]/);
    expect(line.length).toBeLessThan(700);
  });

  test("a line names the setting, quotes the value and gives the command", () => {
    expect(problems({ version: "v1.2.3" })).toEqual([
      'mount-monitor:version is "v1.2.3": a version has no leading v, write "1.2.3". Run: pulumi config set mount-monitor:version 1.2.3',
    ]);
  });

  test("all problems at once, also those between settings", () => {
    const found = problems(
      {
        repository: "x",
        version: "1.0.0",
        repo: "y",
        registryUser: "octo",
        artifactRetentionDays: "z",
        architectures: "[]",
      },
      { PULUMI_CI_TAG_NAME: "v2.0.0" },
    );
    expect(found.map((line) => line.split(/ is | belongs/)[0])).toEqual([
      "mount-monitor:repo",
      "mount-monitor:artifactRetentionDays",
      "mount-monitor:repository",
      "mount-monitor:architectures",
      "mount-monitor:architectures",
      "mount-monitor:version",
      "mount-monitor:registryPassword",
    ]);
  });

  test("a look-alike is shown as what it is", () => {
    expect(problems({ repository: "осto/app" })[0]).toContain('is "\\u{43e}\\u{441}to/app"');
  });

  test("a tag that says another version", () => {
    expect(problems({ version: "1.2.3" }, { PULUMI_CI_TAG_NAME: "v1.2.4" })).toEqual([
      'mount-monitor:version is "1.2.3", and the tag that was pushed is "v1.2.4": both must name one release. ' +
        "Run: pulumi config set mount-monitor:version 1.2.4, or push the tag v1.2.3",
    ]);
  });

  test("two tags", () => {
    expect(problems({}, { PULUMI_CI_TAG_NAME: "v1.0.0", GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: "v1.0.1" })).toEqual([
      'PULUMI_CI_TAG_NAME is "v1.0.0" and GITHUB_REF_NAME is "v1.0.1": an update releases one tag. Unset one of them',
    ]);
  });

  test.each([
    [
      "registryUser",
      { registryUser: "octo" },
      "registryPassword is not set, and belongs",
      "--secret mount-monitor:registryPassword",
    ],
    [
      "registryPassword",
      { registryPassword: SECRET },
      "registryUser is not set, and belongs",
      "mount-monitor:registryUser NAME",
    ],
  ])("%s alone", (_key, given, problem, command) => {
    const found = problems(given as Given);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(problem);
    expect(found[0]).toContain(command);
  });

  test("secrets without the environment that holds them, together with everything else", () => {
    const given = { repositoryParts: '["workflows"]', secrets: `{"TOKEN":"${SECRET}"}`, source: "" };
    const homeless = expect.stringContaining('mount-monitor:repositoryParts leaves out "environment"');
    expect(problems(given)).toEqual([homeless]);
    expect(problems({ ...given, artifactRetentionDays: "-1" })).toEqual([
      expect.stringContaining("mount-monitor:artifactRetentionDays"),
      homeless,
    ]);
    expect(problems({ ...given, secrets: "{}" })).toEqual([]);
    expect(problems({ secrets: given.secrets })).toEqual([]);
  });

  test("a repository whose name is no image", () => {
    expect(problems({ repository: "octo/.github" })).toEqual([
      'mount-monitor:image is not set, and "ghcr.io/octo/.github", which follows from the repository, is no image reference. ' +
        "Run: pulumi config set mount-monitor:image ghcr.io/owner/name",
    ]);
  });

  test.each([
    ["githubToken", { githubToken: SECRET }],
    ["registryPassword", { registryUser: "octo", registryPassword: SECRET }],
    ["secrets", { secrets: `{"TOKEN":"${SECRET}"}` }],
  ])("%s in clear text", (key, given) => {
    const found = problems(given as Given, {}, []);
    expect(found).toEqual([expect.stringContaining(`mount-monitor:${key} (secret): it is stored in clear text`)]);
    expect(found[0]).not.toContain(SECRET);
  });

  test.each([
    ["repositry", "did you mean mount-monitor:repository?"],
    ["githubURL", "did you mean mount-monitor:githubUrl?"],
    ["somethingElse", "is not a setting. Run: pulumi config rm mount-monitor:somethingElse"],
    ["$(id)", 'pulumi config rm "mount-monitor:$(id)"'],
  ])("unknown key %s", (key, problem) => {
    expect(problems({ [key]: "x" })).toEqual([expect.stringContaining(problem)]);
  });

  test("a token in the wrong setting is not repeated", () => {
    for (const value of ["ghp_abcdefghijklmnop", "github_pat_11AAAA_bbbb", "https://octo:hunter2@github.com/x"]) {
      expect(problems({ repository: value }).join()).not.toMatch(/abcdefgh|11AAAA|hunter2/);
    }
  });

  test("no value makes it throw, and none of a secret is shown", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.constantFrom("null", "[null]", '{"a":[]}', "1", "true"),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...SETTINGS.map(({ key }) => key)), value), (given) => {
        const found = problems(given);
        expect(found.every((line) => line.length > 0 && !line.includes("\n"))).toBe(true);
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom("githubToken", "registryPassword", "secrets"),
        fc.string({ minLength: 1 }),
        (key, noise) => {
          const secret = `${SECRET}${noise}${SECRET}`;
          const text = key === "secrets" ? JSON.stringify({ a: secret, B: [secret] }) : secret;
          expect(problems({ [key]: text }, {}, []).join("\n")).not.toContain(SECRET);
        },
      ),
    );
  });
});
