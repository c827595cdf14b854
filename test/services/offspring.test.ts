import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { markOffspring } from "../../src/services/offspring.ts";

/** A process in a group of its own, as the engine starts its plugins; up when this resolves. */
async function started(ignoring = "") {
  const script = `${ignoring} process.stdout.write("up"); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  return child;
}

describe.runIf(process.platform === "linux")("what an update started", () => {
  test("is ended by the next one in the same directory, and by no other", async () => {
    const [here, elsewhere] = await Promise.all([mkdtemp(join(tmpdir(), "here-")), mkdtemp(join(tmpdir(), "else-"))]);
    await markOffspring(here);
    const left = await started();
    await markOffspring(elsewhere);
    expect([left.exitCode, left.signalCode]).toEqual([null, null]);

    const other = await started();
    const gone = once(left, "exit");
    await markOffspring(here);
    expect(await gone).toEqual([null, "SIGTERM"]);
    expect([other.exitCode, other.signalCode]).toEqual([null, null]);
    other.kill("SIGKILL");
  });

  test("is ended at its own end too, also when it does not listen", async () => {
    const offspring = await markOffspring(await mkdtemp(join(tmpdir(), "deaf-")));
    const deaf = await started('process.on("SIGTERM", () => {});');
    const gone = once(deaf, "exit");
    await offspring.end();
    expect(await gone).toEqual([null, "SIGKILL"]);
  });
});
