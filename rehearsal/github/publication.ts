import semver from "semver";
import { type ValidationProblem, validationFailed } from "./error.ts";
import { peel } from "./git-object.ts";
import type { Release, Repository } from "./state.ts";
import type { Store } from "./store.ts";

export type MakeLatest = "true" | "false" | "legacy";

/** Published releases that may bear the mark "Latest". */
function stable(repository: Repository): Release[] {
  return repository.releases.filter((release) => !release.draft && !release.prerelease);
}

/**
 * The release behind `releases/latest`: the one that was marked, else the highest semantic version, else the youngest.
 * https://docs.github.com/rest/releases/releases#get-the-latest-release
 */
export function latestRelease(repository: Repository): Release | undefined {
  const candidates = stable(repository);
  return candidates.find((release) => release.id === repository.latestReleaseId) ?? candidates.sort(byRank)[0];
}

function byRank(left: Release, right: Release): number {
  const [a, b] = [semver.parse(left.tagName), semver.parse(right.tagName)];
  if (a && b) return semver.rcompare(a, b);
  if (a || b) return a ? -1 : 1;
  return right.createdAt.localeCompare(left.createdAt) || right.id - left.id;
}

/** Applies `make_latest` to a release; drafts and prereleases never become the latest. */
export function markLatest(repository: Repository, release: Release, wish: MakeLatest): void {
  if (release.draft || release.prerelease || wish === "false") {
    if (repository.latestReleaseId === release.id) repository.latestReleaseId = null;
    return;
  }
  repository.latestReleaseId = wish === "true" ? release.id : (stable(repository).sort(byRank)[0]?.id ?? null);
}

/**
 * Refuses a release that GitHub would not store.
 * @throws GitHubError 422
 */
export function checkRelease(store: Store, repository: Repository, release: Release): void {
  const problems: ValidationProblem[] = [];
  const problem = (entry: Omit<ValidationProblem, "resource">) => problems.push({ resource: "Release", ...entry });
  const { tagName, draft } = release;
  if (!isTagName(tagName)) problem({ code: "custom", field: "tag_name", message: "tag_name is not well-formed" });
  if ((release.body?.length ?? 0) > 125_000) {
    problem({ code: "custom", field: "body", message: "body is too long (maximum is 125000 characters)" });
  }
  if (!repository.refs[`refs/tags/${tagName}`] && !resolve(store, repository, release.targetCommitish)) {
    if (!draft) problem({ code: "custom", message: "Published releases must have a valid tag" });
    problem({ code: "invalid", field: "target_commitish" });
  }
  const others = repository.releases.filter((other) => other.id !== release.id && other.tagName === tagName);
  if (!draft && others.some((other) => !other.draft)) problem({ code: "already_exists", field: "tag_name" });
  if (!release.immutable && repository.immutableTags.includes(tagName) && !draft) {
    problem({ code: "custom", field: "tag_name", message: "tag_name was used by an immutable release" });
  }
  if (problems.length > 0) throw validationFailed(...problems);
}

/** Makes a checked release public: its tag exists from now on, and it is sealed where releases are immutable. */
export function publish(store: Store, repository: Repository, release: Release): void {
  const ref = `refs/tags/${release.tagName}`;
  const sha = resolve(store, repository, release.targetCommitish);
  if (!repository.refs[ref] && sha) repository.refs[ref] = { type: "commit", sha };
  release.draft = false;
  release.publishedAt ??= store.time();
  if (repository.immutableReleases) {
    release.immutable = true;
    repository.immutableTags.push(release.tagName);
  }
}

/**
 * What becomes of the releases of a tag that is deleted: drafts. GitHub does not document it; who deletes tags has seen it.
 * https://github.com/dev-drprasad/delete-tag-and-release/pull/2, https://github.com/github-release/github-release/issues/37
 */
export function retract(repository: Repository, ref: string): void {
  for (const release of repository.releases.filter(({ tagName }) => `refs/tags/${tagName}` === ref)) {
    release.draft = true;
    release.publishedAt = null;
  }
}

/** The commit that a branch, tag, full ref name or SHA stands for. */
export function resolve(store: Store, repository: Repository, commitish: string): string | undefined {
  for (const ref of [commitish, `refs/heads/${commitish}`, `refs/tags/${commitish}`]) {
    const object = repository.refs[ref];
    if (object) return peel(repository, object);
  }
  return store.commit(repository, commitish)?.sha;
}

/** Git's rules for ref names, as far as tags meet them. https://git-scm.com/docs/git-check-ref-format */
export function isTagName(name: string): boolean {
  return /^(?![./-])(?!.*(\.\.|\/\/|\/\.|@\{|\.lock(\/|$)))[^\p{Cc} ~^:?*[\\]+(?<![./])$/u.test(name);
}
