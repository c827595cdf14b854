import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { executablesOnPath } from "../../../kit/search-path.ts";
import { endLeftovers, Processes } from "../../../rehearsal/services/processes.ts";
import { startTime } from "../../../src/services/liveness.ts";

const [SHELL = "/bin/sh"] = executablesOnPath("sh");
const [SLEEP = "/bin/sleep"] = executablesOnPath("sleep");
const source = join(import.meta.dirname, "../../../rehearsal/services/processes.ts");

let local: string;
let processes: Processes;

beforeEach(async () => {
  local = await mkdtemp(join(tmpdir(), "processes-"));
  processes = new Processes(local);
});

afterEach(async () => {
  await processes.stopAll();
  await rm(local, { recursive: true });
});

const records = async () => JSON.parse(await readFile(join(local, "processes.json"), "utf8"));
const sleep = () => processes.start({ name: "sleep", command: SLEEP, args: ["600"], log: join(local, "log") });
const gone = async (pid: number) => expect.poll(() => startTime(pid), { interval: 10, timeout: 4_000 }).toBeUndefined();

describe("Processes", () => {
  it("records what runs, and nothing when it has ended", async () => {
    const { pid } = await sleep();
    expect(await records()).toEqual([{ pid, started: await startTime(pid), command: SLEEP }]);
    await processes.stopAll();
    expect(await startTime(pid)).toBeUndefined();
    expect(await records()).toEqual([]);
  });

  it("sends the streams to their files", async () => {
    const [log, output] = [join(local, "log"), join(local, "output")];
    const args = ["-c", "echo out; echo err >&2; exec sleep 600"];
    const { until } = await processes.start({ name: "shell", command: SHELL, args, log, output });
    await until(async () => (await readFile(log, "utf8")) === "err\n" && (await readFile(output, "utf8")) === "out\n");
  });

  it("says how a process ended that did not come up, with the end of its log", async () => {
    const args = ["-c", "echo no such port >&2; exit 7"];
    const { until } = await processes.start({ name: "the registry", command: SHELL, args, log: join(local, "log") });
    await expect(until(async () => false)).rejects.toThrow(/^the registry ended with 7 .*\nno such port$/);
  });

  it("refuses a command that does not exist", async () => {
    const plan = { name: "nothing", command: join(local, "nothing"), args: [], log: join(local, "log") };
    // setpriv, which starts it on Linux, ends with an error of its own.
    const started = processes.start(plan).then(({ until }) => until(async () => false));
    await expect(started).rejects.toThrow(/nothing/);
  });

  it("kills what does not end in good order", { timeout: 15_000 }, async () => {
    const args = ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"];
    const log = join(local, "log");
    const { pid, until } = await processes.start({ name: "stubborn", command: SHELL, args, log });
    await until(async () => (await readFile(log, "utf8")) === "ready\n");
    await processes.stopAll();
    expect(await startTime(pid)).toBeUndefined();
  });
});

describe("endLeftovers", () => {
  it("ends a process whose id and start time are the recorded ones, and tells of it", async () => {
    const { pid } = await sleep();
    expect(await endLeftovers(local)).toEqual([`${SLEEP} (process ${pid})`]);
    expect(await startTime(pid)).toBeUndefined();
    expect(await endLeftovers(local)).toEqual([]);
  });

  it("leaves a process alone that only has the recorded id", async () => {
    const { pid } = await sleep();
    await writeFile(join(local, "processes.json"), JSON.stringify([{ pid, started: "1", command: SLEEP }]));
    expect(await endLeftovers(local)).toEqual([]);
    expect(await startTime(pid)).toBeDefined();
  });

  it.each(["", "[{", '[{"pid":1,"started":"1","command":"init"}]', "{}"])(
    "ends nothing for the record %j",
    async (text) => {
      await writeFile(join(local, "processes.json"), text);
      expect(await endLeftovers(local)).toEqual([]);
    },
  );
});

describe("a parent that ends", () => {
  const program = `
    import { Processes } from ${JSON.stringify(source)};
    const processes = new Processes(process.argv[1]);
    const { pid } = await processes.start({ name: "sleep", command: process.argv[2], args: ["600"], log: process.argv[1] + "/log" });
    console.log(pid);
    process.on("SIGTERM", () => process.exit(0));
    setInterval(() => {}, 1000);
  `;

  it.each(["SIGTERM", "SIGKILL"] as const)("takes its processes along or leaves them recorded: %s", async (signal) => {
    const parent = execa(process.execPath, ["--input-type=module", "-e", program, local, SLEEP], { reject: false });
    const [line] = await once(parent.stdout, "data");
    const pid = Number(line);
    expect(await startTime(pid)).toBeDefined();
    parent.kill(signal);
    await parent;
    if (signal === "SIGKILL" && executablesOnPath("setpriv").length === 0) {
      expect(await endLeftovers(local)).toEqual([`${SLEEP} (process ${pid})`]);
    }
    await gone(pid);
  });
});
