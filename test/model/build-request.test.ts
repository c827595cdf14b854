import { expect, test } from "vitest";
import {
  type BuildRequest,
  buildEnvironment,
  parseBuildRequest,
  parseTestRequest,
  testEnvironment,
} from "../../src/model/build-request.ts";

const request: BuildRequest = {
  version: "1.2.3",
  commit: "d".repeat(40),
  architecture: "arm64",
  binaryName: "tool",
  prefix: "app",
  package: "./cmd/tool",
  versionVariable: "main.Version",
  verifyArgs: ["version", "--short", "with space"],
};

test("a request is read as it was handed over", () => {
  expect(parseBuildRequest(buildEnvironment(request))).toEqual(request);
  expect(parseBuildRequest(buildEnvironment({ ...request, go: "go1.26.8" }))).toEqual({ ...request, go: "go1.26.8" });
  const atTop = { ...request, prefix: "", verifyArgs: [] };
  expect(parseBuildRequest(buildEnvironment(atTop))).toEqual(atTop);
  expect(parseTestRequest(testEnvironment(request))).toEqual({ commit: request.commit, prefix: "app" });
});

const INTRODUCTION = "this script is run by pulumi up, which sets its environment:";

test("all that is missing is named at once", () => {
  expect(() => parseBuildRequest({})).toThrow(
    new Error(
      [
        INTRODUCTION,
        ...["COMMIT", "VERSION", "ARCHITECTURE", "BINARY_NAME", "PACKAGE", "VERSION_VARIABLE"].map(
          (name) => `RELEASE_${name} is missing`,
        ),
      ].join("\n"),
    ),
  );
  expect(() => parseTestRequest({})).toThrow(new Error(`${INTRODUCTION}\nRELEASE_COMMIT is missing`));
});

// Whoever sets them: they become arguments of git and of Go.
test.each([
  ["VERSION", "1.0", '"1.0": is not a version'],
  ["COMMIT", "--output=x", '"--output=x": is not a full commit id'],
  ["PREFIX", "../x", '"../x": is not a directory in a repository'],
  ["ARCHITECTURE", "pdp11", '"pdp11": is none of amd64, arm64, 386, ppc64le, riscv64, s390x, loong64'],
  ["BINARY_NAME", "../x", '"../x": a name has letters and digits, separated by ".", "_" or "-", at most 64'],
  [
    "PACKAGE",
    "-toolexec=id",
    '"-toolexec=id": a package is a path in the module that starts with ./ and has no ".", ".." or "..." part, with at most 1024 characters',
  ],
  ["VERSION_VARIABLE", "V", '"V": a Go variable is given by its package\'s import path and its name'],
  ["VERIFY_ARGS", '"--version"', String.raw`"\"--version\"": it must be a list of arguments`],
  ["VERIFY_ARGS", "{", '"{": it must be a list of arguments'],
  ["VERIFY_ARGS", "[1]", '"[1]": every argument must be a text'],
  ["VERIFY_ARGS", '["\\u0000"]', String.raw`"[\"\\u0000\"]": an argument has no NUL character`],
  ["GO", "go1\u202e", String.raw`"go1\u{202e}": is not the name of a version`],
])("%s %j is refused", (name, value, problem) => {
  expect(() => parseBuildRequest({ ...buildEnvironment(request), [`RELEASE_${name}`]: value })).toThrow(
    new Error(`${INTRODUCTION}\nRELEASE_${name} ${problem}`),
  );
});
