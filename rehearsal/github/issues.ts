import { z } from "zod";
import { user } from "./accounts.ts";
import { readBody } from "./body.ts";
import { type App, type Call, commit, loginOf, repositoryOf, type Service } from "./context.ts";
import { notFound } from "./error.ts";
import { apiOf, type Links, nodeId, webOf } from "./links.ts";
import { page } from "./pagination.ts";
import type { Issue, IssueComment, Repository } from "./state.ts";

const label = z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]);
const IssuePatch = z.object({
  title: z.string().min(1).optional(),
  body: z.string().nullable().optional(),
  state: z.enum(["open", "closed"]).optional(),
  state_reason: z.enum(["completed", "not_planned", "duplicate", "reopened"]).nullable().optional(),
  labels: z.array(label).optional(),
});
const IssueBody = IssuePatch.required({ title: true });
const CommentBody = z.object({ body: z.string().min(1) });

/** Issues and their comments. https://docs.github.com/rest/issues/issues */
export function issueRoutes(app: App, { store, links }: Service): void {
  const ALL = "/repos/:owner/:repo/issues";
  const ONE = `${ALL}/:number{[0-9]+}`;
  const COMMENT = `${ALL}/comments/:comment{[0-9]+}`;

  app.get(ALL, (call) => {
    const repository = repositoryOf(call, store);
    const state = call.req.query("state") ?? "open";
    const labels = call.req.query("labels")?.split(",") ?? [];
    const found = repository.issues
      .filter((issue) => state === "all" || issue.state === state)
      .filter((issue) => labels.every((wanted) => issue.labels.includes(wanted)))
      .reverse();
    return call.json(page(call, found, links).map((issue) => present(links, repository, issue)));
  });

  app.post(ALL, async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, IssueBody);
    const time = store.time();
    const issue: Issue = {
      id: store.newId(),
      number: repository.issues.length + 1,
      title: body.title,
      body: body.body ?? null,
      state: "open",
      stateReason: null,
      labels: body.labels ?? [],
      author: loginOf(call),
      createdAt: time,
      updatedAt: time,
      closedAt: null,
      comments: [],
    };
    repository.issues.push(issue);
    commit(call, store);
    return call.json(present(links, repository, issue), 201);
  });

  app.get(ONE, (call) => {
    const repository = repositoryOf(call, store);
    return call.json(present(links, repository, issueOf(call, repository)));
  });

  app.patch(ONE, async (call) => {
    const repository = repositoryOf(call, store, "push");
    const body = await readBody(call, IssuePatch);
    const issue = issueOf(call, repository);
    const time = store.time();
    const state = body.state ?? issue.state;
    Object.assign(issue, {
      title: body.title ?? issue.title,
      body: body.body === undefined ? issue.body : body.body,
      state,
      stateReason: body.state_reason ?? (state === "closed" ? (issue.stateReason ?? "completed") : null),
      labels: body.labels ?? issue.labels,
      closedAt: state === "open" ? null : (issue.closedAt ?? time),
      updatedAt: time,
    } satisfies Partial<Issue>);
    commit(call, store);
    return call.json(present(links, repository, issue));
  });

  app.get(`${ONE}/comments`, (call) => {
    const repository = repositoryOf(call, store);
    const issue = issueOf(call, repository);
    return call.json(
      page(call, issue.comments, links).map((comment) => presentComment(links, repository, issue, comment)),
    );
  });

  app.post(`${ONE}/comments`, async (call) => {
    const repository = repositoryOf(call, store, "push");
    const issue = issueOf(call, repository);
    const { body } = await readBody(call, CommentBody);
    const time = store.time();
    const comment: IssueComment = { id: store.newId(), body, author: loginOf(call), createdAt: time, updatedAt: time };
    issue.comments.push(comment);
    commit(call, store);
    return call.json(presentComment(links, repository, issue, comment), 201);
  });

  app.get(COMMENT, (call) => {
    const repository = repositoryOf(call, store);
    const { issue, comment } = commentOf(call, repository);
    return call.json(presentComment(links, repository, issue, comment));
  });

  app.patch(COMMENT, async (call) => {
    const repository = repositoryOf(call, store, "push");
    const { body } = await readBody(call, CommentBody);
    const { issue, comment } = commentOf(call, repository);
    Object.assign(comment, { body, updatedAt: store.time() });
    commit(call, store);
    return call.json(presentComment(links, repository, issue, comment));
  });

  app.delete(COMMENT, (call) => {
    const repository = repositoryOf(call, store, "push");
    const { issue, comment } = commentOf(call, repository);
    issue.comments = issue.comments.filter((other) => other !== comment);
    commit(call, store);
    return call.body(null, 204);
  });
}

function issueOf(call: Call, repository: Repository): Issue {
  const issue = repository.issues[Number(call.req.param("number")) - 1];
  if (!issue) throw notFound();
  return issue;
}

function commentOf(call: Call, repository: Repository): { issue: Issue; comment: IssueComment } {
  for (const issue of repository.issues) {
    const comment = issue.comments.find(({ id }) => id === Number(call.req.param("comment")));
    if (comment) return { issue, comment };
  }
  throw notFound();
}

function present(links: Links, repository: Repository, issue: Issue) {
  const api = `${apiOf(links, repository)}/issues/${issue.number}`;
  return {
    id: issue.id,
    node_id: nodeId("I", issue.id),
    number: issue.number,
    url: api,
    repository_url: apiOf(links, repository),
    labels_url: `${api}/labels{/name}`,
    comments_url: `${api}/comments`,
    events_url: `${api}/events`,
    html_url: `${webOf(links, repository)}/issues/${issue.number}`,
    state: issue.state,
    state_reason: issue.stateReason,
    title: issue.title,
    body: issue.body,
    user: user(links, issue.author),
    labels: issue.labels.map((name, index) => ({
      id: index + 1,
      node_id: nodeId("LA", name),
      url: `${apiOf(links, repository)}/labels/${encodeURIComponent(name)}`,
      name,
      description: null,
      color: "ededed",
      default: false,
    })),
    assignee: null,
    assignees: [],
    milestone: null,
    locked: false,
    active_lock_reason: null,
    comments: issue.comments.length,
    closed_at: issue.closedAt,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    author_association: "OWNER",
  };
}

function presentComment(links: Links, repository: Repository, issue: Issue, comment: IssueComment) {
  const api = `${apiOf(links, repository)}/issues`;
  return {
    id: comment.id,
    node_id: nodeId("IC", comment.id),
    url: `${api}/comments/${comment.id}`,
    html_url: `${webOf(links, repository)}/issues/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${api}/${issue.number}`,
    body: comment.body,
    user: user(links, comment.author),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: "OWNER",
  };
}
