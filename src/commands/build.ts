import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { type Architecture, artifactName, type BinaryArtifact } from "../model/artifact.ts";
import { openStorage } from "../services/artifact-storage.ts";
import { examineBinary } from "../model/elf.ts";
import { goBuild, linkerFlags, toolchainAt, goEnvironment, installedVersion } from "../services/go.ts";
import { run } from "../services/process.ts";
import { readSource, withExport } from "../services/source.ts";

export interface BuildRequest {
  readonly version: string; readonly commit: string; readonly prefix: string; readonly package: string;
  readonly binaryName: string; readonly versionVariable: string; readonly verifyArgs: readonly string[];
  readonly architecture: Architecture;
}

export async function buildArtifact(request: BuildRequest): Promise<BinaryArtifact> {
  const { version, commit, prefix, architecture, binaryName, versionVariable, verifyArgs } = request;
  const repository = await readSource();
  const toolchain = await toolchainAt(repository, commit, prefix);
  const goVersion = await installedVersion(await goEnvironment(toolchain));
  const key = createHash("sha256").update(JSON.stringify([request, goVersion])).digest("hex");
  const storage = openStorage();
  const found = await storage.find(key);
  if (found) return found;
  const name = artifactName(binaryName, architecture);
  const file = await storage.begin(key, { name, architecture, version, commit });
  await withExport({ repository, commit, prefix }, (directory) =>
    goBuild({ directory, package: request.package, output: file, architecture, toolchain, ldflags: linkerFlags(versionVariable, version) }));
  const problems = examineBinary(await readFile(file), { architecture, version, versionVariable, goVersion });
  if (problems.length > 0) throw new Error(`${name}:\n${problems.join("\n")}`);
  if (verifyArgs.length > 0 && architecture === "amd64") { const r = await run(file, verifyArgs); if (r.exitCode !== 0 || new TextDecoder().decode(r.stdout).trim() !== version) throw new Error(`${name} printed ${new TextDecoder().decode(r.stdout)} ${r.stderr}`); }
  return storage.complete(key, file);
}

if (import.meta.main) {
  const env = (name: string) => process.env[`RELEASE_${name}`] ?? "";
  console.log(JSON.stringify(await buildArtifact({ version: env("VERSION"), commit: env("COMMIT"), prefix: env("PREFIX"), package: env("PACKAGE"), binaryName: env("BINARY_NAME"), versionVariable: env("VERSION_VARIABLE"), verifyArgs: JSON.parse(env("VERIFY_ARGS")), architecture: env("ARCHITECTURE") as Architecture })));
}
