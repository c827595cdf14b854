import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Architecture } from "../../src/model/artifact.ts";
import { MACHINES } from "../../src/model/elf.ts";
import { type Verification, verifyBinary } from "../../src/services/verification.ts";
import { elfImage } from "../model/elf-image.ts";
import { writeFiles } from "./repository.ts";
import { temporaryDirectory } from "./temporary.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

// What is examined is an executable for some architecture; what is run in these tests is a script in its place.
async function binary(script: string, architecture: Architecture = native): Promise<Verification> {
  const directory = await temporaryDirectory();
  await writeFiles(directory, { tool: { executable: `#!/bin/sh\n${script}\n` } });
  return {
    name: `tool-linux-${architecture}`,
    path: join(directory, "tool"),
    bytes: elfImage({
      ...MACHINES[architecture],
      build: {
        goVersion: "go1.26.8",
        information: `build\t-trimpath=true\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=${architecture}\nbuild\tGOOS=linux\n`,
      },
      variables: { "main.Version": "1.2.3" },
    }),
    architecture,
    version: "1.2.3",
    versionVariable: "main.Version",
    goVersion: "go1.26.8",
    verifyArgs: ["--version"],
  };
}

const native: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const foreign: Architecture = native === "amd64" ? "arm64" : "amd64";
const emulator = foreign === "arm64" ? "qemu-aarch64" : "qemu-x86_64";

describe.runIf(process.platform === "linux")("a binary of the machine's own architecture", () => {
  test.each(["echo 1.2.3", "printf 1.2.3", "printf '1.2.3\\r\\n'", '[ "$*" = --version ] && echo 1.2.3'])(
    "is run: %s",
    async (script) => {
      expect(await verifyBinary(await binary(script))).toBe("run");
    },
  );

  test.each([
    ["echo v1.2.3", '"v1.2.3\\n"'],
    ["echo tool 1.2.3", '"tool 1.2.3\\n"'],
    ["echo 1.2.3; echo", '"1.2.3\\n\\n"'],
    ["echo 1.2.3 >&2", '""'],
    ["echo 1.2.3; exit 3", "(exit code 3)"],
    ["echo wrong flag >&2; exit 2", '(exit code 2, "wrong flag")'],
  ])("is refused: %s", async (script, shown) => {
    const failure = verifyBinary(await binary(script));
    await expect(failure).rejects.toThrow(
      `binary tool-linux-${native} --version must print exactly "1.2.3", and printed `,
    );
    await expect(failure).rejects.toThrow(shown);
  });

  test("is refused when it is killed", async () => {
    await expect(verifyBinary(await binary("kill -9 $$"))).rejects.toThrow("could not be asked for its version");
  });

  test("is not given the environment's secrets", async () => {
    vi.stubEnv("GITHUB_TOKEN", "secret");
    expect(await verifyBinary(await binary('echo "1.2.3$GITHUB_TOKEN"'))).toBe("run");
  });

  test("is only examined when it cannot be asked", async () => {
    expect(await verifyBinary({ ...(await binary("exit 1")), verifyArgs: [] })).toBe("examined");
  });
});

describe("a binary of another architecture", () => {
  test("is run by qemu when there is one", async () => {
    const verification = await binary("echo never run; exit 1", foreign);
    for (const name of [emulator, `${emulator}-static`]) {
      const directory = await temporaryDirectory();
      await writeFiles(directory, {
        [name]: { executable: `#!/bin/sh\n[ "$1 $2" = "${verification.path} --version" ] && echo 1.2.3\n` },
      });
      vi.stubEnv("PATH", `${directory}:/bin:/usr/bin`);
      expect(await verifyBinary(verification)).toBe(`run by ${name}`);
    }
  });

  test("is examined where there is none", async () => {
    vi.stubEnv("PATH", await temporaryDirectory());
    expect(await verifyBinary(await binary("echo never run; exit 1", foreign))).toBe("examined");
  });
});

test("what is wrong is named before anything is run", async () => {
  const verification = {
    ...(await binary("echo never run >&2; exit 1", native)),
    version: "1.2.4",
    architecture: foreign,
  };
  await expect(verifyBinary(verification)).rejects.toThrow(
    [
      `binary tool-linux-${native} is not what it must be:`,
      `it is for ${native}, and must be for ${foreign}`,
      `it was built with GOARCH="${native}", and must be built with "${foreign}"`,
      'main.Version in it is "1.2.3", and must be "1.2.4"',
    ].join("\n"),
  );
});
