import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { OTHER_COMMIT, registryWrites } from "../resources/services.ts";
import {
  checkout,
  files,
  log,
  outputs,
  published,
  type Row,
  refusal,
  type Services,
  script,
  startServices,
  type World,
} from "./world.ts";

type Full = World & Services;

const GO =
  "go is not on the PATH, and this run has to build: install Go (https://go.dev/dl/), or add its bin directory to PATH";
const GIT = "git is not on the PATH, and sources come from git objects: install git, or add its directory to PATH";
const BUILDX =
  "neither buildx nor docker is on the PATH, and this run has to build an image: install Docker with buildx, or use `npm start`, which brings its own";
const START = "start it with `docker buildx inspect --bootstrap` or name another: pulumi config set builder NAME";
const DIRECTORY = "it must be a directory that this user may write to, on a disk with space left";
const SOURCE = "pulumi config set source DIR";
const HELPER = "Correct credHelpers/credsStore, or log in again";
const ENTRYPOINT =
  'it must be ENTRYPOINT ["/program"], an absolute path in exec form, so that the binary in the image can be compared';

let world: Full;
beforeEach(async () => {
  world = await startServices();
});

const without =
  (...names: string[]) =>
  async () => {
    await checkout(world);
    await Promise.all(names.map((name) => rm(join(world.tools, name))));
  };
const builder = (text: string, name?: string) => async () => {
  await checkout(world);
  Object.assign(world.settings, name === undefined ? {} : { builder: name });
  await script(world, "buildx", text);
};
const occupied =
  (...names: string[]) =>
  async () => {
    await checkout(world);
    await Promise.all(names.map((name) => writeFile(name, "")));
  };
const docker = (text: string) => async () => {
  delete world.settings.registryUser;
  delete world.settings.registryPassword;
  vi.stubEnv("DOCKER_CONFIG", ".");
  await writeFile("config.json", text);
};

const MACHINE: Row<Full>[] = [
  ["no Go", without("go"), GO],
  ["no git", without("git"), GIT],
  ["no buildx", without("buildx"), BUILDX],
  ["none of them", without("go", "git", "buildx"), BUILDX, GO, GIT],
  [
    "a builder that is down",
    builder("echo 'ERROR: no builder \"x\" found' >&2; exit 1", "x"),
    'builder "x" failed (buildx inspect):',
    'ERROR: no builder "x" found',
  ],
  [
    "a builder that is down, and clears the screen",
    builder("printf '\\033[2Jgone\\342\\200\\256' >&2; exit 1"),
    "builder (buildx default) failed (buildx inspect):",
    "\\u{1b}[2Jgone\\u{202e}",
  ],
  [
    "a builder that does not say what it is",
    builder("echo hello"),
    `builder (buildx default) runs no BuildKit that says its version; ${START}`,
  ],
  [
    "a builder of two kinds",
    builder("printf 'BuildKit version: v0.31.1\\nBuildKit version: v0.30.0\\n'"),
    `builder (buildx default) runs different BuildKit versions: v0.31.1, v0.30.0; ${START}`,
  ],
  ["a file in the place of .artifacts", occupied(".artifacts"), `.artifacts cannot be written (ENOTDIR): ${DIRECTORY}`],
  [
    "files in the place of .build and of the context, and no Go",
    async () => {
      await occupied(".build", "docker-context")();
      await rm(join(world.tools, "go"));
    },
    GO,
    `.build cannot be written (ENOTDIR): ${DIRECTORY}`,
    `docker-context cannot be written (ENOTDIR): ${DIRECTORY}`,
  ],
  [
    "a place for temporary files that is none",
    async () => {
      await checkout(world);
      vi.stubEnv("TMPDIR", "/dev/null");
    },
    `/dev/null cannot be written (ENOTDIR): ${DIRECTORY}`,
  ],
  [
    "a file in the place of Go's cache",
    async () => {
      await occupied("cache")();
      vi.stubEnv("GOCACHE", join(process.cwd(), "cache"));
    },
    `PROJECT/cache cannot be written (ENOTDIR): ${DIRECTORY}`,
  ],
  [
    "a configuration of Docker that is cut",
    docker('{"auths": '),
    'Docker\'s configuration "config.json" cannot be read as such: correct the file, or set DOCKER_CONFIG',
  ],
  [
    "a configuration of Docker that is a directory",
    async () => {
      await docker("")();
      await rm("config.json");
      await mkdir("config.json");
    },
    'Docker\'s configuration "config.json" cannot be read as such (EISDIR): correct the file, or set DOCKER_CONFIG',
  ],
  [
    "a credential helper with a path for a name",
    docker('{"credsStore":"../../bin/sh"}'),
    `docker-credential-../../bin/sh, named in "config.json", gives no credentials for REGISTRY: that is no name of a helper. ${HELPER}`,
  ],
  [
    "a credential helper of 1 MB",
    docker(JSON.stringify({ credsStore: "a".repeat(1_000_000) })),
    `"docker-credential-${"a".repeat(232)}"… (1000018 characters), named in "config.json", gives no credentials for REGISTRY: that is no name of a helper. ${HELPER}`,
  ],
  [
    "a credential helper that is not there",
    docker('{"credsStore":"nowhere"}'),
    `docker-credential-nowhere, named in "config.json", gives no credentials for REGISTRY: it is not on the PATH. ${HELPER}`,
  ],
  [
    "a credential helper that answers something else",
    async () => {
      await docker('{"credsStore":"x"}')();
      await script(world, "docker-credential-x", "echo '{\"Username\":1}'");
    },
    `docker-credential-x, named in "config.json", gives no credentials for REGISTRY: its answer has no Username and Secret. ${HELPER}`,
  ],
  [
    "a login of Docker without a password",
    () => docker(JSON.stringify({ auths: { [world.registry.host]: { auth: btoa("octo") } } }))(),
    'the entry "REGISTRY" in "config.json" has no user name and password in it: run "docker login REGISTRY" again',
  ],
  [
    "certificates that are none",
    async () => {
      await writeFile("ca.pem", "hello");
      vi.stubEnv("SSL_CERT_FILE", "ca.pem");
    },
    'the CA file "ca.pem" (SSL_CERT_FILE) cannot be used: it holds no certificate. Let it name a PEM file with certificates, or unset it.',
  ],
];

const FILES: Row<Full>[] = [
  [
    "no checkout",
    () => Object.assign(world.settings, { version: "1.0.0", source: "." }),
    `PROJECT is in no git checkout, and a release is made from a commit: clone the repository, or name the Go module's directory: ${SOURCE}`,
  ],
  [
    "a directory that is not there",
    async () => {
      await checkout(world);
      world.settings.source = "../ap";
    },
    `ABOVE/ap is no directory that can be entered: name the Go module's directory: ${SOURCE}`,
  ],
  [
    "a directory that looks like another",
    async () => {
      await checkout(world);
      world.settings.source = "арр";
    },
    `"PROJECT/\\u{430}\\u{440}\\u{440}" is no directory that can be entered: name the Go module's directory: ${SOURCE}`,
  ],
  [
    "a shallow clone whose Dockerfile starts nothing",
    async () => {
      await checkout(world, { "Dockerfile.release": "FROM scratch\n" });
      await writeFile(".git/shallow", await readFile(".git/refs/heads/main"));
    },
    `Dockerfile.release has no ENTRYPOINT; ${ENTRYPOINT}`,
    "PROJECT is a shallow clone, and the release notes need the whole history: run `git fetch --unshallow --tags` (in GitHub Actions: actions/checkout with fetch-depth: 0)",
  ],
  [
    "a commit that is not there",
    async () => {
      await checkout(world);
      world.settings.commit = OTHER_COMMIT;
    },
    `"${OTHER_COMMIT}" is no commit in PROJECT/app: fetch it with \`git fetch --tags --unshallow\`, or name another: pulumi config set commit COMMIT`,
  ],
  [
    "a commit without a module, and no builder",
    async () => {
      await checkout(world, { "app/go.mod": undefined, "app/main.go": "package main\n" });
      await rm(join(world.tools, "buildx"));
    },
    BUILDX,
    `commit HEAD has no app/go.mod: commit it, or name the Go module's directory: ${SOURCE}`,
  ],
  [
    "a Dockerfile that starts a shell",
    () => checkout(world, { "Dockerfile.release": "FROM scratch\nENTRYPOINT /x $(id)\u202e\n" }),
    `Dockerfile.release has the ENTRYPOINT "/x $(id)\\u{202e}"; ${ENTRYPOINT}`,
  ],
  [
    "a Dockerfile with an entry point of 1 MB",
    () => checkout(world, { "Dockerfile.release": `ENTRYPOINT ${"a".repeat(1_000_000)}\n` }),
    `Dockerfile.release has the ENTRYPOINT "${"a".repeat(80)}"… (1000000 characters); ${ENTRYPOINT}`,
  ],
  [
    "no Dockerfile anywhere",
    () => checkout(world, { "Dockerfile.release": undefined }),
    "neither commit HEAD nor this project has a Dockerfile.release that can be read: write one that starts the binary, and commit it",
  ],
  [
    "a pushed tag that nobody fetched",
    async () => {
      await checkout(world);
      delete world.settings.version;
      vi.stubEnv("PULUMI_CI_TAG_NAME", "v1.0.0");
    },
    '"v1.0.0" is no commit in PROJECT/app: fetch it with `git fetch --tags --unshallow`, or name another: pulumi config set commit COMMIT',
  ],
  [
    "a tag that is at another commit on GitHub",
    async () => {
      const { git } = await checkout(world);
      vi.stubEnv("PULUMI_CI_TAG_NAME", "v1.0.0");
      await git("tag", "v1.0.0");
      world.github.inspect.setTag(world.github.repository, "v1.0.0", OTHER_COMMIT);
    },
    `tag v1.0.0 on GitHub is at ${OTHER_COMMIT}, and here HEAD is asked for; a version tag never moves. Fetch the tags, or release the next version.`,
  ],
  [
    "a module that asks for a Go of the future",
    async () => {
      await checkout(world, { "app/go.mod": "module x\n\ngo 1.26\n\ntoolchain go1.99.0\n" });
      vi.stubEnv("GOPROXY", "off");
    },
    "go.mod of commit HEAD asks for go1.99.0, which is neither here nor to be had (go env failed (env GOVERSION): go: downloading go1.99.0 (linux/amd64) go: download go1.99.0 for linux/amd64: toolchain not available): install it, or pin another one in go.mod",
  ],
];

describe.each([
  ["the machine", MACHINE],
  ["the files", FILES],
] as const)("%s", (_kind, rows) => {
  for (const [name, arrange, ...lines] of rows) {
    test(name, async () => {
      await arrange(world);
      expect((await refusal(world)).split("\n")).toEqual(lines);
    });
  }
});

test("a machine that cannot build declares what is published, and needs git, Go and a builder for nothing", async () => {
  await published(world);
  await Promise.all(["go", "git", "buildx"].map((name) => rm(join(world.tools, name))));
  world.github.history.length = 0;
  expect(await outputs(world)).toMatchObject({ version: "1.0.0" });
  expect([...world.github.writes(), ...registryWrites(world.registry), ...(await log(world))]).toEqual([]);
});

// R10: such a tag makes no release, and that is no failure.
describe("a pushed tag that makes no release", () => {
  const HUGE = "a".repeat(1_000_000);
  const FORM =
    "a version is MAJOR.MINOR.PATCH[-prerelease] in numbers without leading zeros, as in 1.2.3 or 1.2.0-rc.1";
  test.each([
    ["v1.0.0;$(touch$IFS$9pwned)", '"v1.0.0;$(touch$IFS$9pwned)"', FORM],
    ["v1.0.0/../../x", '"v1.0.0/../../x"', FORM],
    ["-v1.0.0", '"-v1.0.0"', "a version tag starts with v, as in v1.2.3"],
    ["v1.0.0\nv2.0.0", String.raw`"v1.0.0\nv2.0.0"`, FORM],
    ["v１.0.0", String.raw`"v\u{ff11}.0.0"`, FORM],
    ["v1.0.0\u202e", String.raw`"v1.0.0\u{202e}"`, FORM],
    ["v1.0.0+x", '"v1.0.0+x"', "build metadata (+) cannot be released, because a registry tag cannot carry it"],
    [
      `v1.0.0-${HUGE}`,
      `"v1.0.0-${"a".repeat(73)}"… (1000007 characters)`,
      "a version has at most 127 characters, because a registry tag has at most 128",
    ],
  ])("%#: %.20s", async (tag, shown, why) => {
    vi.stubEnv("PULUMI_CI_TAG_NAME", tag);
    expect(await outputs(world)).toEqual({ release: null, reason: `tag ${shown} makes no release: ${why}` });
    expect([
      ...world.github.writes(),
      ...registryWrites(world.registry),
      ...(await log(world)),
      ...(await files()),
    ]).toEqual([]);
  });
});
