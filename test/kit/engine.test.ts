import { execa } from "execa";
import { expect, it } from "vitest";
import { moduleDirectory } from "../../kit/cache.ts";
import { executablesOnPath } from "../../kit/search-path.ts";

// With the flags that the kit is built with, so that what was compiled for it is not compiled again.
it.skipIf(executablesOnPath("go").length === 0)(
  "the command stand-in's own tests pass",
  { timeout: 15 * 60_000 },
  async () => {
    const { all, exitCode } = await execa("go", ["test", "-trimpath", "./pulumi-resource-command/..."], {
      cwd: moduleDirectory,
      env: { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -buildvcs=false", GOWORK: "off", GOTOOLCHAIN: "auto" },
      all: true,
      reject: false,
    });
    expect(exitCode, all).toBe(0);
  },
);
