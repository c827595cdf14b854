import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { holderOf, takeKernelLock, waitForKernelLock } from "../../src/services/kernel-lock.ts";

const source = join(import.meta.dirname, "../../src/services/kernel-lock.ts");

/** A process that holds a name and has a child that outlives it. */
async function holderProcess(name: string) {
  const script = `
    const { takeKernelLock } = await import(${JSON.stringify(source)});
    const { spawn } = await import("node:child_process");
    const release = await takeKernelLock(${JSON.stringify(name)});
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 20000)"], { detached: true, stdio: "ignore" });
    process.stdout.write(release ? String(child.pid) : "refused");
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [said] = await once(holder.stdout, "data");
  return { holder, child: Number(said) };
}

describe("the kernel's lock", () => {
  test("has one holder, is told who it is, and is free again when it is given back", async () => {
    const name = randomUUID();
    expect(await holderOf(name)).toBeUndefined();
    const release = await takeKernelLock(name);
    expect(release).toBeDefined();
    expect(await takeKernelLock(name)).toBeUndefined();
    expect(await holderOf(name)).toMatch(new RegExp(`^process ${process.pid}, since 20\\d\\d-.*Z$`));
    expect(await takeKernelLock(`${name}-other`)).toBeDefined();
    await release?.();
    expect(await takeKernelLock(name)).toBeDefined();
  });

  test("is given to exactly one of many that come at the same moment", async () => {
    const name = randomUUID();
    const taken = await Promise.all(Array.from({ length: 20 }, () => takeKernelLock(name)));
    expect(taken.filter((release) => release !== undefined)).toHaveLength(1);
  });

  test("ends with a holder that is killed, although a child of it lives", async () => {
    const name = randomUUID();
    const { holder, child } = await holderProcess(name);
    expect(await takeKernelLock(name)).toBeUndefined();
    const gone = once(holder, "exit");
    holder.kill("SIGKILL");
    await gone;
    expect(() => process.kill(child, 0)).not.toThrow();
    expect(await takeKernelLock(name)).toBeDefined();
    process.kill(child, "SIGKILL");
  });

  test("is given to who waits when its holder gives it back, which waits for nobody", async () => {
    const name = randomUUID();
    const release = await takeKernelLock(name);
    const { promise: waits, resolve } = Promise.withResolvers<void>();
    const next = waitForKernelLock(name, resolve);
    await waits;
    await release?.();
    await (await next)();
    expect(await holderOf(name)).toBeUndefined();
  });

  test("is given to who waits when its holder is killed", async () => {
    const name = randomUUID();
    const { holder, child } = await holderProcess(name);
    let told = 0;
    const next = waitForKernelLock(name, () => {
      told++;
      holder.kill("SIGKILL");
    });
    await (await next)();
    expect(told).toBe(1);
    process.kill(child, "SIGKILL");
  });
});
