import { z } from "zod";
import { quoted } from "../../model/quotation.ts";
import { parseRepository } from "../../model/reference.ts";
import { type ApiOptions, createApi, pageSize } from "./api.ts";

const user = z.object({ login: z.string() }).nullable();
const issueSchema = z
  .object({
    number: z.int(),
    title: z.string(),
    body: z.string().nullable(),
    html_url: z.string(),
    user,
    pull_request: z.unknown().optional(),
  })
  .transform(({ number, title, body, html_url: url, user, pull_request }) => ({
    number,
    title,
    body: body ?? "",
    url,
    author: user?.login ?? "",
    isPullRequest: pull_request !== undefined,
  }));
const commentSchema = z
  .object({ id: z.int(), body: z.string(), html_url: z.string(), user })
  .transform(({ id, body, html_url: url, user }) => ({ id, body, url, author: user?.login ?? "" }));

/** An issue. */
export type Issue = z.output<typeof issueSchema>;

/** A comment on an issue or on a pull request. */
export type Comment = z.output<typeof commentSchema>;

/** Issues of one repository, and the comments on them and on its pull requests. Bodies are Markdown. */
export interface Issues {
  /** Open issues, newest first; no pull requests. */
  open(): Promise<Issue[]>;
  create(issue: { readonly title: string; readonly body: string }): Promise<Issue>;
  change(
    number: number,
    change: { readonly title?: string; readonly body?: string; readonly state?: "open" | "closed" },
  ): Promise<Issue>;
  /** Comments, oldest first. */
  comments(number: number): Promise<Comment[]>;
  comment(number: number, body: string): Promise<Comment>;
  changeComment(id: number, body: string): Promise<Comment>;
  deleteComment(id: number): Promise<void>;
}

/** A client for the issues of one repository. Nothing is sent before the first call. */
export function createIssues({ repository, ...options }: ApiOptions & { readonly repository: string }): Issues {
  const parsed = parseRepository(repository);
  if (!parsed.ok) {
    throw new Error(`repository ${quoted(repository)}: ${parsed.problem}`);
  }
  const place = { owner: parsed.owner, repo: parsed.name };
  const api = createApi(options);
  return {
    open: async () =>
      (
        await api.list(issueSchema, (ask, page) =>
          ask("GET /repos/{owner}/{repo}/issues", { ...place, state: "open", per_page: pageSize, page }),
        )
      ).filter(({ isPullRequest }) => !isPullRequest),

    create: (issue) => api.call(issueSchema, (ask) => ask("POST /repos/{owner}/{repo}/issues", { ...place, ...issue })),

    change: (number, change) =>
      api.call(issueSchema, (ask) =>
        ask("PATCH /repos/{owner}/{repo}/issues/{issue_number}", { ...place, issue_number: number, ...change }),
      ),

    comments: (number) =>
      api.list(commentSchema, (ask, page) =>
        ask("GET /repos/{owner}/{repo}/issues/{issue_number}/comments", {
          ...place,
          issue_number: number,
          per_page: pageSize,
          page,
        }),
      ),

    comment: (number, body) =>
      api.call(commentSchema, (ask) =>
        ask("POST /repos/{owner}/{repo}/issues/{issue_number}/comments", { ...place, issue_number: number, body }),
      ),

    changeComment: (id, body) =>
      api.call(commentSchema, (ask) =>
        ask("PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", { ...place, comment_id: id, body }),
      ),

    async deleteComment(id) {
      await api.find(z.unknown(), (ask) =>
        ask("DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}", { ...place, comment_id: id }),
      );
    },
  };
}
