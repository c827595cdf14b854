import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";

const module = pathToFileURL(`${import.meta.dirname}/../../rehearsal/process-group.ts`);

/** A process in a group of its own that tells, at each SIGINT, whether its group got it. */
const program = `
  import { watchGroup } from ${JSON.stringify(module)};
  const group = watchGroup();
  process.on("SIGINT", async () => {
    console.log(await group.signalled());
    if (process.argv[1] === "end") group[Symbol.asyncDispose]();
  });
  process.on("SIGTERM", () => process.exit());
  setInterval(() => {}, 1e6).unref();
  console.log("ready");
`;

async function begin(...args: string[]): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn("node", ["--input-type=module", "-e", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  if (child.pid === undefined) throw new Error("node was not started");
  await once(child.stdout, "data");
  return Object.assign(child, { pid: child.pid });
}

async function told(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  return String(line).trim();
}

test("a signal to the process alone, again and again", async () => {
  const child = await begin();
  for (let round = 0; round < 3; round++) {
    process.kill(child.pid, "SIGINT");
    expect(await told(child)).toBe("false");
  }
  process.kill(child.pid, "SIGTERM");
  await once(child, "exit");
});

test.each(Array.from({ length: 10 }, (_, index) => index))("a signal to its whole group, time %i", async () => {
  const child = await begin();
  process.kill(-child.pid, "SIGINT");
  expect(await told(child)).toBe("true");
  process.kill(child.pid, "SIGTERM");
  await once(child, "exit");
});

test("the witness is let go: the process ends by itself", async () => {
  const child = await begin("end");
  process.kill(child.pid, "SIGINT");
  expect(await text(child.stdout as NonNullable<ChildProcess["stdout"]>)).toBe("false\n");
});
