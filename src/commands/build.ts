import { readFile } from "node:fs/promises";
import { artifactName, type BinaryArtifact } from "../model/artifact.ts";
import { type BuildRequest, parseBuildRequest } from "../model/build-request.ts";
import { sha256 } from "../model/checksums.ts";
import type { Toolchain } from "../model/toolchain.ts";
import { type ArtifactStorage, openStorage } from "../services/artifact-storage.ts";
import { goBuild, goEnvironment, installedVersion, linkerFlags, toolchainAt } from "../services/go.ts";
import { readSource, withExport } from "../services/source.ts";
import { verifyBinary } from "../services/verification.ts";
import { asProcess } from "./command.ts";

export type { BuildRequest };

/**
 * Builds, verifies and stores one binary from a clean export of its commit. What the same request made before is
 * taken from the artifact storage instead.
 *
 * @throws with everything that is wrong with the binary, or the compiler's output
 */
export async function buildArtifact(request: BuildRequest): Promise<BinaryArtifact> {
  const repository = await readSource();
  const toolchain = await toolchainAt(repository, request.commit, request.prefix);
  const goVersion = toolchain === "local" ? await installedVersion(await goEnvironment(toolchain)) : toolchain;
  if (request.go !== undefined && request.go !== goVersion) {
    throw new Error(
      `this release is built with ${request.go}, and here is ${goVersion}: install ${request.go}, or pin it in go.mod (go get toolchain@${request.go})`,
    );
  }
  const storage = openStorage();
  const key = keyOf(request, goVersion);
  return (await storage.find(key)) ?? (await built(request, { repository, toolchain, goVersion, storage, key }));
}

interface Circumstances {
  readonly repository: string;
  readonly toolchain: Toolchain;
  readonly goVersion: string;
  readonly storage: ArtifactStorage;
  readonly key: string;
}

async function built(
  request: BuildRequest,
  { repository, toolchain, goVersion, storage, key }: Circumstances,
): Promise<BinaryArtifact> {
  const { architecture, version, commit, prefix, versionVariable } = request;
  const name = artifactName(request.binaryName, architecture);
  const path = await storage.begin(key, { name, architecture, version, commit });
  try {
    const ldflags = linkerFlags(versionVariable, version);
    await withExport({ repository, commit, prefix }, (directory) =>
      goBuild({ directory, package: request.package, output: path, architecture, toolchain, ldflags }),
    );
    const bytes = await readFile(path);
    const how = await verifyBinary({ ...request, name, path, bytes, goVersion });
    process.stderr.write(`${name} ${version}: ${bytes.length} bytes, built with ${goVersion}, ${how}\n`);
    return await storage.complete(key, path);
  } catch (error) {
    await storage.abandon(key, path);
    throw error;
  }
}

// A new number here makes every binary be built again: it stands for the way in which they are built.
const RECIPE = 1;

function keyOf(request: BuildRequest, goVersion: string): string {
  const { version, commit, prefix, package: path, binaryName, architecture, versionVariable, verifyArgs } = request;
  const facts = [version, commit, prefix, path, binaryName, architecture, versionVariable, verifyArgs, goVersion];
  return sha256(JSON.stringify([RECIPE, ...facts]));
}

if (import.meta.main) {
  await asProcess(async () => {
    const artifact = await buildArtifact(parseBuildRequest(process.env));
    process.stdout.write(`${JSON.stringify(artifact)}\n`);
  });
}
