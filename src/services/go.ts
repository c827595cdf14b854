import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Architecture } from "../model/artifact.ts";
import { messageOf, oneLine, shown } from "../model/quotation.ts";
import { type Toolchain, toolchainOf } from "../model/toolchain.ts";
import { fileAt } from "./git.ts";
import { OFFSPRING } from "./offspring.ts";
import { ProcessError, type ProcessOptions, type ProcessResult, run, stream } from "./process.ts";

/** One package to be compiled for one architecture. */
export interface GoBuildRequest {
  /** Directory of the module. */
  readonly directory: string;
  /** Package in it, `./cmd/mount-monitor`. */
  readonly package: string;
  /** Where the executable is written. */
  readonly output: string;
  readonly architecture: Architecture;
  readonly toolchain: Toolchain;
  /** The linker's flags, as `linkerFlags` makes them. */
  readonly ldflags: string;
}

/** What Go's tests said. */
export interface TestResult {
  readonly passed: boolean;
  /** Packages whose tests passed. */
  readonly packages: number;
  /** Packages that have no tests. */
  readonly untested: number;
}

/** The closed environment of Go: nothing that decides the bytes is inherited. */
export type GoEnvironment = Readonly<Record<string, string>>;

// Every choice that Go would take from the environment or from `go env -w`. An empty value is Go's own default.
// https://pkg.go.dev/cmd/go#hdr-Environment_variables
const CLOSED = {
  CGO_ENABLED: "0",
  GO386: "sse2",
  GOAMD64: "v1",
  GOARM64: "v8.0",
  GOENV: "off",
  GOEXPERIMENT: "",
  GOFIPS140: "off",
  GOFLAGS: "",
  GOPPC64: "power8",
  GORISCV64: "rva20u64",
  GOWORK: "off",
} as const;

// What a build needs of its surroundings: where things are kept and how modules are reached. None decides a byte,
// because go.sum names the content of every module.
const PASSED = [
  ...[
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "TMP",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
    "GIT_SSH_COMMAND",
    "NETRC",
    // By which a recovery finds what a killed update has started.
    OFFSPRING,
  ],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"],
] as const;

// Kept by `go env -w` as well, which GOENV=off hides; so they are asked for and passed on.
const ASKED = [
  ...[
    "GOAUTH",
    "GOCACHE",
    "GOINSECURE",
    "GOMODCACHE",
    "GONOPROXY",
    "GONOSUMDB",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "GOVCS",
  ],
] as const;

// No module lies there that would choose another version of Go.
const ROOT = "/";

/**
 * Environment in which Go is run for a release.
 *
 * @param toolchain the release of Go that runs, and no other; `local` for the installed one
 * @throws when there is no Go on the PATH
 */
export async function goEnvironment(toolchain: Toolchain): Promise<GoEnvironment> {
  const { GOENV: _hidden, ...closed } = CLOSED;
  const { stdout } = await go(["env", "-json", ...ASKED], {
    directory: ROOT,
    environment: { ...inherited(process.env), ...closed, GOTOOLCHAIN: "local" },
  });
  const asked: Partial<Record<string, string>> = JSON.parse(new TextDecoder().decode(stdout));
  const known = ASKED.flatMap((name) => (asked[name] ? [[name, asked[name]] as const] : []));
  return {
    ...picked(process.env, PASSED),
    ...Object.fromEntries(known),
    ...CLOSED,
    GOTOOLCHAIN: toolchain,
  };
}

/**
 * The version of Go that builds a module, `go1.26.8`: what its go.mod pins, else what is installed.
 *
 * @param prefix directory of the module in the repository
 * @throws when the commit has no go.mod there, or that version of Go can neither be found nor be fetched
 */
export async function goVersion(repository: string, commit: string, prefix: string): Promise<string> {
  const toolchain = await toolchainAt(repository, commit, prefix);
  const environment = await goEnvironment(toolchain);
  return installedVersion(environment).catch((error: unknown) => {
    const reason = oneLine(messageOf(error));
    throw new Error(
      `go.mod of commit ${commit} asks for ${shown(toolchain)}, which is neither here nor to be had (${reason}): install it, or pin another one in go.mod`,
    );
  });
}

/** The toolchain that the go.mod of a module at a commit pins. @throws when there is no go.mod */
export async function toolchainAt(repository: string, commit: string, prefix: string): Promise<Toolchain> {
  const path = prefix === "" ? "go.mod" : `${prefix}/go.mod`;
  const goMod = await fileAt(repository, commit, path);
  if (goMod === undefined) {
    throw new Error(
      `commit ${commit} has no ${path}: commit it, or name the Go module's directory: pulumi config set source DIR`,
    );
  }
  return toolchainOf(goMod);
}

/** The version of Go that an environment chooses, `go1.26.8`. */
export async function installedVersion(environment: GoEnvironment): Promise<string> {
  const { stdout } = await go(["env", "GOVERSION"], { directory: ROOT, environment });
  return new TextDecoder().decode(stdout).trim();
}

/**
 * Linker flags that embed a version. The symbol table stays (no `-s`), so that the version can be read back from any
 * architecture's binary; DWARF and the build id, which carry nothing for a user, do not.
 *
 * @throws when the variable or the version cannot be written into flags
 */
export function linkerFlags(versionVariable: string, version: string): string {
  if (!/^[^\s'"=]+\.[^\s'"=./]+$/.test(versionVariable)) {
    throw new Error(
      `versionVariable "${versionVariable}" is no Go variable such as main.Version: pulumi config set versionVariable PACKAGE.NAME`,
    );
  }
  if (!/^[0-9A-Za-z.-]+$/.test(version)) {
    throw new Error(`version "${version}" is not a semantic version`);
  }
  return `-w -buildid= -X ${versionVariable}=${version}`;
}

/**
 * Compiles one package. The bytes depend on the sources, the request and the version of Go, and on nothing else.
 *
 * @throws with the compiler's output when it does not compile
 */
export async function goBuild(
  { directory, package: path, output, architecture, toolchain, ldflags }: GoBuildRequest,
  signal?: AbortSignal,
): Promise<void> {
  const environment = { ...(await goEnvironment(toolchain)), GOOS: "linux", GOARCH: architecture };
  const flags = ["-trimpath", "-buildvcs=false", moduleFlag(directory), `-ldflags=${ldflags}`];
  await go(
    ["build", ...flags, "-o", output, path],
    { directory, environment, signal },
    `${path} for linux/${architecture}`,
  );
}

/**
 * Runs all tests of a module, as this machine's architecture; their output goes to standard error.
 *
 * @param trimPaths compile them as the release is compiled, which spares compiling everything twice; tests that look
 *   for files beside their own source need their paths
 */
export async function goTest(
  { directory, toolchain, trimPaths }: { directory: string; toolchain: Toolchain; trimPaths: boolean },
  signal?: AbortSignal,
): Promise<TestResult> {
  const environment = await goEnvironment(toolchain);
  const flags = [...(trimPaths ? ["-trimpath"] : []), "-buildvcs=false", moduleFlag(directory)];
  const { exitCode, value } = await stream("go", ["test", ...flags, "./..."], report, {
    directory,
    environment,
    signal,
  });
  return { passed: exitCode === 0, ...value };
}

// A module that keeps its dependencies beside it is built from those; its go.mod must agree either way.
function moduleFlag(directory: string): string {
  return existsSync(join(directory, "vendor/modules.txt")) ? "-mod=vendor" : "-mod=readonly";
}

async function report(output: AsyncIterable<Uint8Array>): Promise<Omit<TestResult, "passed">> {
  const decoder = new TextDecoder();
  const counts = { packages: 0, untested: 0 };
  let rest = "";
  for await (const chunk of output) {
    process.stderr.write(chunk);
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    counts.packages += lines.filter((line) => line.startsWith("ok  \t")).length;
    counts.untested += lines.filter((line) => line.includes("[no test files]")).length;
  }
  return counts;
}

async function go(args: readonly string[], options: ProcessOptions, what = args.join(" ")): Promise<ProcessResult> {
  const result = await run("go", args, options).catch((error: unknown) => {
    throw error instanceof ProcessError && error.notFound
      ? new Error(
          "go is not on the PATH, and this run has to build: install Go (https://go.dev/dl/), or add its bin directory to PATH",
        )
      : error;
  });
  if (result.exitCode !== 0) {
    const output = `${new TextDecoder().decode(result.stdout)}${result.stderr}`.trim();
    throw new Error(`go ${args[0]} failed (${what}):\n${output}`);
  }
  return result;
}

function inherited(environment: NodeJS.ProcessEnv): Record<string, string> {
  return picked(environment, Object.keys(environment));
}

function picked(environment: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
}
