import { quoted, shown } from "./quotation.ts";
import type { Version } from "./version.ts";

/** Go architectures that a release may have binaries for, with the registry's variant-free names (`linux/{arch}`). */
export const ARCHITECTURES = ["amd64", "arm64", "386", "ppc64le", "riscv64", "s390x", "loong64"] as const;

/** An architecture, as `GOARCH` names it. */
export type Architecture = (typeof ARCHITECTURES)[number];

/** One compiled executable for one architecture. */
export interface BinaryArtifact {
  /** `{binaryName}-linux-{architecture}`. */
  readonly name: string;
  /** Where the artifact storage keeps it, relative to the storage: `sha256/{checksum}`. The same on every machine. */
  readonly path: string;
  readonly architecture: Architecture;
  /** Semantic version without the `v`. */
  readonly version: Version;
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly checksum: string;
  /** Bytes. */
  readonly size: number;
}

/** What a complete set of artifacts must be. */
export interface ExpectedSet {
  readonly binaryName: string;
  readonly architectures: readonly Architecture[];
  readonly version: Version;
}

/** The name of an artifact: `mount-monitor-linux-amd64`. */
export function artifactName(binaryName: string, architecture: Architecture): string {
  return `${binaryName}-linux-${architecture}`;
}

/** Where the artifact storage keeps the bytes with this SHA-256, relative to the storage. */
export function artifactPath(checksum: string): string {
  return `sha256/${checksum}`;
}

/** Whether a text names an architecture that binaries can be built for. */
export function isArchitecture(text: string): text is Architecture {
  return (ARCHITECTURES as readonly string[]).includes(text);
}

/** Whether a text is a SHA-256 as artifacts carry it: 64 lower-case hex digits. */
export function isChecksum(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * All that is wrong with a set of artifacts, one sentence each; empty when there is exactly one for each architecture
 * and each is what it must be. Sentences name the architecture or the artifact and quote the value.
 */
export function checkArtifactSet(artifacts: readonly BinaryArtifact[], expected: ExpectedSet): string[] {
  return [
    ...expected.architectures.flatMap((architecture) => {
      const count = artifacts.filter((artifact) => artifact.architecture === architecture).length;
      const name = artifactName(expected.binaryName, architecture);
      return count === 0
        ? [`the binary for ${architecture} (${name}) is missing`]
        : count > 1
          ? [`there are ${count} binaries for ${architecture}, and exactly one is released`]
          : [];
    }),
    ...artifacts.flatMap((artifact) => checkArtifact(artifact, expected)),
  ];
}

/**
 * An artifact from its JSON, as a build prints it.
 *
 * @throws quoting the text when it is not a Binary Artifact
 */
export function parseArtifact(text: string): BinaryArtifact {
  const value = parsed(text);
  if (!isArtifact(value)) {
    throw new Error(`a build printed ${quoted(text, 500)}, which is not the JSON of a Binary Artifact`);
  }
  return value;
}

function checkArtifact(artifact: BinaryArtifact, { binaryName, architectures, version }: ExpectedSet): string[] {
  const problems: string[] = [];
  const name = artifactName(binaryName, artifact.architecture);
  if (!architectures.includes(artifact.architecture)) {
    problems.push(`architecture "${artifact.architecture}" is not one of ${architectures.join(", ")}`);
  } else if (artifact.name !== name) {
    problems.push(`its name must be "${name}"`);
  }
  if (artifact.version !== version) {
    problems.push(`version ${quoted(artifact.version)} must be "${version}"`);
  }
  if (!isChecksum(artifact.checksum)) {
    problems.push(`checksum ${quoted(artifact.checksum)} is not a SHA-256 in 64 lower-case hex digits`);
  } else if (artifact.path !== artifactPath(artifact.checksum)) {
    problems.push(`path ${quoted(artifact.path)} must be "${artifactPath(artifact.checksum)}"`);
  }
  if (!Number.isSafeInteger(artifact.size) || artifact.size <= 0) {
    problems.push(`size ${artifact.size} is not a number of bytes`);
  }
  return problems.map((problem) => `${shown(artifact.name)} (${artifact.architecture}): ${problem}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isArtifact(value: unknown): value is BinaryArtifact {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  const fields: Partial<Record<keyof BinaryArtifact, unknown>> = value;
  return (
    [fields.name, fields.path, fields.version, fields.checksum].every((field) => typeof field === "string") &&
    typeof fields.size === "number" &&
    typeof fields.architecture === "string" &&
    isArchitecture(fields.architecture)
  );
}
