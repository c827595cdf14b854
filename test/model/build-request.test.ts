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

test("all problems are named at once", () => {
  expect(() => parseBuildRequest({ RELEASE_ARCHITECTURE: "pdp11", RELEASE_VERIFY_ARGS: '"--version"' })).toThrow(
    [
      "this script is run by pulumi up, which sets its environment:",
      'RELEASE_ARCHITECTURE "pdp11" is none of amd64, arm64, 386, ppc64le, riscv64, s390x, loong64',
      'RELEASE_VERIFY_ARGS "\\"--version\\"" is no JSON list of texts such as ["--version"]',
      "RELEASE_VERSION is missing",
      "RELEASE_COMMIT is missing",
      "RELEASE_BINARY_NAME is missing",
      "RELEASE_PACKAGE is missing",
      "RELEASE_VERSION_VARIABLE is missing",
    ].join("\n"),
  );
  expect(() => parseTestRequest({})).toThrow("RELEASE_COMMIT is missing");
});

test.each(["{", "[1]", "null"])("arguments %j are refused", (text) => {
  expect(() => parseBuildRequest({ ...buildEnvironment(request), RELEASE_VERIFY_ARGS: text })).toThrow(
    "RELEASE_VERIFY_ARGS",
  );
});
