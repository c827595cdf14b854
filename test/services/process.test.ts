import { realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { ProcessError, run, stream } from "../../src/services/process.ts";

const node = (script: string, ...args: string[]) => [process.execPath, ["-e", script, ...args]] as const;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a process", () => {
  test("gives its output as it is and its exit code", async () => {
    const script =
      "process.stdout.write(Buffer.from([255, 0, 10])); process.stderr.write('why\\n'); process.exitCode = 3";
    const result = await run(...node(script));
    expect(result).toEqual({ exitCode: 3, stdout: Uint8Array.from([255, 0, 10]), stderr: "why\n" });
  });

  test("gets its arguments unchanged: there is no shell", async () => {
    const args = ["$HOME", "; touch x", "a b", "", "*", "'\""];
    const { stdout } = await run(...node("console.log(JSON.stringify(process.argv.slice(1)))", "--", ...args));
    expect(JSON.parse(text(stdout))).toEqual(args);
  });

  test("gets its input, or an empty one", async () => {
    const echo = "process.stdin.pipe(process.stdout)";
    expect(text((await run(...node(echo), { input: "to be read" })).stdout)).toBe("to be read");
    expect(text((await run(...node(echo))).stdout)).toBe("");
  });

  test("gets exactly the environment that it is given", async () => {
    const print = "console.log(JSON.stringify(Object.keys(process.env).sort()))";
    const { stdout } = await run(...node(print), { environment: { ONLY: "1", THIS: "2" } });
    expect(JSON.parse(text(stdout))).toEqual(["ONLY", "THIS"]);
  });

  test("runs in its directory", async () => {
    const directory = await realpath(tmpdir());
    const { stdout } = await run(...node("process.stdout.write(process.cwd())"), { directory });
    expect(text(stdout)).toBe(directory);
  });

  test.each([
    ["that is not there", "no-such-program", [], {}, true, "no-such-program"],
    [
      "that prints too much",
      ...node("process.stdout.write('x'.repeat(1001))"),
      { maximumOutput: 1000 },
      false,
      "printed more than 1000 bytes",
    ],
    [
      "that does not end",
      ...node("setInterval(() => {}, 1000)"),
      { timeoutMs: 200 },
      false,
      "did not end within 200 ms",
    ],
    [
      "that is killed",
      ...node("console.error('last words'); process.kill(process.pid, 'SIGKILL')"),
      {},
      false,
      "was ended by SIGKILL:\nlast words",
    ],
  ] as const)("%s is an error", async (_, command, args, options, notFound, message) => {
    const error = await run(command, args, options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ProcessError);
    expect(error).toMatchObject({ notFound, message: expect.stringContaining(message) });
  });

  test("is ended when it is cancelled", async () => {
    const controller = new AbortController();
    const running = run(...node("setInterval(() => {}, 1000)"), { signal: controller.signal });
    controller.abort();
    await expect(running).rejects.toThrow("was cancelled");
  });
});

describe("a process whose output is used while it comes", () => {
  test("gives what was made of it, and its exit code", async () => {
    const result = await stream(
      ...node("process.stdin.on('data', (data) => process.stdout.write(data)).on('end', () => (process.exitCode = 4))"),
      async (output) => {
        let size = 0;
        for await (const chunk of output) {
          size += chunk.length;
        }
        return size;
      },
      { input: "x".repeat(1_000_000) },
    );
    expect(result).toEqual({ exitCode: 4, value: 1_000_000 });
  });

  test("is ended when its reader fails", async () => {
    const script =
      "process.stdout.on('error', () => {}); setInterval(() => process.stdout.write(String(process.pid)), 10)";
    let pid = 0;
    const reader = async (output: AsyncIterable<Uint8Array>) => {
      for await (const chunk of output) {
        pid = Number.parseInt(text(chunk), 10);
        throw new Error("unreadable");
      }
    };
    await expect(stream(...node(script), reader)).rejects.toThrow("unreadable");
    await expect.poll(() => isThere(pid)).toBe(false);
  });

  test("that is not there is an error", async () => {
    await expect(stream("no-such-program", [], async () => 1)).rejects.toMatchObject({ notFound: true });
  });
});

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
