import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { inClearText, watchArguments } from "./clear-text.ts";

const VALUE = 'p"ss wörd/+=\\&?';

test.each([
  ["plain text", `password: ${VALUE}.`],
  ["JSON", JSON.stringify({ password: VALUE })],
  ["JSON in JSON", JSON.stringify({ body: JSON.stringify({ password: VALUE }) })],
  ["URL-encoded", `?password=${encodeURIComponent(VALUE)}`],
  ["form-encoded", String(new URLSearchParams({ password: VALUE }))],
  ["hexadecimal", Buffer.from(VALUE).toString("hex")],
])("a value is found in %s", async (as, log) => {
  expect(await inClearText([VALUE], [], { log })).toContainEqual({ where: "log", as });
});

test("a value is found in whatever was encoded as base64 around it", async () => {
  const around = fc.string({ maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(around, fc.string({ minLength: 6 }), around, async (before, value, after) => {
      for (const as of ["base64", "base64url"] as const) {
        const log = Buffer.from(before + value + after).toString(as);
        expect(await inClearText([value], [], { log })).toContainEqual({ where: "log", as });
      }
    }),
  );
});

test("nothing is found where nothing is, and everything in a directory is looked at", async () => {
  const directory = await mkdtemp(join(tmpdir(), "clear-text-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, ".hidden/deep"), { recursive: true });
  await mkdir(join(directory, "node_modules"));
  await writeFile(join(directory, "node_modules/ignored"), VALUE);
  await writeFile(join(directory, "clean"), "p ss word");
  expect(await inClearText([VALUE], [directory], { log: "" })).toEqual([]);
  const file = join(directory, ".hidden/deep/state.json.bak");
  await writeFile(file, Buffer.concat([Buffer.from([0, 255]), Buffer.from(VALUE)]));
  expect(await inClearText([VALUE], [directory])).toEqual([{ where: file, as: "plain text" }]);
});

test("the arguments of a process are seen while it lives", async () => {
  const stop = watchArguments();
  const child = spawn("sleep", ["300.125"]);
  onTestFinished(() => void child.kill());
  await expect.poll(stop).toContain("300.125");
});
