import { beforeEach, describe, expect, test } from "vitest";
import { other } from "../../src/model/difference.ts";
import { implementation, type WithdrawalsFacts, type WithdrawalsInputs } from "../../src/resources/withdrawals.ts";
import { bodyOf, STACK, startTestGitHub, type TestGitHub } from "./services.ts";

let github: TestGitHub;

beforeEach(async () => {
  github = await startTestGitHub();
});

/** Publishes releases of ours, one after the other; the last one is GitHub's latest. */
async function publish(...versions: readonly string[]): Promise<void> {
  for (const version of versions) {
    const draft = await github.draft({
      tag_name: `v${version}`,
      name: `v${version}`,
      body: bodyOf(`notes of ${version}`, { version }),
      prerelease: version.includes("-"),
    });
    await github.publish(draft);
  }
  github.history.length = 0;
}

function inputs(withdrawn: readonly string[], latest?: string): WithdrawalsInputs {
  return { repository: github.repository, stack: STACK, withdrawn, ...(latest === undefined ? {} : { latest }) };
}

const ensure = (...asked: Parameters<typeof inputs>) => implementation.ensure(inputs(...asked), undefined);
/** What a refresh notes down. */
async function look(recorded: WithdrawalsInputs & WithdrawalsFacts) {
  const seen = await implementation.observe(recorded);
  if (!("notes" in seen)) {
    throw new Error("withdrawals note down what they saw");
  }
  return seen;
}
const observe = async (...asked: Parameters<typeof inputs>) =>
  (await look(inputs(...asked))).differences.map(({ text }) => text);

/** Tag → title and notes, as they are stored. */
function pages() {
  return Object.fromEntries(
    github.inspect.releases(github.repository).map(({ tagName, name, body }) => [tagName, { name, body }]),
  );
}

/** What a withdrawal may not change. */
function rest() {
  return github.inspect.releases(github.repository).map(({ name: _, body: __, updatedAt: ___, ...release }) => release);
}

async function latest(): Promise<string | undefined> {
  const response = await fetch(`${github.apiUrl}/repos/${github.repository}/releases/latest`);
  return ((await response.json()) as { tag_name?: string }).tag_name;
}

describe("withdrawals", () => {
  test("write nothing when there is nothing to mark", async () => {
    await publish("1.0.0", "1.1.0");
    await ensure([], "1.1.0");
    expect(github.requests()).toEqual(["GET /releases", "GET /releases/latest"]);
    expect(await observe([], "1.1.0")).toEqual([]);
  });

  test.each([{ immutable: false }, { immutable: true }])(
    "mark a release and let GitHub's Latest go back, and undo both byte by byte: %o",
    async ({ immutable }) => {
      github.inspect.repository(github.repository).immutableReleases = immutable;
      await publish("1.0.1", "1.1.0");
      const [before, unchanged] = [pages(), rest()];
      await ensure(["1.1.0"], "1.0.1");
      expect(github.writes()).toEqual(["PATCH /releases/ID", "PATCH /releases/ID"]);
      // Nothing but the mark, and nothing but title and notes.
      expect(
        github.history.filter(({ method }) => method === "PATCH").map(({ summary }) => summary.slice(0, 41)),
      ).toEqual(['{"make_latest":"true"}', '{"name":"[withdrawn] v1.1.0","body":"<!--']);
      expect(await latest()).toBe("v1.0.1");
      expect(pages()["v1.1.0"]?.name).toBe("[withdrawn] v1.1.0");
      expect(pages()["v1.0.1"]).toEqual(before["v1.0.1"]);
      expect(rest()).toEqual(unchanged);
      expect(await observe(["1.1.0"], "1.0.1")).toEqual([]);

      github.history.length = 0;
      await ensure(["1.1.0"], "1.0.1");
      expect(github.writes()).toEqual([]);
      await ensure([], "1.1.0");
      expect(pages()).toEqual(before);
      expect(rest()).toEqual(unchanged);
      expect(await latest()).toBe("v1.1.0");
      expect(await observe([], "1.1.0")).toEqual([]);
    },
  );

  test("take away marks of their own stack only", async () => {
    await publish("1.0.0", "1.1.0");
    await implementation.ensure({ ...inputs(["1.0.0"]), stack: "staging" }, undefined);
    const marked = pages();
    await ensure([], "1.1.0");
    expect(pages()).toEqual(marked);
    // What another stack marked is marked.
    github.history.length = 0;
    await ensure(["1.0.0"], "1.1.0");
    expect(github.writes()).toEqual([]);
  });

  test("leave GitHub's mark where it is when no stable version is left", async () => {
    await publish("1.0.0");
    await ensure(["1.0.0"]);
    expect(github.writes()).toEqual(["PATCH /releases/ID"]);
    expect(github.requests()).not.toContain("GET /releases/latest");
    expect(await observe(["1.0.0"])).toEqual([]);
  });

  test("refuse a latest one that is not published any more, with both ways out, and write nothing", async () => {
    await publish("1.0.0");
    await github.draft({ tag_name: "v1.2.0" });
    github.history.length = 0;
    await expect(ensure(["1.0.0"], "1.2.0")).rejects.toThrow(
      `${github.repository} has no release v1.2.0 any more, which is to be the latest: have it published again (pulumi refresh, then pulumi up), ` +
        "or withdraw it: pulumi config set --path 'mount-monitor:withdrawn[1]' 1.2.0",
    );
    expect(github.writes()).toEqual([]);
  });

  test("need no mark of one that somebody deleted, and let Latest go back", async () => {
    await publish("1.0.0", "1.1.0");
    const repository = github.inspect.repository(github.repository);
    repository.releases = repository.releases.filter(({ tagName }) => tagName !== "v1.1.0");
    await ensure(["1.1.0"], "1.0.0");
    expect(await latest()).toBe("v1.0.0");
    expect(await observe(["1.1.0"], "1.0.0")).toEqual([]);
  });

  test("mark a release of another tool, with no marker and no title, and give it back", async () => {
    await github.publish(await github.draft({ tag_name: "v2.0.0", name: "", body: "" }));
    await publish("1.0.0");
    const before = pages();
    await ensure(["2.0.0"], "1.0.0");
    expect(pages()["v2.0.0"]?.name).toBe("[withdrawn] v2.0.0");
    await ensure([], "2.0.0");
    expect(pages()).toEqual(before);
  });

  test("go on where an update died between two writes", async () => {
    await publish("1.0.0", "1.1.0", "1.2.0");
    const before = pages();
    github.misbehave({
      method: "PATCH",
      path: "/repos/*/*/releases/*",
      nth: 3,
      action: { status: 422, body: { message: "no" } },
    });
    await expect(ensure(["1.1.0", "1.2.0"], "1.0.0")).rejects.toThrow("no");
    github.clearFaults();
    await ensure(["1.1.0", "1.2.0"], "1.0.0");
    expect(Object.values(pages()).map(({ name }) => name)).toEqual([
      "v1.0.0",
      "[withdrawn] v1.1.0",
      "[withdrawn] v1.2.0",
    ]);
    await ensure([], "1.2.0");
    expect(pages()).toEqual(before);
  });
});

describe("a refresh", () => {
  test("says what somebody changed by hand, and the next update puts it right", async () => {
    await publish("1.0.0", "1.1.0", "1.2.0");
    await ensure(["1.1.0"], "1.2.0");
    const wanted = pages();
    const releases = github.inspect.releases(github.repository);
    const stored = (tag: string) => releases.find(({ tagName }) => tagName === tag);
    const marked = stored("v1.1.0");
    const unmarked = stored("v1.0.0");
    if (!marked || !unmarked) throw new Error("releases are missing");
    Object.assign(marked, { name: "v1.1.0" });
    Object.assign(unmarked, { body: marked.body });
    github.inspect.repository(github.repository).latestReleaseId = marked.id;
    expect(await observe(["1.1.0"], "1.2.0")).toEqual([
      "release v1.1.0 is not marked as withdrawn",
      "release v1.0.0 is marked as withdrawn, and is not",
      "GitHub marks v1.1.0 as the latest, recorded is v1.2.0",
    ]);
    // Of one that somebody deleted there is nothing to say.
    expect(await observe(["1.1.0", "1.3.0"], "1.2.0")).toEqual(await observe(["1.1.0"], "1.2.0"));
    await ensure(["1.1.0"], "1.2.0");
    expect(pages()["v1.1.0"]).toEqual(wanted["v1.1.0"]);
    expect(await observe(["1.1.0"], "1.2.0")).toEqual([]);
  });

  test("is asked anew of a page that changed only, and counts nothing of the limit otherwise", async () => {
    await publish("1.0.0", "1.1.0", "1.2.0");
    await ensure(["1.1.0"], "1.2.0");
    const recorded = inputs(["1.1.0"], "1.2.0");
    const first = await look(recorded);
    expect(first.differences).toEqual([]);
    github.history.length = 0;
    expect(await look({ ...recorded, ...first.notes })).toEqual(first);
    expect(github.history.map(({ status }) => status)).toEqual([304, 304]);
    // In the storage, as nobody's client does it.
    const [release] = github.inspect.releases(github.repository, "v1.1.0");
    Object.assign(release ?? {}, { name: "v1.1.0" });
    github.history.length = 0;
    const second = await look({ ...recorded, ...first.notes });
    expect(second.differences).toEqual([other("release v1.1.0 is not marked as withdrawn")]);
    expect(github.history.map(({ status }) => status).sort()).toEqual([200, 304]);
    // Nothing is forgotten while the page stays as it is.
    github.history.length = 0;
    expect(await look({ ...recorded, ...second.notes })).toEqual(second);
    expect(github.history.map(({ status }) => status)).toEqual([304, 304]);
    // An update forgets what was seen: the marks have changed.
    expect(await implementation.ensure(recorded, { ...recorded, ...second.notes })).toEqual({});
  });

  test("sees that GitHub marks another release, or none of a version, as the latest", async () => {
    expect(await observe([], "1.0.0")).toEqual(["GitHub marks no version as the latest, recorded is v1.0.0"]);
    await publish("1.0.0");
    await github.publish(await github.draft({ tag_name: "nightly" }));
    expect(await observe([], "1.0.0")).toEqual(["GitHub marks no version as the latest, recorded is v1.0.0"]);
  });

  test("fails when GitHub does not answer, and does not take it for missing", async () => {
    await publish("1.0.0");
    github.misbehave({ path: "/repos/*/*/releases", action: { status: 403, body: { message: "forbidden" } } });
    await expect(observe([], "1.0.0")).rejects.toThrow("forbidden");
  });
});
