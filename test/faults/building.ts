import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { executablesOnPath } from "../../kit/search-path.ts";
import type { Lane } from "./lane.ts";
import { writes } from "./recording.ts";
import { problemsAfter } from "./sweep.ts";

/** Points of an update before its first write, where nothing is asked of a service. */
export const POINTS = ["while go test runs", "after go test", "while go build runs", "after go build"] as const;

/** Kills the first release of a fresh clone at such a point, and runs it again once. */
export async function killWhileBuilding(lane: Lane, point: (typeof POINTS)[number]): Promise<string> {
  await lane.reset();
  await rm(join(lane.directory, ".artifacts"), { recursive: true });
  const tools = await layOutGo(lane, point);
  const running = lane.begin({ environment: { PATH: [tools, lane.path].join(delimiter) } });
  await readFile(join(tools, "told"));
  await running.kill();
  expect((await running.ended).code).toBe("SIGKILL");
  expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
  expect(await problemsAfter(lane, await lane.update())).toEqual([]);
  return "nothing is written, and the next run converges";
}

/** A Go in front of the real one, which tells when it comes to the point, and waits there. Gives its directory. */
async function layOutGo(lane: Lane, point: string): Promise<string> {
  const [go = ""] = executablesOnPath("go", lane.path);
  const tools = join(lane.directory, "tools");
  await rm(tools, { recursive: true, force: true });
  await mkdir(tools);
  await execa("mkfifo", [join(tools, "told")]);
  await writeFile(
    join(tools, "go"),
    `#!/bin/sh
at() { if [ "$1" = "${point}" ]; then echo > "${tools}/told"; sleep 600; fi }
"${go}" "$@" &
at "while go $1 runs"
wait $!; code=$?
at "after go $1"
exit $code
`,
  );
  await chmod(join(tools, "go"), 0o755);
  return tools;
}
