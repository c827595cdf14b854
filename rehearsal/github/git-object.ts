import { createHash } from "node:crypto";
import type { AnnotatedTag, Commit, GitObject, Person, Repository } from "./state.ts";

/** What git itself would call this content. */
export function blobSha(content: Uint8Array): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** A stable name for a list of files. Not git's own tree SHA: the local GitHub keeps no tree objects. */
export function treeSha(files: Record<string, string>): string {
  const lines = Object.keys(files)
    .sort()
    .map((path) => `${files[path]} ${path}\n`);
  return createHash("sha1")
    .update(`tree ${lines.join("")}`)
    .digest("hex");
}

/** A commit object in git's own text form, named by its SHA-1 (over {@link treeSha}). */
export function makeCommit(facts: Omit<Commit, "sha">): Commit {
  const text = [
    `tree ${treeSha(facts.files)}`,
    ...facts.parents.map((parent) => `parent ${parent}`),
    `author ${person(facts.author)}`,
    `committer ${person(facts.committer)}`,
    "",
    facts.message,
  ].join("\n");
  return { sha: objectSha("commit", text), ...facts };
}

/** An annotated tag object in git's own text form, named by its SHA-1. */
export function makeAnnotatedTag(facts: Omit<AnnotatedTag, "sha">): AnnotatedTag {
  const { object, tag, tagger, message } = facts;
  const text = `object ${object.sha}\ntype ${object.type}\ntag ${tag}\ntagger ${person(tagger)}\n\n${message}\n`;
  return { sha: objectSha("tag", text), ...facts };
}

/** The commit a ref's object leads to, through annotated tags; undefined when it leads nowhere. */
export function peel(repository: Repository, object: GitObject): string | undefined {
  let current: { type: string; sha: string } | undefined = object;
  while (current?.type === "tag") current = repository.annotatedTags[current.sha]?.object;
  return current?.type === "commit" ? current.sha : undefined;
}

/** Is `ancestor` reachable from `descendant`? A commit reaches itself. */
export function isAncestor(repository: Repository, ancestor: string, descendant: string): boolean {
  return history(repository, descendant).some((commit) => commit.sha === ancestor);
}

/** A commit and all that it stands on, newest first, each once. */
export function history(repository: Repository, from: string): Commit[] {
  const seen = new Map<string, Commit>();
  const queue = [from];
  for (let sha = queue.shift(); sha !== undefined; sha = queue.shift()) {
    const commit = repository.commits[sha];
    if (!commit || seen.has(sha)) continue;
    seen.set(sha, commit);
    queue.push(...commit.parents);
  }
  return [...seen.values()];
}

function objectSha(type: string, text: string): string {
  return createHash("sha1")
    .update(`${type} ${Buffer.byteLength(text)}\0${text}`)
    .digest("hex");
}

function person({ name, email, date }: Person): string {
  return `${name} <${email}> ${Math.floor(Date.parse(date) / 1000)} +0000`;
}
