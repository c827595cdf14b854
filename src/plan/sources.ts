import { readFile } from "node:fs/promises";
import { dockerfileFor, entrypointOf } from "../model/dockerfile.ts";
import { tagOf } from "../model/version.ts";
import { together } from "../refusal.ts";
import { DOCKERFILE } from "../services/docker-context.ts";
import * as git from "../services/git.ts";
import type { GitHub } from "../services/github.ts";
import { goVersion } from "../services/go.ts";
import type { Settings } from "../settings.ts";

/** What git has of the commit that is released. @throws naming all that is wrong with it */
export async function sourcesOf(settings: Settings, tag: string, tagged: string | undefined) {
  const { repository, prefix } = await git.locate(settings.source);
  const read = async (commit: string) => {
    const [commitTime, dockerfile, license, go] = await together(
      git.commitTime(repository, commit),
      dockerfileAt(repository, commit, settings.binaryName),
      git.fileAt(repository, commit, "LICENSE"),
      goVersion(repository, commit, prefix),
    );
    return { repository, prefix, commit, commitTime, dockerfile, license, go };
  };
  const [sources] = await together(commitOf(settings, tag, tagged).then(read), git.requireWholeHistory(repository));
  return sources;
}

/** The commit that is asked for, as far as it is known here: a published release needs no clone that has it. */
export async function askedCommit({ release, source }: Settings): Promise<string | undefined> {
  return release.kind === "tag"
    ? git.commitOf(source, release.tag).catch(() => undefined)
    : release.kind === "version"
      ? release.commit
      : undefined;
}

/**
 * The commit of an earlier release: by GitHub's tag, not the clone's, because the notes must not depend on which tags were
 * fetched. A clone that lacks the commit (another repository in a rehearsal) lists its whole history.
 */
export async function commitOfRelease(
  { source }: Settings,
  github: GitHub,
  version: string,
): Promise<string | undefined> {
  const commit = await github.tagCommit(tagOf(version));
  return commit && git.commitOf(source, commit).catch(() => undefined);
}

async function commitOf(settings: Settings, tag: string, tagged: string | undefined): Promise<string> {
  const commit = await git.commitOf(settings.source, revisionOf(settings, tag, tagged));
  if (tagged !== undefined && tagged !== commit) {
    throw new Error(
      `tag ${tag} on GitHub is at ${tagged}, and here ${commit} is asked for; a version tag never moves. Fetch the tags, or release the next version.`,
    );
  }
  return commit;
}

/** The tag that was pushed; else the commit that is asked for; else the tag on GitHub; else HEAD. */
function revisionOf({ release }: Settings, tag: string, tagged: string | undefined): string {
  return release.kind === "tag" ? tag : ((release.kind === "version" ? release.commit : undefined) ?? tagged ?? "HEAD");
}

/** The Dockerfile that goes with a commit. @throws when the binary in its image could not be compared after the push */
async function dockerfileAt(repository: string, commit: string, binaryName: string): Promise<string> {
  const own = await git.fileAt(repository, commit, DOCKERFILE);
  const text = own ?? dockerfileFor(binaryName, await template(commit));
  entrypointOf(text);
  return text;
}

async function template(commit: string): Promise<string> {
  return readFile(DOCKERFILE, "utf8").catch((error: unknown) => {
    throw new Error(
      `neither commit ${commit} nor this project has a ${DOCKERFILE} that can be read: write one that starts the binary, and commit it`,
      { cause: error },
    );
  });
}
