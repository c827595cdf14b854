import { ARCHITECTURES, type Architecture, isArchitecture } from "./artifact.ts";
import type { ReleaseFacts } from "./metadata.ts";
import { quoted } from "./quotation.ts";

/** All that decides one binary; the commit itself says which Go. */
export interface BuildRequest {
  /** Semantic version without the `v`. */
  readonly version: string;
  /** Full commit id. */
  readonly commit: string;
  readonly architecture: Architecture;
  /** Name before `-linux-{arch}`. */
  readonly binaryName: string;
  /** Directory of the Go module in the repository; empty for its top. */
  readonly prefix: string;
  /** Package in the module, `./cmd/mount-monitor`. */
  readonly package: string;
  /** Go variable that gets the version, `main.Version`. */
  readonly versionVariable: string;
  /** Arguments that make the binary print its version; empty when it shall only be examined. */
  readonly verifyArgs: readonly string[];
  /** Version of Go that must build it, `go1.26.8`; whatever the module asks for when absent. */
  readonly go?: string;
}

/** What decides a run of the tests. */
export type TestRequest = Pick<BuildRequest, "commit" | "prefix">;

/** The request that makes a release's binary. Facts only: a path of this machine would be a change on every other one. */
export function requestOf(
  { version, commit, source, go }: Pick<ReleaseFacts, "version" | "commit" | "source" | "go">,
  architecture: Architecture,
): BuildRequest {
  return { version, commit, ...source, architecture, go };
}

/** Environment that hands a request to `src/commands/build.ts`. */
export function buildEnvironment(request: BuildRequest): Record<string, string> {
  return {
    ...testEnvironment(request),
    RELEASE_VERSION: request.version,
    RELEASE_ARCHITECTURE: request.architecture,
    RELEASE_BINARY_NAME: request.binaryName,
    RELEASE_PACKAGE: request.package,
    RELEASE_VERSION_VARIABLE: request.versionVariable,
    RELEASE_VERIFY_ARGS: JSON.stringify(request.verifyArgs),
    ...(request.go === undefined ? {} : { RELEASE_GO: request.go }),
  };
}

/** Environment that hands a request to `src/commands/test.ts`. */
export function testEnvironment({ commit, prefix }: TestRequest): Record<string, string> {
  return { RELEASE_COMMIT: commit, RELEASE_PREFIX: prefix };
}

/** The request of an environment that `buildEnvironment` made. @throws naming every variable that is missing or wrong */
export function parseBuildRequest(environment: Readonly<Partial<Record<string, string>>>): BuildRequest {
  const problems: string[] = [];
  const required = (name: string): string => {
    const value = environment[name];
    if (!value) {
      problems.push(`${name} is missing`);
    }
    return value ?? "";
  };
  const { RELEASE_VERIFY_ARGS: args = "[]", RELEASE_PREFIX: prefix = "", RELEASE_GO: go } = environment;
  const architecture = required("RELEASE_ARCHITECTURE");
  const verifyArgs = parseArguments(args);
  if (architecture && !isArchitecture(architecture)) {
    problems.push(`RELEASE_ARCHITECTURE ${quoted(architecture)} is none of ${ARCHITECTURES.join(", ")}`);
  }
  if (!verifyArgs) {
    problems.push(`RELEASE_VERIFY_ARGS ${quoted(args)} is no JSON list of texts such as ["--version"]`);
  }
  const request = {
    version: required("RELEASE_VERSION"),
    commit: required("RELEASE_COMMIT"),
    binaryName: required("RELEASE_BINARY_NAME"),
    prefix,
    package: required("RELEASE_PACKAGE"),
    versionVariable: required("RELEASE_VERSION_VARIABLE"),
  };
  if (problems.length > 0 || !isArchitecture(architecture) || !verifyArgs) {
    throw new Error(`this script is run by pulumi up, which sets its environment:\n${problems.join("\n")}`);
  }
  return { ...request, architecture, verifyArgs, ...(go ? { go } : {}) };
}

/** The request of an environment that `testEnvironment` made. @throws when the commit is missing */
export function parseTestRequest(environment: Readonly<Partial<Record<string, string>>>): TestRequest {
  const { RELEASE_COMMIT: commit, RELEASE_PREFIX: prefix = "" } = environment;
  if (!commit) {
    throw new Error("this script is run by pulumi up, which sets its environment:\nRELEASE_COMMIT is missing");
  }
  return { commit, prefix };
}

function parseArguments(text: string): string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}
