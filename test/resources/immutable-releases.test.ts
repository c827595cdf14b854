import { beforeEach, expect, test, vi } from "vitest";
import { implementation } from "../../src/resources/immutable-releases.ts";
import { configure, startTestGitHub, type TestGitHub } from "./services.ts";

let github: TestGitHub;
const stored = () => github.inspect.repository(github.repository);
const ensure = (recorded?: { offered: boolean; switchedOn: boolean }) => {
  const inputs = { repository: github.repository };
  return implementation.ensure(inputs, recorded && { ...inputs, ...recorded });
};

beforeEach(async () => {
  github = await startTestGitHub();
});

test("are switched on once, and their removal switches them off", async () => {
  const facts = await ensure();
  expect(facts).toEqual({ offered: true, switchedOn: true });
  expect(stored().immutableReleases).toBe(true);
  expect(await ensure(facts)).toEqual(facts);
  expect(github.writes()).toEqual(["PUT /immutable-releases"]);
  await implementation.remove?.({ repository: github.repository, ...facts });
  expect(stored().immutableReleases).toBe(false);
});

test("that somebody else switched on stay on when the stack forgets them", async () => {
  stored().immutableReleases = true;
  const facts = await ensure();
  expect(facts).toEqual({ offered: true, switchedOn: false });
  await implementation.remove?.({ repository: github.repository, ...facts });
  expect(stored().immutableReleases).toBe(true);
  expect(github.writes()).toEqual([]);
});

test("that were switched off are seen, and switched on again", async () => {
  const recorded = { repository: github.repository, ...(await ensure()) };
  expect(await implementation.observe(recorded)).toEqual([]);
  stored().immutableReleases = false;
  expect(await implementation.observe(recorded)).toEqual([
    `immutable releases of ${github.repository} are switched off`,
  ]);
  await ensure(recorded);
  expect(stored().immutableReleases).toBe(true);
});

test("are said to be missing where GitHub does not offer them, and asked for again by the next change only", async () => {
  github.misbehave({ path: "**/immutable-releases", times: Number.POSITIVE_INFINITY, action: { status: 404 } });
  const said = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const facts = await ensure();
  expect(facts).toEqual({ offered: false, switchedOn: false });
  expect(said.mock.calls.flat().join("")).toContain("immutable releases are not offered by this GitHub");
  said.mockRestore();
  expect(await implementation.observe({ repository: github.repository, ...facts })).toEqual([]);
  await implementation.remove?.({ repository: github.repository, ...facts });
  expect(stored().immutableReleases).toBe(false);
});

test("need a token that may administer: a refusal is no lack of the offer", async () => {
  github.addToken("job", "github-actions[bot]", "push");
  configure({ githubToken: "job" });
  await expect(ensure()).rejects.toThrow(/403 .*immutable-releases/);
  github.misbehave({ path: "**/immutable-releases", times: Number.POSITIVE_INFINITY, action: { status: 404 } });
  await expect(ensure()).rejects.toThrow(/404 to PUT .*immutable-releases/);
});
