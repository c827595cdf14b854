import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { type ChecksumLine, sha256 } from "../model/checksums.ts";

/** The directory that the image build sees; relative to the project, so that it is the same input on every machine. */
export const CONTEXT = "docker-context";

/** Name of the Dockerfile, in the context and at the root of the repository that is released. */
export const DOCKERFILE = "Dockerfile.release";

/** A file of the context: its name in the image build and where its verified bytes are. */
export interface ContextFile {
  readonly name: string;
  readonly path: string;
}

/**
 * Stages the Docker Build Context: the binaries, unchanged, and the Dockerfile's recorded text. Modes are set, because
 * docker-build hashes them and a umask must not; times are left as they come, because BuildKit's context transfer
 * takes a file of equal size and time for unchanged.
 *
 * @param directory replaced
 */
export async function stageContext(
  binaries: readonly ContextFile[],
  dockerfile: string,
  directory = CONTEXT,
): Promise<void> {
  const staging = `${directory}.${process.pid}`;
  await rm(staging, { recursive: true, force: true });
  try {
    await mkdir(staging, { recursive: true });
    await chmod(staging, 0o755);
    await Promise.all(
      binaries.map(async ({ name, path }) => {
        await copyFile(path, `${staging}/${name}`);
        await chmod(`${staging}/${name}`, 0o755);
      }),
    );
    await writeFile(`${staging}/${DOCKERFILE}`, dockerfile);
    await chmod(`${staging}/${DOCKERFILE}`, 0o644);
    await rm(directory, { recursive: true, force: true });
    await rename(staging, directory);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Sees that the context still holds the files of the release: the last look before their bytes are pushed.
 *
 * @throws naming every file that is missing or another, with both digests
 */
export async function expectStaged(
  { artifacts, dockerfile }: { readonly artifacts: readonly ChecksumLine[]; readonly dockerfile: string },
  directory = CONTEXT,
): Promise<void> {
  const files = [...artifacts, { name: DOCKERFILE, checksum: sha256(dockerfile) }];
  const looks = files.map(async ({ name, checksum }) => {
    const path = `${directory}/${name}`;
    try {
      const found = sha256(await readFile(path));
      return found === checksum ? undefined : `${path} holds sha256:${found}, and sha256:${checksum} was put there`;
    } catch (error) {
      return `${path} cannot be read: ${error instanceof Error ? error.message : error}`;
    }
  });
  const problems = (await Promise.all(looks)).filter((problem) => problem !== undefined);
  if (problems.length > 0) {
    throw new Error(`${problems.join("\n")}\nthe files were changed during the update. Nothing was pushed; run again.`);
  }
}
