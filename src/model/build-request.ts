import { z } from "zod";
import { ARCHITECTURES, type Architecture } from "./artifact.ts";
import { buildFactsSchema, type ReleaseFacts } from "./metadata.ts";
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
export function parseBuildRequest(environment: Environment): BuildRequest {
  const { architecture, go, ...facts } = parsed(buildSchema, environment);
  return { ...facts, architecture, ...(go === undefined ? {} : { go }) };
}

/** The request of an environment that `testEnvironment` made. @throws naming every variable that is missing or wrong */
export function parseTestRequest(environment: Environment): TestRequest {
  return parsed(testSchema, environment);
}

type Environment = Readonly<Partial<Record<string, string>>>;

const { version, commit, go, source } = buildFactsSchema.shape;
const { prefix, package: path, binaryName, versionVariable, verifyArgs } = source.shape;
const testSchema = z.object({ commit, prefix: prefix.default("") });
const buildSchema = testSchema.extend({
  version,
  architecture: z.enum(ARCHITECTURES, `is none of ${ARCHITECTURES.join(", ")}`),
  binaryName,
  package: path,
  versionVariable,
  verifyArgs: z.string().default("[]").transform(list).pipe(verifyArgs),
  go: go.optional(),
});

// What reaches a compiler's arguments is checked where it arrives, whoever set the environment.
function parsed<T extends z.ZodObject>(schema: T, environment: Environment): z.output<T> {
  const value = (key: string) => environment[variableOf(key)] || undefined;
  const result = schema.safeParse(Object.fromEntries(Object.keys(schema.shape).map((key) => [key, value(key)])));
  if (result.success) {
    return result.data;
  }
  const problems = result.error.issues.map(({ path: [key], message }) => {
    const found = value(String(key));
    return `${variableOf(String(key))} ${found === undefined ? "is missing" : `${quoted(found)}: ${message}`}`;
  });
  throw new Error(`this script is run by pulumi up, which sets its environment:\n${problems.join("\n")}`);
}

/** `RELEASE_BINARY_NAME` of `binaryName`. */
function variableOf(key: string): string {
  return `RELEASE_${key.replace(/[A-Z]/g, "_$&").toUpperCase()}`;
}

function list(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
