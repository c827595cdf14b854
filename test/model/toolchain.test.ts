import { expect, test } from "vitest";
import { toolchainOf } from "../../src/model/toolchain.ts";

const module = "module example.com/tool\n\n";

test.each([
  ["the toolchain line", "go 1.26.0\n\ntoolchain go1.26.8\n", "go1.26.8"],
  ["a toolchain line with a two-part go line", "go 1.26\ntoolchain go1.26.8\n", "go1.26.8"],
  ["a whole version in the go line", "go 1.25.3\n", "go1.25.3"],
  ["a go line that is higher", "go 1.26.10\ntoolchain go1.26.9\n", "go1.26.10"],
  ["a release candidate", "go 1.27rc2\n", "go1.27rc2"],
  ["a release is higher than its candidate", "go 1.27.0\ntoolchain go1.27rc2\n", "go1.27.0"],
  ["a candidate is higher than a beta", "go 1.27beta3\ntoolchain go1.27rc1\n", "go1.27rc1"],
  ["a toolchain of somebody's own", "go 1.26\ntoolchain go1.26.8-custom\n", "go1.26.8-custom"],
  ["tabs and comments", "go\t1.26\ntoolchain  go1.26.8 // pinned\r\n", "go1.26.8"],
  ["a version of the language pins nothing", "go 1.26\n", "local"],
  ["the default toolchain", "go 1.26\ntoolchain default\n", "local"],
  ["toolchains before 1.21 cannot be selected", "go 1.20.3\n", "local"],
  ["no go line", "", "local"],
  ["a dependency named toolchain", "go 1.26\nrequire toolchain/go1 v1.26.8\n", "local"],
  ["a comment", "go 1.26\n// toolchain go1.26.8\n", "local"],
])("%s", (_, lines, toolchain) => {
  expect(toolchainOf(module + lines)).toBe(toolchain);
});
