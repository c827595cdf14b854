import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { violations } from "../invariants.ts";
import { type Lane, REPOSITORY } from "../lane.ts";
import { writes } from "../recording.ts";
import {
  expectFailure,
  expectRelease,
  LASTING,
  problemsAfterRepair,
  type Scenario,
  sentence,
  TAG,
  UPLOADS,
} from "./scenario.ts";

/** What others do to drafts, releases and tags on GitHub. */
export const releaseScenarios: readonly Scenario[] = [
  {
    row: 8,
    fault: "the name is taken by other bytes meanwhile",
    async run(lane) {
      const other = Buffer.from("somebody else's");
      lane.onBoundary((_service, { method, path }, boundary) => {
        if (method === "POST" && path.endsWith("/releases") && boundary === "after-apply") {
          lane.github.inspect.setAssetBytes(REPOSITORY, TAG, "checksums.txt", other);
        }
        return undefined;
      });
      const { shown } = await expectFailure(lane, /checksums\.txt with another content/);
      expect(lane.github.inspect.assetBytes(REPOSITORY, TAG, "checksums.txt")).toEqual(other);
      expect(lane.github.inspect.releases(REPOSITORY).map(({ draft }) => draft)).toEqual([true]);
      return `stays a draft; ${sentence(shown, /.*another content.*/)}`;
    },
  },
  {
    row: 10,
    fault: "our own draft on the second page of drafts",
    async run(lane) {
      lane.github.misbehave({ method: "POST", path: UPLOADS, times: LASTING, action: { status: 422 } });
      await expectFailure(lane, /422/);
      const [own] = lane.github.inspect.releases(REPOSITORY, TAG);
      for (let index = 0; index < 105; index++) await draftBySomebody(lane, `v0.0.${index}`);
      const { shown } = await lane.update({ operations: ["up", "preview"] });
      expect(shown).toMatch(/Resources:\n\s+\d+ unchanged(\n|$)/);
      expect(lane.github.inspect.releases(REPOSITORY, TAG).map(({ id, draft }) => [id, draft])).toEqual([
        [own?.id, false],
      ]);
      expect(await violations(lane)).toEqual([]);
      return `draft ${own?.id} adopted and published, 105 drafts of others untouched`;
    },
  },
  {
    row: 10,
    fault: "somebody else's draft of the same tag",
    short: true,
    async run(lane) {
      const id = await draftBySomebody(lane, TAG);
      const { shown } = await expectFailure(lane, new RegExp(`has a draft of ${TAG}.*${id}`, "s"));
      expect(lane.github.inspect.releases(REPOSITORY).map((release) => [release.id, release.draft])).toEqual([
        [id, true],
      ]);
      return sentence(shown, /.*has a draft of.*/);
    },
  },
  {
    row: 12,
    fault: "the version is published and immutable: same bytes, then another commit",
    short: true,
    async run(lane) {
      lane.github.inspect.repository(REPOSITORY).immutableReleases = true;
      await expectRelease(lane);
      expect(lane.github.inspect.releases(REPOSITORY, TAG).map(({ immutable }) => immutable)).toEqual([true]);
      const count = [lane.github.history.length, lane.registry.history.length] as const;
      await expectRelease(lane);
      const commit = await commitSomething(lane);
      const { code, shown } = await lane.update({ settings: { commit } });
      expect([code, shown]).toEqual([1, expect.stringContaining(`${TAG} is already published from commit`)]);
      expect([...lane.github.history.slice(count[0]), ...lane.registry.history.slice(count[1])].filter(writes)).toEqual(
        [],
      );
      return `no-op; then ${sentence(shown, /.*already published from.*/)}`;
    },
  },
  {
    row: 13,
    fault: "the git tag moves while assets are uploaded",
    async run(lane) {
      const other = "0123456789abcdef0123456789abcdef01234567";
      lane.onBoundary((_service, { method, path }, boundary) => {
        if (method === "POST" && path.endsWith("/assets") && boundary === "after-apply") {
          lane.github.inspect.setTag(REPOSITORY, TAG, other);
        }
        return undefined;
      });
      const { shown } = await expectFailure(lane, new RegExp(`tag ${TAG} .*${other}`));
      expect(lane.github.inspect.releases(REPOSITORY).map(({ draft }) => draft)).toEqual([true]);
      return `stays a draft; ${sentence(shown, new RegExp(`.*${other}.*`))}`;
    },
  },
  {
    row: 21,
    fault: "an asset deleted, an asset replaced, the version tag moved after the release",
    async run(lane) {
      await expectRelease(lane);
      const { inspect } = lane.github;
      inspect.deleteAsset(REPOSITORY, TAG, "mount-monitor-linux-arm64");
      const seen = await lane.update({ operations: ["refresh", "preview", "up"] });
      expect(seen.shown).toContain("asset mount-monitor-linux-arm64 of v1.0.0 is missing");
      expect(await problemsAfterRepair(lane, seen)).toEqual([]);

      const checksums = inspect.assetBytes(REPOSITORY, TAG, "checksums.txt");
      inspect.setAssetBytes(REPOSITORY, TAG, "checksums.txt", Buffer.from("something else"));
      const refused = await lane.update();
      expect([refused.code, refused.shown]).toEqual([1, expect.stringContaining("checksums.txt")]);
      expect(String(inspect.assetBytes(REPOSITORY, TAG, "checksums.txt"))).toBe("something else");
      inspect.setAssetBytes(REPOSITORY, TAG, "checksums.txt", checksums);

      const elsewhere = "0123456789abcdef0123456789abcdef01234567";
      inspect.setTag(REPOSITORY, TAG, elsewhere);
      const moved = await lane.update();
      const said = expect.stringContaining(`tag ${TAG} on GitHub is at ${elsewhere}, recorded is`);
      expect([moved.code, moved.shown]).toEqual([1, said]);
      return "the missing one is shown and restored, byte by byte; the replaced one and the moved tag are refused";
    },
  },
];

async function draftBySomebody(lane: Lane, tag: string): Promise<number> {
  const response = await fetch(`${lane.github.apiUrl}/repos/${REPOSITORY}/releases`, {
    method: "POST",
    headers: { authorization: `Bearer ${lane.token}`, "content-type": "application/json" },
    body: JSON.stringify({ tag_name: tag, name: tag, draft: true, body: "by hand" }),
  });
  return ((await response.json()) as { id: number }).id;
}

async function commitSomething({ source }: Lane): Promise<string> {
  await writeFile(join(source, "later.go"), "package main\n\n// later\n");
  const git = (...args: string[]) =>
    execa("git", ["-c", "user.name=Me", "-c", "user.email=me@example.com", ...args], { cwd: source });
  await git("add", "-A");
  await git("commit", "-q", "-m", "feat: later");
  const commit = (await git("rev-parse", "HEAD")).stdout;
  await git("reset", "-q", "--hard", "HEAD~1");
  return commit;
}
