import sodium from "libsodium-wrappers";
import { makeCommit, peel } from "./git-object.ts";
import type { Asset, Commit, Environment, Release, Repository, Secret, State } from "./state.ts";
import type { Store } from "./store.ts";

/**
 * Direct access to what the local GitHub stores, past its API: for tests that read or tamper, and for the rehearsal's
 * own preparation. Repositories are named `owner/name`. What is missing is an error that names it.
 */
export interface Inspection {
  /** The live state; call {@link Inspection.save} after changing it by hand. */
  readonly state: State;
  save(): void;
  repositories(): string[];
  repository(repository: string): Repository;
  /** All releases of a tag, drafts included; of all tags without one. */
  releases(repository: string, tag?: string): Release[];
  /** The bytes of an uploaded asset of the only release that has this tag. */
  assetBytes(repository: string, tag: string, name: string): Buffer;
  /** Replaces an asset's bytes, adding the asset if need be; its id stays. */
  setAssetBytes(repository: string, tag: string, name: string, bytes: Buffer): void;
  deleteAsset(repository: string, tag: string, name: string): void;
  /** Tag → commit SHA, through annotated tags. */
  tags(repository: string): Record<string, string>;
  setTag(repository: string, tag: string, sha: string): void;
  deleteTag(repository: string, tag: string): void;
  /** Registers a commit that was made elsewhere; `branch` then points at it. */
  addCommit(repository: string, sha: string, facts?: Partial<Omit<Commit, "sha">> & { branch?: string }): Commit;
  /** The text of a file at the tip of a branch (default: the default branch); undefined if there is none. */
  file(repository: string, path: string, branch?: string): string | undefined;
  /** A commit of somebody on the default branch that changes one file; without a text it deletes the file. */
  writeFile(repository: string, path: string, text: string | undefined): void;
  /** Name → value, decrypted; of an environment if one is named. */
  secrets(repository: string, environment?: string): Record<string, string>;
  variables(repository: string, environment?: string): Record<string, string>;
}

export function inspection(store: Store): Inspection {
  const { state } = store;

  function repository(fullName: string): Repository {
    const found = state.repositories[fullName.toLowerCase()];
    if (!found)
      throw new Error(`the local GitHub has no repository ${fullName}, only: ${names().join(", ") || "none"}`);
    return found;
  }

  function names(): string[] {
    return Object.values(state.repositories).map(({ owner, name }) => `${owner}/${name}`);
  }

  function releaseOf(fullName: string, tag: string): Release {
    const [release, ...others] = repository(fullName).releases.filter(({ tagName }) => tagName === tag);
    if (!release || others.length > 0) {
      throw new Error(`${fullName} has ${release ? others.length + 1 : "no"} releases with the tag ${tag}, not one`);
    }
    return release;
  }

  function assetOf(fullName: string, tag: string, name: string): Asset {
    const release = releaseOf(fullName, tag);
    const asset = release.assets.find((candidate) => candidate.name === name);
    if (!asset)
      throw new Error(`release ${tag} has no asset ${name}, only: ${release.assets.map((a) => a.name).join(", ")}`);
    return asset;
  }

  function place(fullName: string, environment: string | undefined): Repository | Environment {
    if (environment === undefined) return repository(fullName);
    const found = repository(fullName).environments[environment.toLowerCase()];
    if (!found) throw new Error(`${fullName} has no environment ${environment}`);
    return found;
  }

  return {
    state,
    save: () => store.save(),
    repositories: names,
    repository,
    releases: (fullName, tag) =>
      repository(fullName).releases.filter(({ tagName }) => tag === undefined || tagName === tag),
    assetBytes: (fullName, tag, name) => store.content(assetOf(fullName, tag, name)),
    setAssetBytes(fullName, tag, name, bytes) {
      const release = releaseOf(fullName, tag);
      const time = store.time();
      const fresh: Asset = {
        id: store.newId(),
        name,
        label: "",
        contentType: "application/octet-stream",
        state: "uploaded",
        size: 0,
        sha256: null,
        downloads: 0,
        uploader: release.author,
        createdAt: time,
        updatedAt: time,
      };
      const asset = release.assets.find((candidate) => candidate.name === name) ?? fresh;
      if (asset === fresh) release.assets.push(asset);
      Object.assign(asset, { state: "uploaded", size: bytes.length, sha256: store.putContent(bytes), updatedAt: time });
      store.save();
    },
    deleteAsset(fullName, tag, name) {
      const asset = assetOf(fullName, tag, name);
      const release = releaseOf(fullName, tag);
      release.assets = release.assets.filter((other) => other !== asset);
      store.save();
    },
    tags(fullName) {
      const found = repository(fullName);
      const entries = Object.entries(found.refs).filter(([ref]) => ref.startsWith("refs/tags/"));
      return Object.fromEntries(entries.map(([ref, object]) => [ref.slice(10), peel(found, object) ?? object.sha]));
    },
    setTag(fullName, tag, sha) {
      repository(fullName).refs[`refs/tags/${tag}`] = { type: "commit", sha };
      store.save();
    },
    deleteTag(fullName, tag) {
      delete repository(fullName).refs[`refs/tags/${tag}`];
      store.save();
    },
    addCommit(fullName, sha, { branch, ...facts } = {}) {
      const found = repository(fullName);
      const added = store.addCommit(found, sha, facts);
      if (branch !== undefined) found.refs[`refs/heads/${branch}`] = { type: "commit", sha };
      store.save();
      return added;
    },
    file(fullName, path, branch) {
      const found = repository(fullName);
      const tip = found.refs[`refs/heads/${branch ?? found.settings.default_branch}`];
      const blob = found.blobs[found.commits[tip?.sha ?? ""]?.files[path] ?? ""];
      return blob === undefined ? undefined : Buffer.from(blob, "base64").toString("utf8");
    },
    writeFile(fullName, path, text) {
      const found = repository(fullName);
      const ref = `refs/heads/${found.settings.default_branch}`;
      const tip = found.commits[found.refs[ref]?.sha ?? ""];
      const { [path]: _, ...files } = tip?.files ?? {};
      if (text !== undefined) files[path] = store.putBlob(found, Buffer.from(text));
      const author = { name: "Somebody", email: "somebody@example.com", date: store.time() };
      const parents = tip ? [tip.sha] : [];
      const made = makeCommit({ message: `Change ${path}`, author, committer: author, parents, files });
      found.commits[made.sha] = made;
      found.refs[ref] = { type: "commit", sha: made.sha };
      store.save();
    },
    secrets: (fullName, environment) =>
      Object.fromEntries(
        Object.values(place(fullName, environment).secrets).map((secret) => [secret.name, openSecret(state, secret)]),
      ),
    variables: (fullName, environment) =>
      Object.fromEntries(Object.values(place(fullName, environment).variables).map(({ name, value }) => [name, value])),
  };
}

/**
 * Opens the sealed box of a secret.
 * @throws Error if it was not sealed for this server
 */
export function openSecret(state: State, secret: Pick<Secret, "encryptedValue">): string {
  const key = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
  const { publicKey, privateKey } = state.keyPair;
  return sodium.to_string(sodium.crypto_box_seal_open(key(secret.encryptedValue), key(publicKey), key(privateKey)));
}
