import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { executablesOnPath } from "../../../kit/search-path.ts";
import { REPOSITORY } from "../lane.ts";
import { writes } from "../recording.ts";
import { expectFailure, expectRelease, type Scenario, sentence, TAG } from "./scenario.ts";

/** What the machine's own files and programs lack. */
export const machineScenarios: readonly Scenario[] = [
  {
    row: 9,
    fault: "a stored binary is changed between image and release",
    async run(lane) {
      const [checksum = ""] = Object.entries(lane.clean.published.releases[TAG]?.assets ?? {}).flatMap(([name, sum]) =>
        name.endsWith("arm64") ? [sum] : [],
      );
      const stored = await fileOf(join(lane.directory, ".artifacts"), checksum);
      const bytes = await readFile(stored);
      lane.onBoundary(async (service, { method, path }, boundary) => {
        if (service === "registry" && method === "PUT" && path.endsWith(TAG) && boundary === "after-apply") {
          await writeFile(stored, bytes.subarray(0, bytes.length - 1));
        }
        return undefined;
      });
      const { shown } = await expectFailure(lane, new RegExp(checksum));
      expect(lane.github.inspect.releases(REPOSITORY).filter(({ draft }) => !draft)).toEqual([]);
      await expectRelease(lane);
      return `${sentence(shown, new RegExp(`.*${checksum}.*`))}; the next run builds the same bytes again`;
    },
  },
  {
    row: 9,
    fault: "a staged binary is changed between the guard and the push",
    async run(lane) {
      const [staged, path] = ["docker-context/mount-monitor-linux-arm64", `/manifests/${TAG}`];
      lane.onBoundary(async (service, request, boundary) => {
        if (service === "registry" && request.path.endsWith(path) && boundary === "before") {
          await appendFile(join(lane.directory, staged), "and more");
        }
        return undefined;
      });
      const { shown } = await expectFailure(lane, new RegExp(`${staged} holds sha256:.*Nothing was pushed`, "s"));
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      await expectRelease(lane);
      return `nothing is pushed: ${sentence(shown, new RegExp(`${staged} holds.*`))}`;
    },
  },
  {
    row: 22,
    fault: "no Go on the PATH, no builder",
    async run(lane) {
      const path = (process.env.PATH ?? "")
        .split(delimiter)
        .filter((place) => executablesOnPath("go", place).length === 0);
      const withoutGo = await lane.update({
        settings: { version: "2.0.0" },
        environment: { PATH: path.join(delimiter) },
      });
      expect([withoutGo.code, withoutGo.shown]).toEqual([1, expect.stringMatching(/\bgo\b.*PATH|install Go/i)]);
      const withoutBuilder = await lane.update({ settings: { builder: "nobody" } });
      expect([withoutBuilder.code, withoutBuilder.shown]).toEqual([1, expect.stringContaining('builder "nobody"')]);
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      return `${sentence(withoutGo.shown, /.*\bgo\b.*PATH.*/i)}; ${sentence(withoutBuilder.shown, /.*builder "nobody".*/)}`;
    },
  },
  {
    row: 22,
    fault: "a directory that cannot be written",
    short: true,
    async run(lane) {
      await rm(join(lane.directory, "docker-context"), { recursive: true, force: true });
      await writeFile(join(lane.directory, "docker-context"), "");
      const { shown } = await expectFailure(lane, /docker-context cannot be written/);
      await rm(join(lane.directory, "docker-context"));
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      await expectRelease(lane);
      return sentence(shown, /.*docker-context cannot be written.*/);
    },
  },
  {
    row: 22,
    fault: "a disk that is nearly full",
    async run(lane) {
      // Whoever may not mount one runs BuildKit in Docker.
      if (process.getuid?.() !== 0) return "not tried: a disk of its own needs root";
      const disk = join(lane.directory, "docker-context");
      await mkdir(disk, { recursive: true });
      await execa("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
      const { shown } = await expectFailure(lane, /docker-context is on a disk with \d MB free/).finally(() =>
        execa("umount", [disk]),
      );
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      await expectRelease(lane);
      return sentence(shown, /.*docker-context is on a disk.*/);
    },
  },
];

async function fileOf(directory: string, checksum: string): Promise<string> {
  for (const name of await readdir(directory, { recursive: true })) {
    if (name.endsWith(checksum)) return join(directory, name);
  }
  throw new Error(`${directory} holds no file for ${checksum}`);
}
