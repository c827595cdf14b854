import { chmod, copyFile, mkdir, rename, rm, writeFile } from "node:fs/promises";

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
