import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sodium from "libsodium-wrappers";
import { notFound } from "./error.ts";
import { blobSha, makeCommit } from "./git-object.ts";
import type { Asset, Commit, Release, Repository, RepositorySettings, State } from "./state.ts";

export interface StoreOptions {
  /** Absolute or relative directory; absent: memory only. */
  dataDir?: string | undefined;
  /** Take any 40-digit hex SHA for a commit that exists. GitHub would not; the rehearsal pushes nothing to it. */
  acceptAnyCommit?: boolean | undefined;
  now?: (() => Date) | undefined;
}

/** What a repository starts as. */
export interface NewRepository {
  owner: string;
  name: string;
  private?: boolean;
  defaultBranch?: string;
  description?: string;
  immutableReleases?: boolean;
  /** Path → text of the first commit's files. */
  files?: Record<string, string>;
}

/** The memory of the local GitHub: one JSON file and one file per distinct content, both replaced by renaming. */
export class Store {
  readonly state: State;
  readonly acceptAnyCommit: boolean;
  readonly #dataDir: string | undefined;
  readonly #now: () => Date;
  readonly #contents = new Map<string, Buffer>();

  private constructor(state: State, options: StoreOptions) {
    this.state = state;
    this.acceptAnyCommit = options.acceptAnyCommit ?? false;
    this.#dataDir = options.dataDir;
    this.#now = options.now ?? (() => new Date());
  }

  /** Continues with what the directory holds, or starts empty. */
  static async open(options: StoreOptions): Promise<Store> {
    await sodium.ready;
    if (options.dataDir) mkdirSync(join(options.dataDir, "content"), { recursive: true });
    const file = options.dataDir && join(options.dataDir, "state.json");
    const state: State = file && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : emptyState();
    const store = new Store(state, options);
    store.save();
    return store;
  }

  /** Makes the present state the one that a later {@link Store.open} finds. */
  save(): void {
    if (this.#dataDir) writeAtomically(join(this.#dataDir, "state.json"), JSON.stringify(this.state, null, 1));
  }

  newId(): number {
    return this.state.nextId++;
  }

  /** ISO 8601 in UTC with whole seconds, as GitHub prints times. */
  time(): string {
    return `${this.#now().toISOString().slice(0, 19)}Z`;
  }

  seconds(): number {
    return Math.floor(this.#now().getTime() / 1000);
  }

  /** @throws GitHubError 404 */
  repository(owner: string, name: string): Repository {
    const repository = this.state.repositories[`${owner}/${name}`.toLowerCase()];
    if (!repository) throw notFound();
    return repository;
  }

  /** `owner/name` of the repository with this id. */
  nameOf(id: number): string | undefined {
    const repository = Object.values(this.state.repositories).find((candidate) => candidate.id === id);
    return repository && `${repository.owner}/${repository.name}`;
  }

  createRepository(options: NewRepository): Repository {
    const { owner, name } = options;
    const key = `${owner}/${name}`.toLowerCase();
    if (this.state.repositories[key]) throw new Error(`repository ${owner}/${name} exists already on the local GitHub`);
    const time = this.time();
    const repository: Repository = {
      id: this.newId(),
      owner,
      name,
      createdAt: time,
      updatedAt: time,
      settings: initialSettings(options),
      immutableReleases: options.immutableReleases ?? false,
      refs: {},
      commits: {},
      annotatedTags: {},
      blobs: {},
      releases: [],
      latestReleaseId: null,
      immutableTags: [],
      secrets: {},
      variables: {},
      environments: {},
      rulesets: [],
      actions: {
        enabled: true,
        allowedActions: "all",
        shaPinningRequired: false,
        selected: { github_owned_allowed: false, verified_allowed: false, patterns_allowed: [] },
        workflow: { default_workflow_permissions: "read", can_approve_pull_request_reviews: false },
      },
      issues: [],
    };
    const author = { name: owner, email: `${owner}@users.noreply.github.com`, date: time };
    const files = Object.fromEntries(
      Object.entries(options.files ?? { "README.md": `# ${name}\n` }).map(([path, text]) => [
        path,
        this.putBlob(repository, Buffer.from(text)),
      ]),
    );
    const first = makeCommit({ message: "Initial commit", author, committer: author, parents: [], files });
    repository.commits[first.sha] = first;
    repository.refs[`refs/heads/${repository.settings.default_branch}`] = { type: "commit", sha: first.sha };
    this.state.repositories[key] = repository;
    this.save();
    return repository;
  }

  /** The commit, or undefined. With `acceptAnyCommit` a full SHA that was never seen becomes an empty commit. */
  commit(repository: Repository, sha: string): Commit | undefined {
    const known = repository.commits[sha];
    if (known || !this.acceptAnyCommit || !/^[0-9a-f]{40}$/.test(sha)) return known;
    return this.addCommit(repository, sha);
  }

  /** Registers a commit under a SHA that was made elsewhere. */
  addCommit(repository: Repository, sha: string, facts: Partial<Omit<Commit, "sha">> = {}): Commit {
    const author = { name: repository.owner, email: `${repository.owner}@users.noreply.github.com`, date: this.time() };
    const commit: Commit = {
      message: "",
      parents: [],
      files: {},
      ...facts,
      author: facts.author ?? author,
      committer: facts.committer ?? facts.author ?? author,
      sha,
    };
    repository.commits[sha] = commit;
    return commit;
  }

  putBlob(repository: Repository, content: Uint8Array): string {
    const sha = blobSha(content);
    repository.blobs[sha] = Buffer.from(content).toString("base64");
    return sha;
  }

  /** Keeps bytes and returns their SHA-256 hex. */
  putContent(bytes: Buffer): string {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (!this.#dataDir) this.#contents.set(sha256, bytes);
    else if (!existsSync(this.#contentFile(sha256))) writeAtomically(this.#contentFile(sha256), bytes);
    return sha256;
  }

  /** The bytes of an uploaded asset. */
  content(asset: Asset): Buffer {
    if (asset.sha256 === null) throw new Error(`asset ${asset.name} has no bytes: its upload broke`);
    if (this.#dataDir) return readFileSync(this.#contentFile(asset.sha256));
    const bytes = this.#contents.get(asset.sha256);
    if (!bytes) throw new Error(`the bytes of asset ${asset.name} (${asset.sha256}) are gone`);
    return bytes;
  }

  /** Finds an asset in any repository. */
  asset(id: number): { repository: Repository; release: Release; asset: Asset } | undefined {
    for (const repository of Object.values(this.state.repositories)) {
      for (const release of repository.releases) {
        const asset = release.assets.find((candidate) => candidate.id === id);
        if (asset) return { repository, release, asset };
      }
    }
    return undefined;
  }

  #contentFile(sha256: string): string {
    return join(this.#dataDir ?? "", "content", sha256);
  }
}

function emptyState(): State {
  const pair = sodium.crypto_box_keypair();
  return {
    nextId: 1001,
    keyPair: {
      id: randomBytes(8).readBigUInt64BE().toString(),
      publicKey: Buffer.from(pair.publicKey).toString("base64"),
      privateKey: Buffer.from(pair.privateKey).toString("base64"),
    },
    repositories: {},
  };
}

function initialSettings(options: NewRepository): RepositorySettings {
  return {
    description: options.description ?? null,
    homepage: null,
    private: options.private ?? false,
    default_branch: options.defaultBranch ?? "main",
    archived: false,
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_discussions: false,
    is_template: false,
    allow_squash_merge: true,
    allow_merge_commit: true,
    allow_rebase_merge: true,
    allow_auto_merge: false,
    allow_update_branch: false,
    delete_branch_on_merge: false,
    web_commit_signoff_required: false,
    topics: [],
  };
}

function writeAtomically(file: string, content: string | Buffer): void {
  const unfinished = `${file}.${process.pid}.tmp`;
  writeFileSync(unfinished, content);
  renameSync(unfinished, file);
}
