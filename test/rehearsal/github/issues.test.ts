import { expect, test } from "vitest";
import { client, github, REPOSITORY, refusal } from "./fixture.ts";

const BASE = "/repos/{owner}/{repo}/issues";

test("an issue is opened, found by label, edited, closed and reopened", async () => {
  const octokit = client(await github());
  const { data } = await octokit.request(`POST ${BASE}`, {
    ...REPOSITORY,
    title: "Drift",
    body: "v1",
    labels: ["drift"],
  });
  expect(data).toMatchObject({ number: 1, state: "open", title: "Drift", labels: [{ name: "drift" }] });
  const one = { ...REPOSITORY, issue_number: 1 };
  const numbers = async (query: object) =>
    (await octokit.request(`GET ${BASE}`, { ...REPOSITORY, ...query })).data.map(({ number }) => number);
  expect(await numbers({ labels: "drift" })).toEqual([1]);
  expect(await numbers({ labels: "drift,other" })).toEqual([]);
  const closed = await octokit.request(`PATCH ${BASE}/{issue_number}`, { ...one, state: "closed", body: "v2" });
  expect(closed.data).toMatchObject({
    state: "closed",
    state_reason: "completed",
    body: "v2",
    closed_at: expect.any(String),
  });
  expect(await numbers({})).toEqual([]);
  expect(await numbers({ state: "all" })).toEqual([1]);
  const open = await octokit.request(`PATCH ${BASE}/{issue_number}`, { ...one, state: "open" });
  expect(open.data).toMatchObject({ state: "open", closed_at: null, title: "Drift" });
  expect((await refusal(octokit.request(`GET ${BASE}/{issue_number}`, { ...one, issue_number: 2 }))).status).toBe(404);
});

test("comments are added, changed and deleted", async () => {
  const octokit = client(await github());
  await octokit.request(`POST ${BASE}`, { ...REPOSITORY, title: "Preview" });
  const one = { ...REPOSITORY, issue_number: 1 };
  const { data } = await octokit.request(`POST ${BASE}/{issue_number}/comments`, { ...one, body: "first" });
  const comment = { ...REPOSITORY, comment_id: data.id };
  await octokit.request(`PATCH ${BASE}/comments/{comment_id}`, { ...comment, body: "second" });
  const bodies = async () =>
    (await octokit.request(`GET ${BASE}/{issue_number}/comments`, one)).data.map(({ body }) => body);
  expect(await bodies()).toEqual(["second"]);
  expect((await octokit.request(`GET ${BASE}/{issue_number}`, one)).data.comments).toBe(1);
  await octokit.request(`DELETE ${BASE}/comments/{comment_id}`, comment);
  expect(await bodies()).toEqual([]);
  expect((await refusal(octokit.request(`GET ${BASE}/comments/{comment_id}`, comment))).status).toBe(404);
});
