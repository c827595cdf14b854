import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

/** Runs a program that lets a promise be rejected which nobody awaits, and works on. */
function rejecting(error: string): Promise<{ exitCode?: number; stdout: string; stderr: string }> {
  const program = `
    const { outliveEngine } = await import(${JSON.stringify(join(import.meta.dirname, "../src/inline-program.ts"))});
    outliveEngine();
    outliveEngine();
    Promise.reject(Object.assign(new Error("from nobody"), ${error}));
    setImmediate(() => setImmediate(() => console.log("worked on")));
  `;
  return execa("node", ["--input-type=module", "--eval", program], { preferLocal: true, reject: false });
}

test.each([
  ["UNAVAILABLE", 14],
  ["CANCELLED", 1],
])("a call of the SDK that the engine leaves with %s ends nothing", async (_, code) => {
  expect(await rejecting(`{ code: ${code} }`)).toMatchObject({ exitCode: 0, stdout: "worked on", stderr: "" });
});

test.each(["{}", "{ code: 2 }", '{ code: "ECONNRESET" }'])("any other error ends the process: %s", async (error) => {
  const { exitCode, stdout, stderr } = await rejecting(error);
  expect([exitCode, stdout]).toEqual([1, ""]);
  expect(stderr).toContain("Error: from nobody");
});
