import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { quoted } from "../../src/model/quotation.ts";
import { publishForeign } from "../published.ts";
import { COMMIT, OTHER_COMMIT, TOKEN } from "../resources/services.ts";
import { putIndex, startRegistryServer } from "../services/registry-server.ts";
import { outputs, published, type Row, refusal, type Services, startServices, type World } from "./world.ts";

type Full = World & Services;

const HUGE = "a".repeat(1_000_000);
const forever = { times: Number.POSITIVE_INFINITY };

let world: Full;
beforeEach(async () => {
  world = await startServices();
});

/** What is recorded of a release, as `metadata.json` has it under `release`. */
interface Recorded extends Record<string, unknown> {
  readonly source: Record<string, unknown>;
  readonly image: Record<string, unknown>;
  readonly artifacts: Record<string, unknown>[];
}

/** The published release with another text in an asset. */
const asset = (name: string, text: string) => () => published(world, () => ({ [name]: text }));
/** The published release whose record somebody edited. */
const recorded = (edit: (release: Recorded) => unknown) => () =>
  published(world, ({ "metadata.json": text = "" }) => {
    const metadata = JSON.parse(text);
    edit(metadata.release);
    return { "metadata.json": JSON.stringify(metadata) };
  });
/** GitHub answers a question with something else. */
const refused =
  (path: string, status: number, body: unknown, headers: Record<string, string> = {}) =>
  async () => {
    await published(world);
    world.github.misbehave({ path, ...forever, action: { status, body, headers } });
  };
const answered = (path: string, body: string) => refused(path, 200, body, { "content-type": "application/json" });
/** The registry answers every question about the version tag with something else. */
const registry =
  (status: number, body = "", headers: Record<string, string> = {}) =>
  async () => {
    await published(world);
    world.registry.fault = ({ method }, response) => {
      response.writeHead(status, { "content-type": "application/vnd.oci.image.index.v1+json", ...headers });
      response.end(method === "HEAD" ? undefined : body);
      return true;
    };
  };
/** The registry sends to a token service of its own, which answers something else. */
const tokenService = (status: number, body: string) => async () => {
  const realm = `https://${world.registry.host}/token`;
  await registry(401, "", { "www-authenticate": `Bearer realm="${realm}"` })();
  const { fault } = world.registry;
  world.registry.fault = (seen, response, nth) =>
    seen.path.startsWith("/token") ? Boolean(response.writeHead(status).end(body)) : fault?.(seen, response, nth);
};

const RECORD = "metadata.json does not describe a release of this program:";
const CONTRADICTS = "v1.0.0 is written once, and it is not what was published; nothing was changed:";
const WAYS_OUT =
  "Two ways out: withdraw it (add 1.0.0 to the setting mount-monitor:withdrawn) and release the next version; or settle it by hand: put back what is recorded, or have the stack forget its record and accept what is there (pulumi state delete --target-dependents URN; pulumi stack --show-urns lists them).";

const RECORDS: Row<Full>[] = [
  ["no JSON", asset("metadata.json", "<html>\u001b[2J"), String.raw`metadata.json is not JSON: "<html>\u001b[2J"`],
  ["a cut one", asset("metadata.json", '{"release": {'), String.raw`metadata.json is not JSON: "{\"release\": {"`],
  ["an empty one", asset("metadata.json", " "), 'metadata.json is not JSON: " "'],
  ["1 MB", asset("metadata.json", HUGE), `metadata.json is not JSON: "${"a".repeat(80)}"… (1000000 characters)`],
  [
    "something else",
    asset("metadata.json", "[]"),
    RECORD,
    "metadata.json: Invalid input: expected object, received array",
  ],
  [
    "one of a newer program",
    recorded((release) => (release.schema = 2)),
    "metadata.json has schema 2, and this program reads up to 1: update it to work on this release",
  ],
  [
    "a version that is none, in several places",
    recorded((release) =>
      Object.assign(release, { version: "1.0", tag: "v1;id", commit: "HEAD", commitTime: "today" }),
    ),
    RECORD,
    "release.version: is not a version",
    "release.commit: is not a full commit id",
    "release.tag: is not a version tag",
    "release.commitTime: is not a time as RFC 3339 has it",
  ],
  [
    "a binary's name that is a path",
    recorded(({ source }) => (source.binaryName = "../../pwned")),
    RECORD,
    'release.source.binaryName: a name has letters and digits, separated by ".", "_" or "-", at most 64',
  ],
  [
    "a module that lies outside",
    recorded(({ source }) => (source.prefix = "app/../../x")),
    RECORD,
    "release.source.prefix: is not a directory in a repository",
  ],
  [
    "a package that is an option",
    recorded(({ source }) => (source.package = "-toolexec=id")),
    RECORD,
    'release.source.package: a package is a path in the module that starts with ./ and has no ".", ".." or "..." part, with at most 1024 characters',
  ],
  [
    "a variable that sets another",
    recorded(({ source }) => (source.versionVariable = "main.V=1 -X main.W")),
    RECORD,
    "release.source.versionVariable: a Go variable is given by its package's import path and its name",
  ],
  [
    "an argument with a NUL",
    recorded(({ source }) => (source.verifyArgs = ["\0"])),
    RECORD,
    "release.source.verifyArgs.0: an argument has no NUL character",
  ],
  [
    "a compiler with a line end",
    recorded((release) => (release.go = "go1.26.8\nx")),
    RECORD,
    "release.go: is not the name of a version",
  ],
  [
    "an image that is an address",
    recorded(({ image }) => (image.reference = "https://evil.example/x")),
    RECORD,
    "release.image.reference: its registry is not host[:port]",
  ],
  [
    "a label of another kind with a hidden name",
    recorded((release) => (release.labels = { "a\u202e": 1 })),
    RECORD,
    String.raw`"release.labels.a\u{202e}": Invalid input: expected string, received number`,
  ],
  [
    "one more platform",
    recorded(({ image }) => (image.platforms = ["linux/amd64", "linux/arm64", "x\u202e"])),
    RECORD,
    String.raw`release.image.digests: is "linux/amd64,linux/arm64", expected "linux/amd64,linux/arm64,x\u{202e}"`,
    String.raw`release.artifacts: are for amd64, arm64, the image for "linux/amd64, linux/arm64, x\u{202e}"`,
  ],
  [
    "a binary elsewhere, with another name",
    recorded(({ artifacts: [first] }) => Object.assign(first ?? {}, { path: "../../../etc/passwd", name: "\u202ex" })),
    RECORD,
    String.raw`release.artifacts: "\u{202e}x" (amd64): its name must be "mount-monitor-linux-amd64"`,
    String.raw`release.artifacts: "\u{202e}x" (amd64): path "../../../etc/passwd" must be "sha256/HASH"`,
  ],
  [
    "checksums of another form",
    asset("checksums.txt", `zzz  ../../etc/passwd\n`),
    `v1.0.0 at GITHUB/REPOSITORY/releases/tag/v1.0.0: ${CONTRADICTS}`,
    'line 1 of checksums.txt is not "<SHA-256>  <name>": "zzz  ../../etc/passwd"',
    WAYS_OUT,
  ],
  [
    "a release of another tool",
    async () => {
      world.settings.version = "1.0.0";
      await publishForeign(world.github, "1.0.0");
    },
    "v1.0.0 is already published at GITHUB/REPOSITORY/releases/tag/v1.0.0, and not by this program: it has demo.tar.gz (sha256:HASH) and no metadata.json. A version is written once: release the next version.",
  ],
];

const LIST = "/repos/*/*/releases";
const REF = "/repos/*/*/git/ref/**";
/** An answer that has not the form that it should have. */
const form = (why: string, shown: string) =>
  `GitHub's answer is not what its API documents (✖ ${why}). It is ${shown}. Check githubUrl, and what stands between here and GitHub`;
const NO_LIST = "Invalid input: expected array, received";
const NO_ID = "expected the id of an object of git → at object.sha";
const SET_TOKEN = "set GITHUB_TOKEN, or: pulumi config set --secret mount-monitor:githubToken TOKEN";
const RELEASE = {
  id: 1,
  tag_name: "v1.0.0",
  draft: false,
  prerelease: false,
  created_at: "x",
  target_commitish: "x",
  upload_url: "x",
  assets: [],
};

const SCRIPT = { ...RELEASE, html_url: "javascript:alert(1)" };

const GITHUB: Row<Full>[] = [
  [
    "a page instead of a list",
    answered(LIST, "<html>\u001b[31mLog in"),
    form(`${NO_LIST} string`, String.raw`"<html>\u001b[31mLog in"`),
  ],
  [
    "a list that is cut",
    answered(LIST, '[{"id": 1, "tag_na'),
    form(`${NO_LIST} string`, String.raw`"[{\"id\": 1, \"tag_na"`),
  ],
  ["an empty body", answered(LIST, ""), form(`${NO_LIST} string`, '""')],
  ["no list", answered(LIST, '{"message":"hello"}'), form(`${NO_LIST} object`, String.raw`"{\"message\":\"hello\"}"`)],
  ["null", answered(LIST, "null"), form(`${NO_LIST} null`, '"null"')],
  [
    "a list of texts",
    answered(LIST, '["x"]'),
    form("Invalid input: expected object, received string → at [0]", String.raw`"[\"x\"]"`),
  ],
  [
    "a list of others",
    answered(LIST, '[{"id":"1"}]'),
    form(
      "Invalid input: expected number, received string → at [0].id ✖ Invalid input: expected string, received undefined → at [0].tag_name ✖ Invalid input: expected boolean, received undefined → at [0].draft ✖ Invalid input: expected boolean, received undefined → at [0].prerelease ✖ Invalid input: expecte",
      String.raw`"[{\"id\":\"1\"}]"`,
    ),
  ],
  ["a page of 1 MB", answered(LIST, HUGE), form(`${NO_LIST} string`, `"${"a".repeat(80)}"… (1000000 characters)`)],
  [
    "a release whose page is a script",
    answered(LIST, JSON.stringify([SCRIPT])),
    form("Invalid URL → at [0].html_url", quoted(JSON.stringify([SCRIPT]))),
  ],
  [
    "a tag whose commit is a path",
    answered(REF, '{"object":{"type":"commit","sha":"../../../user"}}'),
    form(NO_ID, String.raw`"{\"object\":{\"type\":\"commit\",\"sha\":\"../../../user\"}}"`),
  ],
  [
    "a tag whose commit is an option",
    answered(REF, '{"object":{"type":"commit","sha":"--output=x"}}'),
    form(NO_ID, String.raw`"{\"object\":{\"type\":\"commit\",\"sha\":\"--output=x\"}}"`),
  ],
  [
    "a tag of a tree",
    answered(REF, `{"object":{"type":"tree\u202e","sha":"${OTHER_COMMIT}"}}`),
    String.raw`tag v1.0.0 of REPOSITORY stands for a "tree\u{202e}", not for a commit: make it again at a commit, or release the next version`,
  ],
  ["workflows that are none", answered("/repos/*/*/contents/**", "{}"), form(`${NO_LIST} object`, '"{}"')],
  [
    "an asset of other bytes",
    answered("/repos/*/*/releases/assets/*", "{}"),
    "asset metadata.json came with 2 bytes, SHA-256 HASH; GitHub lists 2193 bytes, sha256:HASH: something between here and GitHub changed it. Run again, or check githubUrl",
  ],
  [
    "a refusal that repeats the token",
    refused(LIST, 401, { message: `bad ${TOKEN}` }),
    `GitHub answered 401 to GET /api/v3/repos/REPOSITORY/releases: bad ***. The token is not valid (any more): ${SET_TOKEN}`,
  ],
  [
    "a token that may not",
    refused(LIST, 403, { message: "not accessible" }, { "x-accepted-github-permissions": "contents=write" }),
    `GitHub answered 403 to GET /api/v3/repos/REPOSITORY/releases: not accessible. The token lacks a permission (needed: contents=write); a release needs contents: write. Grant it, or use another token: ${SET_TOKEN}`,
  ],
  [
    "a repository that is not there",
    refused(LIST, 404, { message: "Not Found" }),
    "GitHub answered 404 to GET /api/v3/repos/REPOSITORY/releases: Not Found. Check the setting repository, and that the token may see it",
  ],
  [
    "an explanation that clears the screen",
    refused(LIST, 400, "\u001b[2Jbad\u202e"),
    String.raw`GitHub answered 400 to GET /api/v3/repos/REPOSITORY/releases: \u{1b}[2Jbad\u{202e}. Check the settings githubUrl and repository`,
  ],
  [
    "an explanation of 1 MB",
    refused(LIST, 400, HUGE),
    `GitHub answered 400 to GET /api/v3/repos/REPOSITORY/releases: ${"a".repeat(300)}. Check the settings githubUrl and repository`,
  ],
  [
    "a redirect to nowhere",
    refused(LIST, 302, "", { location: "https://[" }),
    'GET API/repos/REPOSITORY/releases: GitHub redirects to "https://[", which is no address. Check the address in the settings',
  ],
];

const IMAGE = "REGISTRY/octo/demo:v1.0.0";
const CHECK = "Check the setting image, and what stands between here and the registry";
const ADDRESS = "Check the address in the settings";
/** The registry does not let us in. */
const closed = (why: string, status = 401) =>
  `registry REGISTRY refuses user "octo" for "octo/demo" (${status}): ${why}. Set registryUser and registryPassword, or log in with docker login; for ghcr.io the token needs the permission packages: write`;

const REGISTRY: Row<Full>[] = [
  [
    "a page instead of an index",
    registry(200, "<html>"),
    `${IMAGE} cannot be read: Unexpected token '<', "<html>" is not valid JSON. ${CHECK}`,
  ],
  [
    "an index that is cut",
    registry(200, '{"schemaVersion": 2, "mani'),
    `${IMAGE} cannot be read: Unterminated string in JSON at position 26 (line 1 column 27). ${CHECK}`,
  ],
  ["an empty index", registry(200), `${IMAGE} cannot be read: Unexpected end of JSON input. ${CHECK}`],
  [
    "an index of 5 MB",
    registry(200, "x".repeat(5 * 1024 * 1024)),
    `${IMAGE} cannot be read: a manifest or configuration of more than 4194304 bytes is not read. ${CHECK}`,
  ],
  [
    "a digest that is a path",
    registry(200, "{}", { "docker-content-digest": "sha256:../../x" }),
    `${IMAGE} is served with the digest sha256:../../x, its bytes have sha256:HASH: the registry or something before it changed them. ${CHECK}`,
  ],
  [
    "a digest of 8 KB",
    registry(200, "{}", { "docker-content-digest": "a".repeat(8000) }),
    `${IMAGE} is served with the digest "${"a".repeat(250)}"… (8000 characters), its bytes have sha256:HASH: the registry or something before it changed them. ${CHECK}`,
  ],
  [
    "another digest",
    registry(200, "{}", { "docker-content-digest": `sha256:${"0".repeat(64)}` }),
    CONTRADICTS,
    `${IMAGE} points at sha256:${"0".repeat(64)}, recorded is sha256:HASH`,
    WAYS_OUT,
  ],
  [
    "a refusal",
    registry(403),
    `${IMAGE} was refused with 403: (no explanation). The credentials may not do this: on ghcr.io the token needs packages: write, and the package must give the repository access`,
  ],
  [
    "a token service that clears the screen",
    tokenService(403, '{"errors":[{"message":"denied\\u001b[2J\\u202e"}]}'),
    closed(String.raw`its token service answered 403: denied\u{1b}[2J\u{202e}`, 403),
  ],
  [
    "a redirect to nowhere",
    registry(307, "", { location: "https://[" }),
    `HEAD https://REGISTRY/v2/octo/demo/manifests/v1.0.0: registry REGISTRY redirects to "https://[", which is no address. ${ADDRESS}`,
  ],
  [
    "a token service that is no address",
    registry(401, "", { "www-authenticate": 'Bearer realm="nowhere"' }),
    closed('its token service "nowhere" is no address'),
  ],
  [
    "a token service without TLS",
    registry(401, "", { "www-authenticate": 'Bearer realm="http://evil.example/"' }),
    `GET http://evil.example/: registry REGISTRY sends to http://evil.example/: only https is used, a credential or a binary never travels unprotected. ${ADDRESS}`,
  ],
  [
    "an unknown authorization",
    registry(401, "", { "www-authenticate": "Magic" }),
    closed('it asks for an authorization that is not known ("Magic")'),
  ],
  [
    "a token with a line end",
    tokenService(200, '{"token":"s3cret\\nx-evil: 1"}'),
    closed("the answer of its token service holds no token"),
  ],
  [
    "a token service with a page",
    tokenService(200, "<html>s3cret"),
    closed("the answer of its token service holds no token"),
  ],
  [
    "another index under the version tag, and the tag at another commit on GitHub",
    async () => {
      await published(world);
      putIndex(world.registry, "v1.0.0", {});
      world.github.inspect.setTag(world.github.repository, "v1.0.0", OTHER_COMMIT);
    },
    CONTRADICTS,
    `tag v1.0.0 on GitHub is at ${OTHER_COMMIT}, recorded is ${COMMIT}`,
    WAYS_OUT,
    `${IMAGE} points at sha256:HASH, recorded is sha256:HASH`,
  ],
  [
    "another index under the version tag",
    async () => {
      await published(world);
      putIndex(world.registry, "v1.0.0", {});
    },
    CONTRADICTS,
    `${IMAGE} points at sha256:HASH, recorded is sha256:HASH`,
    WAYS_OUT,
  ],
];

describe.each([
  ["the record of a release", RECORDS],
  ["an answer of GitHub", GITHUB],
  ["an answer of the registry", REGISTRY],
] as const)("%s", (_kind, rows) => {
  for (const [name, arrange, ...lines] of rows) {
    test(name, async () => {
      await arrange(world);
      expect((await refusal(world)).split("\n")).toEqual(lines);
    });
  }
});

test("releases of others whose tags mean something elsewhere are passed over", async () => {
  const tags = [
    "v1.0.0\n::stop-commands::x",
    "-v2.0.0",
    "v3.0.0;$(id)",
    "v4.0.0/../..",
    "v\uff15.0.0",
    `v6.0.0-${HUGE}`,
    "",
  ];
  const list = tags.map((tag_name, id) => ({ ...RELEASE, id, tag_name, html_url: "https://github.com/octo/demo" }));
  await answered(LIST, JSON.stringify(list))();
  expect(await outputs(world)).toEqual({
    release: null,
    reason: "no version tag was pushed, and the setting version is not set",
  });
});

/** A host that nothing of ours may be sent to; it answers an empty list. */
async function elsewhere(): Promise<{ url: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    seen.push(headers);
    response.writeHead(200, { "content-type": "application/json" }).end("[]");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

describe("a redirect to another host", () => {
  test("is not followed by a question to GitHub", async () => {
    const { url, seen } = await elsewhere();
    await refused(LIST, 302, "", { location: `${url}/list?x=${TOKEN}` })();
    expect(await refusal(world)).toBe(
      `GET API/repos/REPOSITORY/releases: GitHub redirects to another host, ${url}/list; nothing was sent there. Check the address in the settings`,
    );
    expect(seen).toEqual([]);
  });

  test("is followed for an asset without the token, and what comes from there is compared", async () => {
    const { url, seen } = await elsewhere();
    await refused("/repos/*/*/releases/assets/*", 302, "", { location: `${url}/metadata.json` })();
    expect(await refusal(world)).toMatch(
      /^asset metadata\.json came with 2 bytes, SHA-256 HASH; GitHub lists \d+ bytes, sha256:HASH: /,
    );
    expect(seen).not.toEqual([]);
    expect(
      seen.filter((headers) => headers.authorization !== undefined || JSON.stringify(headers).includes(TOKEN)),
    ).toEqual([]);
  });

  test("is not followed by a question to the registry", async () => {
    const other = await startRegistryServer();
    onTestFinished(() => other.stop());
    await registry(307, "", { location: `https://${other.host}/v2/` })();
    expect(await refusal(world)).toBe(
      `HEAD https://REGISTRY/v2/octo/demo/manifests/v1.0.0: registry REGISTRY redirects to another host, https://${other.host}/v2/; nothing was sent there. Check the address in the settings`,
    );
    expect(other.seen).toEqual([]);
  });
});
