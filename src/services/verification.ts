import { tmpdir } from "node:os";
import type { Architecture } from "../model/artifact.ts";
import { type ExpectedBinary, examineBinary } from "../model/elf.ts";
import { quoted } from "../model/quotation.ts";
import { ProcessError, type ProcessResult, run } from "./process.ts";

/** A binary to be verified. */
export interface Verification extends ExpectedBinary {
  readonly name: string;
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Arguments that make it print its version; empty when it shall only be examined. */
  readonly verifyArgs: readonly string[];
}

// Node's and QEMU's names. https://nodejs.org/api/process.html#processarch, https://www.qemu.org/docs/master/user/main.html
const NATIVE: Readonly<Partial<Record<NodeJS.Architecture, Architecture>>> = {
  x64: "amd64",
  arm64: "arm64",
  ia32: "386",
  ppc64: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loong64",
};
const QEMU = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i386",
  ppc64le: "ppc64le",
  riscv64: "riscv64",
  s390x: "s390x",
  loong64: "loongarch64",
} as const satisfies Record<Architecture, string>;

/** Longest that a binary may take to print its version. */
const TIMEOUT_MS = 30_000;

/**
 * Verifies a binary: it is always examined, and it is run where this machine can: by itself, or by qemu-user.
 *
 * @returns how it was verified: `run`, `run by qemu-aarch64`, or `examined`
 * @throws with everything that is wrong
 */
export async function verifyBinary(verification: Verification, signal?: AbortSignal): Promise<string> {
  const { name, bytes, architecture, version, verifyArgs } = verification;
  const problems = examineBinary(bytes, verification);
  if (problems.length > 0) {
    throw new Error(`binary ${name} is not what it must be:\n${problems.join("\n")}`);
  }
  if (verifyArgs.length === 0 || process.platform !== "linux") {
    return "examined";
  }
  for (const runner of runners(architecture)) {
    const result = await ask(runner, verification, signal);
    if (result) {
      refuseOtherAnswer(name, verifyArgs, version, result);
      return runner === undefined ? "run" : `run by ${runner}`;
    }
  }
  return "examined";
}

// undefined: the machine itself.
function runners(architecture: Architecture): readonly (string | undefined)[] {
  const emulator = `qemu-${QEMU[architecture]}`;
  return NATIVE[process.arch] === architecture ? [undefined] : [emulator, `${emulator}-static`];
}

/** Undefined when the runner is not there. */
async function ask(
  runner: string | undefined,
  { name, path, verifyArgs }: Verification,
  signal: AbortSignal | undefined,
): Promise<ProcessResult | undefined> {
  const [command = path, ...args] = [...(runner === undefined ? [] : [runner]), path, ...verifyArgs];
  return run(command, args, {
    directory: tmpdir(),
    environment: { PATH: process.env.PATH ?? "" },
    signal,
    timeoutMs: TIMEOUT_MS,
    maximumOutput: 2 ** 20,
  }).catch((error: unknown) => {
    if (runner !== undefined && error instanceof ProcessError && error.notFound) {
      return undefined;
    }
    throw new Error(
      `binary ${name} could not be asked for its version: ${error instanceof Error ? error.message : error}`,
    );
  });
}

function refuseOtherAnswer(
  name: string,
  verifyArgs: readonly string[],
  version: string,
  { exitCode, stdout, stderr }: ProcessResult,
): void {
  const printed = new TextDecoder().decode(stdout);
  if (exitCode !== 0 || printed.replace(/\r?\n$/, "") !== version) {
    throw new Error(
      `binary ${name} ${verifyArgs.join(" ")} must print exactly "${version}", and printed ${quoted(printed, 500)} ` +
        `(exit code ${exitCode}${stderr.trim() && `, ${quoted(stderr.trim(), 500)}`}); ` +
        "mend it, or say how it is asked: pulumi config set --path 'verifyArgs[0]' ARGUMENT (an empty list: it is examined only)",
    );
  }
}
