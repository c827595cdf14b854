import { beforeEach, describe, expect, test, vi } from "vitest";
import { quoted } from "../../src/model/quotation.ts";
import { NAMESPACE, SETTINGS } from "../../src/model/setting.ts";
import { type Row, refusal, SECRETS, startWorld, type World } from "./world.ts";

const HUGE = "a".repeat(1_000_000);

/** What means something to a shell, a line, a path, an option, a workflow or a reader, and what is simply too much. */
const HOSTILE = {
  shell: "$(touch$IFS$9pwned);`id`|&",
  lines: "x\nmount-monitor:version: 9.9.9",
  parent: "../../etc/passwd",
  option: "--upload-pack=touch pwned",
  expression: `\${{ secrets.TOKEN }}'"`,
  lookalike: "осto/\u202eapp",
  huge: HUGE,
} as const;
type Hostile = keyof typeof HOSTILE;

interface Text {
  readonly key: string;
  /** What goes before, so that more than the first check is reached. */
  readonly prefix?: string;
  readonly rule: string;
  readonly mend?: string;
  /** Where another rule is broken first; undefined where the value does no harm. */
  readonly but?: Partial<Record<Hostile, string | undefined>>;
}

const ADDRESS = "it must be an address such as https://github.com";
const IMAGE = 'its path has lower-case letters and digits, separated by "/", ".", "_", "__" or hyphens';
const VERSION =
  "a version is MAJOR.MINOR.PATCH[-prerelease] in numbers without leading zeros, as in 1.2.3 or 1.2.0-rc.1";
const TEXTS: readonly Text[] = [
  {
    key: "repository",
    prefix: "octo/",
    rule: 'its name has letters, digits, ".", "_" and "-", at most 100, and does not end in .git',
    mend: "repository owner/name",
    but: {
      parent: "a repository is owner/name, with one slash",
      lookalike: "a repository is owner/name, with one slash",
    },
  },
  {
    key: "version",
    prefix: "1.0.0-",
    rule: VERSION,
    mend: "version 1.2.3",
    but: { huge: "a version has at most 127 characters, because a registry tag has at most 128" },
  },
  {
    key: "commit",
    rule: "a commit is given by its full id of 40 hexadecimal digits",
    mend: 'commit "$(git rev-parse HEAD)"',
  },
  {
    key: "source",
    rule: 'a directory has no hidden characters and none of \' " ` $ * ? [ ] { } ! \\, does not start with "-", and has at most 1024 characters',
    mend: "source app",
    // It may well lie beside the project: see what is said when nothing is there.
    but: { parent: undefined },
  },
  {
    key: "package",
    prefix: "./",
    rule: 'a package is a path in the module that starts with ./ and has no ".", ".." or "..." part, with at most 1024 characters',
    mend: "package ./cmd/mount-monitor",
  },
  {
    key: "binaryName",
    rule: 'a name has letters and digits, separated by ".", "_" or "-", at most 64',
    mend: "binaryName mount-monitor",
  },
  {
    key: "versionVariable",
    prefix: "main.",
    rule: "a Go variable is given by its package's import path and its name",
    mend: "versionVariable main.Version",
  },
  {
    key: "image",
    prefix: "ghcr.io/",
    rule: IMAGE,
    mend: "image ghcr.io/owner/name",
    but: {
      huge: "its path has more than 255 characters",
    },
  },
  {
    key: "builder",
    rule: 'a builder\'s name has letters, digits, ".", "_", "+" and "-"',
    mend: "builder mount-monitor",
  },
  { key: "githubUrl", prefix: "https://", rule: ADDRESS, mend: "githubUrl https://github.com" },
  { key: "branch", rule: 'a branch\'s name has letters, digits, "_", ".", "/", "+" and "-"', mend: "branch main" },
  {
    key: "backend",
    prefix: "s3://",
    rule: "it must be an address of Pulumi Cloud such as https://api.pulumi.com, or s3://…, azblob://… or gs://…",
    mend: "backend https://api.pulumi.com",
  },
  {
    key: "organization",
    rule: 'an organization has letters, digits, "-" and "_", at most 40',
    mend: "organization NAME",
  },
  // Nothing of these goes anywhere but into a header, in Base64.
  {
    key: "registryUser",
    rule: "a user name has printable characters, and no colon",
    mend: "registryUser NAME",
    but: { shell: undefined, parent: undefined },
  },
  {
    key: "registryPassword",
    rule: "a password has no control characters or line ends",
    but: { shell: undefined, parent: undefined, option: undefined, expression: undefined, lookalike: undefined },
  },
  {
    key: "githubToken",
    rule: "a token has printable characters only, without spaces or line ends, at most 1024",
    but: { shell: undefined, parent: undefined },
  },
];

/** An element of a list, or a name of a map: where it is bad, and what mends the whole and the part. */
const PARTS = {
  architectures: [
    (value: string) => ["amd64", "arm64", value],
    "2",
    "an architecture is one of amd64, arm64, 386, ppc64le, riscv64, s390x, loong64",
    "--path 'mount-monitor:architectures[1]' arm64",
    "rm --path 'mount-monitor:architectures[2]'",
  ],
  repositoryParts: [
    (value: string) => ["environment", value],
    "1",
    "a part is one of workflows, environment, tag-ruleset, actions-permissions, immutable-releases",
    "--path 'mount-monitor:repositoryParts[0]' workflows",
    "rm --path 'mount-monitor:repositoryParts[1]'",
  ],
  withdrawn: [
    (value: string) => ["1.0.0", value],
    "1",
    VERSION,
    "--path 'mount-monitor:withdrawn[0]' 1.2.3",
    "--path 'mount-monitor:withdrawn[1]' 1.2.3",
  ],
  variables: [
    (value: string) => ({ [value]: "x" }),
    undefined,
    "a name has capital letters, digits and _, starts with no digit, and not with GITHUB_",
    "--path 'mount-monitor:variables.NAME' VALUE",
    "--path 'mount-monitor:variables.NAME' VALUE",
  ],
  secrets: [
    (value: string) => ({ [value]: "x" }),
    undefined,
    "a name has capital letters, digits and _, starts with no digit, and not with GITHUB_",
    "--secret --path 'mount-monitor:secrets.NAME'",
    "--secret --path 'mount-monitor:secrets.NAME'",
  ],
} as const;
const LIST = {
  verifyArgs: "list",
  architectures: "list",
  repositoryParts: "list",
  withdrawn: "list",
  variables: "map of names and values",
  secrets: "map of names and values",
};

let world: World;
beforeEach(async () => {
  world = await startWorld();
});

/** The settings' errors, without the line that says what they are. */
async function problems(): Promise<string[]> {
  const [head, ...lines] = (await refusal(world)).split("\n");
  expect(head).toBe("the settings of this stack are not valid:");
  return lines;
}

function line(key: string, value: string, rule: string, mend: string, part = ""): string {
  const shown = SECRETS.includes(key) ? "(secret)" : `is ${quoted(value)}`;
  return `${NAMESPACE}:${key} ${shown}${part}: ${rule}. Run: pulumi config ${mend.startsWith("rm ") ? mend : `set ${mend}`}`;
}

const names = Object.keys(HOSTILE) as Hostile[];

describe("a text", () => {
  test.each(
    TEXTS.flatMap((text) =>
      names
        .filter((name) => !(text.but && name in text.but && text.but[name] === undefined))
        .map((name) => [text.key, name, text] as const),
    ),
  )("%s: %s", async (key, name, { prefix = "", rule, but, mend = `--secret ${NAMESPACE}:${key}` }) => {
    const value = `${prefix}${HOSTILE[name]}`;
    world.settings[key] = value;
    const command = mend.startsWith("--") ? mend : `${NAMESPACE}:${mend}`;
    expect(await problems()).toEqual([line(key, value, but?.[name] ?? rule, command)]);
  });
});

describe("a list or a map", () => {
  test.each(Object.entries(LIST).flatMap(([key, what]) => names.map((name) => [key, name, what] as const)))(
    "%s as the text %s",
    async (key, name, what) => {
      world.settings[key] = HOSTILE[name];
      const mend =
        key === "verifyArgs"
          ? "--path 'mount-monitor:verifyArgs[0]' -- --version"
          : PARTS[key as keyof typeof PARTS][3];
      expect(await problems()).toEqual([line(key, HOSTILE[name], `it must be a ${what}`, mend)]);
    },
  );

  test.each((Object.keys(PARTS) as (keyof typeof PARTS)[]).flatMap((key) => names.map((name) => [key, name] as const)))(
    "%s with %s in it",
    async (key, name) => {
      const [within, index, rule, , mend] = PARTS[key];
      const value = JSON.stringify(within(HOSTILE[name]));
      world.settings[key] = value;
      const broken =
        key === "withdrawn" && name === "huge"
          ? "a version has at most 127 characters, because a registry tag has at most 128"
          : rule;
      expect(await problems()).toEqual([line(key, value, broken, mend, ` at ${quoted(index ?? HOSTILE[name])}`)]);
    },
  );
});

describe("a value of another type", () => {
  // Pulumi gives lists and maps as their JSON.
  const collections = { list: '["a","b"]', map: '{"a":"b"}', "list of 1 MB": JSON.stringify([HUGE]) };
  const texts = SETTINGS.filter(({ key, type }) => type === "string" && key !== "registryPassword");
  test.each(
    texts.flatMap(({ key, mend }) => Object.entries(collections).map(([what, value]) => [key, what, value, mend])),
  )("%s as a %s", async (key = "", _, value = "", mend = "") => {
    world.settings[key] = value;
    expect(await problems()).toEqual([line(key, value, "it must be a text", mend)]);
  });

  test.each(
    SETTINGS.flatMap(({ key, type, mend }) =>
      type === "array"
        ? [[key, '{"0":"a"}', "a list", mend]]
        : type === "object"
          ? [[key, '["a"]', "a map of names and values", mend]]
          : [],
    ),
  )("%s as %s", async (key = "", value = "", rule = "", mend = "") => {
    world.settings[key] = value;
    expect(await problems()).toEqual([line(key, value, `it must be ${rule}`, mend)]);
  });

  test.each(["true", "1.5", '["90"]', '{"days":90}'])("a number of days as %s", async (value) => {
    world.settings.artifactRetentionDays = value;
    expect(await problems()).toEqual([
      line("artifactRetentionDays", value, "it must be a whole number", "mount-monitor:artifactRetentionDays 90"),
    ]);
  });

  test("is named together with everything else", async () => {
    Object.assign(world.settings, { withdrawn: "1.0.0", builder: '["a"]', registryUser: '["octo"]', version: "v1" });
    expect(await problems()).toEqual([
      line("withdrawn", "1.0.0", "it must be a list", "--path 'mount-monitor:withdrawn[0]' 1.2.3"),
      line("builder", '["a"]', "it must be a text", "mount-monitor:builder mount-monitor"),
      line("registryUser", '["octo"]', "it must be a text", "mount-monitor:registryUser NAME"),
      line("version", "v1", "a version has no leading v", "mount-monitor:version 1.2.3"),
    ]);
  });
});

const REPOSITORY = "Run: pulumi config set mount-monitor:repository owner/name";
const GITHUB = "Run: pulumi config set mount-monitor:githubUrl https://github.com";
const IMAGE_OF = "Run: pulumi config set mount-monitor:image ghcr.io/owner/name";
const DAYS = "Run: pulumi config set mount-monitor:artifactRetentionDays 90";
const TOKEN_RULE = "a token has printable characters only, without spaces or line ends, at most 1024";
const SECOND_TAG = "an update releases one tag. Unset one of them";

const KEY = `"mount-monitor:x\\n${"a".repeat(64)}"… (1000016 characters)`;

const set = (values: Readonly<Record<string, string>>) => (world: World) => Object.assign(world.settings, values);
const without = (key: string) => (world: World) => delete world.settings[key];
const environment = (values: Readonly<Record<string, string>>) => () => {
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
};
const pushed = (pulumi: string, github: string) =>
  environment({ PULUMI_CI_TAG_NAME: pulumi, GITHUB_REF_TYPE: "tag", GITHUB_REF_NAME: github });

const ROWS: Row<World>[] = [
  ["no repository", without("repository"), `mount-monitor:repository is not set: it is required. ${REPOSITORY}`],
  [
    "a key that is none",
    set({ repositry: "x" }),
    "mount-monitor:repositry is not a setting; did you mean mount-monitor:repository? Run: pulumi config rm mount-monitor:repositry",
  ],
  [
    "a key of 1 MB with a line end",
    set({ [`x\n${HUGE}`]: "x" }),
    `${KEY} is not a setting. Run: pulumi config rm ${KEY}`,
  ],
  [
    "several at once, each in its line",
    set({ repository: "octo", version: "v1", builder: "-x", colour: "red" }),
    "mount-monitor:colour is not a setting. Run: pulumi config rm mount-monitor:colour",
    `mount-monitor:repository is "octo": a repository is owner/name, with one slash. ${REPOSITORY}`,
    `mount-monitor:version is "v1": a version has no leading v. Run: pulumi config set mount-monitor:version 1.2.3`,
    `mount-monitor:builder is "-x": a builder's name has letters, digits, ".", "_", "+" and "-". Run: pulumi config set mount-monitor:builder mount-monitor`,
  ],
  [
    "a token in clear text",
    ({ encrypted }) => encrypted.delete("githubToken"),
    "mount-monitor:githubToken (secret): it is stored in clear text, and must be encrypted. Run: pulumi config set --secret mount-monitor:githubToken",
  ],
  [
    "a user without a password",
    without("registryPassword"),
    "mount-monitor:registryPassword is not set, and belongs to the other of both. Run: pulumi config set --secret mount-monitor:registryPassword",
  ],
  [
    "a password without a user",
    without("registryUser"),
    "mount-monitor:registryUser is not set, and belongs to the other of both. Run: pulumi config set mount-monitor:registryUser NAME",
  ],
  [
    "secrets without their environment",
    set({ secrets: '{"A":"x"}', repositoryParts: '["workflows"]' }),
    'mount-monitor:repositoryParts leaves out "environment", and mount-monitor:secrets belong into it. Run: pulumi config rm mount-monitor:secrets, or add the part environment',
  ],
  [
    "a token in the place of a name",
    set({ builder: "ghp_0123456789abcdefghij!" }),
    'mount-monitor:builder is "***!": a builder\'s name has letters, digits, ".", "_", "+" and "-". Run: pulumi config set mount-monitor:builder mount-monitor',
  ],
  [
    "a password in an address",
    set({ githubUrl: "https://octo:pass@github.example.com" }),
    `mount-monitor:githubUrl is "https://***@github.example.com": credentials do not belong into the address: set githubToken. ${GITHUB}`,
  ],
  [
    "an address without TLS",
    set({ githubUrl: "http://github.example.com" }),
    `mount-monitor:githubUrl is "http://github.example.com": only https is safe for a token. ${GITHUB}`,
  ],
  [
    "an address that looks like GitHub's",
    set({ githubUrl: "https://gіthub.com" }),
    `mount-monitor:githubUrl is "https://g\\u{456}thub.com": ${ADDRESS}. ${GITHUB}`,
  ],
  [
    "an address of the API",
    set({ githubUrl: "https://api.github.com" }),
    `mount-monitor:githubUrl is "https://api.github.com": it must be the address of the web site alone, such as https://github.com. ${GITHUB}`,
  ],
  [
    "an address of a program",
    set({ githubUrl: "file:///etc/passwd" }),
    `mount-monitor:githubUrl is "file:///etc/passwd": ${ADDRESS}. ${GITHUB}`,
  ],
  [
    "a backend with a password",
    set({ backend: "s3://key:pass@bucket" }),
    'mount-monitor:backend is "s3://***@bucket": credentials do not belong into the address: the workflows log in by OpenID Connect. Run: pulumi config set mount-monitor:backend https://api.pulumi.com',
  ],
  [
    "an image with a tag",
    set({ image: "ghcr.io/octo/app:latest" }),
    `mount-monitor:image is "ghcr.io/octo/app:latest": it must have no tag or digest: the release gives them. ${IMAGE_OF}`,
  ],
  [
    "an image without a registry",
    set({ image: "octo/app" }),
    `mount-monitor:image is "octo/app": it names no registry; write host/path, as in ghcr.io/owner/name. ${IMAGE_OF}`,
  ],
  [
    "a registry that looks like another",
    set({ image: "ghсr.io/octo/app" }),
    `mount-monitor:image is "gh\\u{441}r.io/octo/app": its registry is not host[:port]. ${IMAGE_OF}`,
  ],
  [
    "a registry of 1 MB",
    set({ image: `${HUGE}.io/octo/app` }),
    `mount-monitor:image is "${"a".repeat(80)}"… (1000012 characters): its registry has more than 255 characters. ${IMAGE_OF}`,
  ],
  [
    "a repository that gives no image's name",
    ({ settings }) => {
      delete settings.image;
      settings.repository = "octo/-x";
    },
    `mount-monitor:image is not set, and "ghcr.io/octo/-x", which follows from the repository, is no image reference. ${IMAGE_OF}`,
  ],
  [
    "an option in the place of a directory",
    set({ source: "-C/etc" }),
    'mount-monitor:source is "-C/etc": a directory has no hidden characters and none of \' " ` $ * ? [ ] { } ! \\, does not start with "-", and has at most 1024 characters. Run: pulumi config set mount-monitor:source app',
  ],
  [
    "a package that is an option",
    set({ package: "-toolexec=id" }),
    'mount-monitor:package is "-toolexec=id": a package is a path in the module that starts with ./ and has no ".", ".." or "..." part, with at most 1024 characters. Run: pulumi config set mount-monitor:package ./cmd/mount-monitor',
  ],
  [
    "an argument with a NUL",
    set({ verifyArgs: '["a\\u0000b"]' }),
    String.raw`mount-monitor:verifyArgs is "[\"a\\u0000b\"]" at "0": an argument has no NUL character. Run: pulumi config set --path 'mount-monitor:verifyArgs[0]' -- --version`,
  ],
  [
    "an argument of 1 MB",
    set({ verifyArgs: JSON.stringify([HUGE]) }),
    String.raw`mount-monitor:verifyArgs is "[\"${"a".repeat(78)}"… (1000004 characters) at "0": an argument has at most 4096 characters. Run: pulumi config set --path 'mount-monitor:verifyArgs[0]' -- --version`,
  ],
  [
    "lists in lists, 1 MB of them",
    set({ withdrawn: `${"[".repeat(500_000)}${"]".repeat(500_000)}` }),
    `mount-monitor:withdrawn is "${"[".repeat(80)}"… (1000000 characters) at "0": it must be a text. Run: pulumi config set --path 'mount-monitor:withdrawn[0]' 1.2.3`,
  ],
  [
    "the same version twice",
    set({ withdrawn: '["1.0.0","1.0.0"]' }),
    String.raw`mount-monitor:withdrawn is "[\"1.0.0\",\"1.0.0\"]": a version is there twice. Run: pulumi config set --path 'mount-monitor:withdrawn[0]' 1.2.3`,
  ],
  [
    "one architecture",
    set({ architectures: '["amd64"]' }),
    String.raw`mount-monitor:architectures is "[\"amd64\"]": arm64 is missing: every release has amd64 and arm64. Run: pulumi config set --path 'mount-monitor:architectures[1]' arm64`,
  ],
  [
    "a variable with a NUL",
    set({ variables: '{"A":"\\u0000"}' }),
    String.raw`mount-monitor:variables is "{\"A\":\"\\u0000\"}" at "A": a value has no NUL character. Run: pulumi config set --path 'mount-monitor:variables.NAME' VALUE`,
  ],
  [
    "a secret of 1 MB",
    set({ secrets: JSON.stringify({ A: HUGE }) }),
    `mount-monitor:secrets (secret) at "A": GitHub keeps at most 48 KB in a value. Run: pulumi config set --secret --path 'mount-monitor:secrets.NAME'`,
  ],
  [
    "a map that names the prototype",
    set({ variables: '{"__proto__":{"A":"x"}}' }),
    String.raw`mount-monitor:variables is "{\"__proto__\":{\"A\":\"x\"}}": it must be a map of names and values. Run: pulumi config set --path 'mount-monitor:variables.NAME' VALUE`,
  ],
  [
    "days in words",
    set({ artifactRetentionDays: "many" }),
    `mount-monitor:artifactRetentionDays is "many": it must be a whole number. ${DAYS}`,
  ],
  [
    "more days than there are",
    set({ artifactRetentionDays: "9".repeat(1000) }),
    `mount-monitor:artifactRetentionDays is "${"9".repeat(80)}"… (1000 characters): it must be a whole number. ${DAYS}`,
  ],
  [
    "no day",
    set({ artifactRetentionDays: "0" }),
    `mount-monitor:artifactRetentionDays is "0": it must be at least 1 day. ${DAYS}`,
  ],
  [
    "a token of the environment with a line end",
    environment({ GITHUB_TOKEN: "ghp_0123456789abcdefghij\n" }),
    `GITHUB_TOKEN of the environment (secret): ${TOKEN_RULE}. Run: export GITHUB_TOKEN="$(gh auth token)"`,
  ],
  [
    "a token of the environment with a look-alike",
    environment({ GITHUB_TOKEN: "ghр_0123456789" }),
    `GITHUB_TOKEN of the environment (secret): ${TOKEN_RULE}. Run: export GITHUB_TOKEN="$(gh auth token)"`,
  ],
  [
    "two tags",
    pushed("v1.0.0", "v1.0.1"),
    `PULUMI_CI_TAG_NAME is "v1.0.0" and GITHUB_REF_NAME is "v1.0.1": ${SECOND_TAG}`,
  ],
  [
    "two tags, one of 1 MB, one that is turned round",
    pushed(HUGE, "\u202ev1"),
    `PULUMI_CI_TAG_NAME is "${"a".repeat(80)}"… (1000000 characters) and GITHUB_REF_NAME is "\\u{202e}v1": ${SECOND_TAG}`,
  ],
  [
    "a tag and another version",
    (world) => {
      set({ version: "1.0.0" })(world);
      environment({ PULUMI_CI_TAG_NAME: "v1.0.1" })();
    },
    'mount-monitor:version is "1.0.0", and the tag that was pushed is "v1.0.1": both must name one release. Run: pulumi config set mount-monitor:version 1.0.1, or push the tag v1.0.0',
  ],
];

for (const [name, arrange, ...lines] of ROWS) {
  test(name, async () => {
    arrange(world);
    expect(await problems()).toEqual(lines);
  });
}
