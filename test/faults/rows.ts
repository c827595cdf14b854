import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { delimiter, join } from "node:path";
import { execa } from "execa";
import { expect } from "vitest";
import { executablesOnPath } from "../../kit/search-path.ts";
import { violations } from "./invariants.ts";
import { type Asked, type Ended, type Lane, namesIn, otherMachine, REPOSITORY, type Running } from "./lane.ts";
import { writes, writesOf } from "./recording.ts";
import { LOCKS } from "./remains.ts";
import { type Boundary, boundariesOf, killAt, killedRelease, problemsAfter } from "./sweep.ts";

/** What goes wrong, and what must then be true: a row of faults.md. */
export interface Scenario {
  readonly row: number;
  readonly fault: string;
  /** Whether it is part of the short subset that every `npm test` runs. */
  readonly short?: true;
  /** Fails when it is not true; gives what was observed. */
  readonly run: (lane: Lane) => Promise<string>;
}

const TAG = "v1.0.0";
const LASTING = Number.POSITIVE_INFINITY;
const UPLOADS = "/repos/*/*/releases/*/assets";
const RELEASES = "/repos/*/*/releases";
const CONTENTS = "/repos/*/*/contents/**";
const WITH_WORKFLOWS = { repositoryParts: '["workflows"]' };

export const scenarios: readonly Scenario[] = [
  {
    row: 1,
    fault: "registry 503 once on a blob and on a manifest PUT",
    async run(lane) {
      lane.registry.misbehave({ method: "PUT", path: "/v2/**/blobs/uploads/*", action: { status: 503 } });
      lane.registry.misbehave({ method: "PUT", path: `/v2/**/manifests/${TAG}`, action: { status: 503 } });
      await expectRelease(lane);
      return `released, ${lane.registry.history.filter(({ fault }) => fault !== null).length} refusals repeated`;
    },
  },
  {
    row: 1,
    fault: "registry 503 on every manifest PUT",
    async run(lane) {
      lane.registry.misbehave({ method: "PUT", path: "/v2/**/manifests/**", times: LASTING, action: { status: 503 } });
      const { shown } = await expectFailure(lane, /503/);
      const tried = lane.registry.history.filter(({ fault }) => fault !== null).length;
      expect(tried).toBeLessThan(30);
      expect(lane.github.inspect.releases(REPOSITORY)).toEqual([]);
      await expectRelease(lane);
      return `${tried} requests, then ${sentence(shown, /error:.*503.*/)}; no release; the next run completes it`;
    },
  },
  {
    row: 2,
    fault: "the registry's token expires in the middle of the push",
    async run(lane) {
      lane.registry.demandTokens("valid");
      let expired = false;
      lane.onBoundary((service, { method }, boundary) => {
        if (!expired && service === "registry" && method === "PUT" && boundary === "before") {
          expired = true;
          lane.registry.expireTokens();
        }
        return undefined;
      });
      await expectRelease(lane);
      expect(
        lane.registry.history.filter(({ status, credential }) => status === 401 && credential).length,
      ).toBeGreaterThan(0);
      return "a new token, released";
    },
  },
  {
    row: 2,
    fault: "registry refuses every token",
    short: true,
    async run(lane) {
      lane.registry.demandTokens("never");
      const { shown } = await expectFailure(lane, /refuses an anonymous user.*401/s);
      expect(lane.registry.history.filter(writes)).toEqual([]);
      expect(lane.registry.history.filter(({ credential }) => credential).length).toBeLessThanOrEqual(2);
      await expectRelease(lane);
      return `one token asked for, then: ${sentence(shown, /registry .*refuses.*/)}`;
    },
  },
  {
    row: 3,
    fault: "push cut after 1000 bytes of a blob",
    async run(lane) {
      const path = "/v2/**/blobs/uploads/*";
      lane.registry.misbehave({ method: "PUT", path, action: { cutRequestAfterBytes: 1000 } });
      await expectRelease(lane);
      return "sent again, same digest";
    },
  },
  {
    row: 4,
    fault: "only one platform reached the registry",
    async run(lane) {
      const index = JSON.stringify((await indexOf(lane)).manifests);
      const arm64 = /"digest":"(sha256:[0-9a-f]{64})"[^}]*\{"architecture":"arm64"/.exec(index)?.[1] ?? "";
      lane.registry.misbehave({ method: "GET", path: `/v2/**/${arm64}`, times: LASTING, action: { status: 404 } });
      const { shown } = await expectFailure(lane, /linux\/arm64/);
      expect(lane.github.inspect.releases(REPOSITORY)).toEqual([]);
      expect(lane.github.history.filter(writes)).toEqual([]);
      await expectRelease(lane);
      return `${sentence(shown, /mount-monitor:v1\.0\.0 [^\n]*linux\/arm64[^\n]*/)}; no draft`;
    },
  },
  {
    row: 5,
    fault: "version tag holds another digest",
    short: true,
    async run(lane) {
      const other = await putForeignIndex(lane);
      lane.registry.history.length = 0;
      const { shown } = await expectFailure(lane, new RegExp(`${TAG} is already in the registry.*${other}`, "s"));
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      return `no write; ${sentence(shown, /.*already in the registry.*/)}`;
    },
  },
  {
    row: 5,
    fault: "version tag holds another digest, seen by a preview",
    async run(lane) {
      await putForeignIndex(lane);
      const { code, shown } = await lane.update({ operations: ["preview"] });
      expect(code).toBe(1);
      expect(shown.match(/is already in the registry/g)).toHaveLength(1);
      return `refused, said once: ${sentence(shown, /.*already in the registry.*/)}`;
    },
  },
  {
    row: 6,
    fault: "GitHub 429 with Retry-After 1, and a secondary limit",
    async run(lane) {
      const secondary = { message: "You have exceeded a secondary rate limit." };
      const headers = { "retry-after": "1" };
      lane.github.misbehave({ method: "POST", path: RELEASES, action: { status: 429, headers } });
      lane.github.misbehave({
        method: "PATCH",
        path: `${RELEASES}/*`,
        action: { status: 403, headers, body: secondary },
      });
      const { shown } = await expectRelease(lane);
      expect(shown).toMatch(/GitHub asks to wait \d+ s/);
      return `waited twice ("${sentence(shown, /GitHub asks to wait \d+ s/)}"), released`;
    },
  },
  {
    row: 6,
    fault: "GitHub 403, primary limit, reset in an hour",
    async run(lane) {
      const reset = Math.floor(Date.now() / 1000) + 3600;
      const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) };
      lane.github.misbehave({ method: "POST", path: RELEASES, times: LASTING, action: { status: 403, headers } });
      const { shown } = await expectFailure(lane, /until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/);
      expect(lane.github.inspect.releases(REPOSITORY)).toEqual([]);
      await expectRelease(lane);
      return sentence(shown, /.*asks to wait.*until.*/);
    },
  },
  {
    row: 7,
    fault: "502 on an upload that leaves a starter asset",
    async run(lane) {
      lane.github.misbehave({ method: "POST", path: UPLOADS, nth: 2, action: { status: 502, leaveStarter: true } });
      await expectRelease(lane);
      expect(lane.github.history.filter(({ method, applied }) => method === "DELETE" && applied)).toHaveLength(1);
      return "the leftover is deleted, the upload repeated, released";
    },
  },
  {
    row: 8,
    fault: "upload applied, reply lost",
    short: true,
    async run(lane) {
      lane.github.misbehave({ method: "POST", path: UPLOADS, nth: 2, action: { applyAndDropReply: true } });
      await expectRelease(lane);
      expect(lane.github.history.filter(({ method }) => method === "DELETE")).toEqual([]);
      return "digest compared: equal, released";
    },
  },
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
    row: 9,
    fault: "a stored binary is changed between image and release",
    async run(lane) {
      const [checksum = ""] = Object.entries(lane.clean.published.assets).flatMap(([name, sum]) =>
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
    row: 11,
    fault: "draft created, reply lost",
    async run(lane) {
      lane.github.misbehave({ method: "POST", path: RELEASES, action: { applyAndDropReply: true } });
      await expectRelease(lane);
      const created = lane.github.history.filter(
        ({ method, path, applied }) => method === "POST" && path.endsWith("/releases") && applied,
      );
      expect(created).toHaveLength(1);
      return "the draft is found and adopted, one release";
    },
  },
  {
    row: 11,
    fault: "settings created that GitHub makes once, replies lost",
    async run(lane) {
      const asked = {
        settings: {
          repositoryParts: '["environment","tag-ruleset"]',
          variables: '{"COLOR":"blue"}',
        },
      };
      for (const path of ["actions/variables", "rulesets", "environments/*/deployment-branch-policies"]) {
        lane.github.misbehave({ method: "POST", path: `/repos/*/*/${path}`, action: { applyAndDropReply: true } });
      }
      // The provider repeats each of them, and GitHub has them already.
      const { code, shown } = await lane.update(asked);
      expect([code, shown]).toEqual([
        1,
        expect.stringMatching(/variables: 409.*rulesets: 422|rulesets: 422.*variables: 409/s),
      ]);
      forgetFaults(lane);
      const { shown: next } = await expectRelease(lane, asked);
      expect(next).toMatch(/= 3 imported/);
      const { variables, rulesets, environments } = lane.github.inspect.repository(REPOSITORY);
      expect([Object.keys(variables), rulesets.length, environments.release?.branchPolicies.length]).toEqual([
        ["COLOR"],
        1,
        1,
      ]);
      return "fails; the next run finds all three as it would make them, and imports them";
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
    row: 14,
    fault: "SIGKILL between image and release (every other boundary: the sweep)",
    short: true,
    async run(lane) {
      const boundary = boundariesOf(lane.clean.moments).find(({ stands }) =>
        stands.some(({ name }) => name === "before github POST /repos/releases (1)"),
      );
      const { met, problems } = await killAt(lane, boundary as Boundary, killedRelease);
      expect([met, problems]).toEqual([true, []]);
      return "the next run completes it, same digests";
    },
  },
  {
    row: 15,
    fault: "SIGKILL inside a create that is recorded as pending",
    async run(lane) {
      const running = lane.begin();
      lane.onBoundary(async (_service, { method, path }, boundary) => {
        if (method !== "POST" || !path.endsWith("/releases") || boundary !== "after-apply") return undefined;
        await running.kill();
        return "drop";
      });
      await running.ended;
      forgetFaults(lane);
      const pending: { type: string; resource: { urn: string } }[] = (await stateOf(lane)).pending_operations ?? [];
      expect(pending.map(({ type, resource }) => [type, resource.urn.split("::").at(-1)])).toEqual([
        ["creating", "release-github"],
      ]);
      const { shown } = await expectRelease(lane);
      return sentence(shown, /release-github was creating when its update died.*/);
    },
  },
  {
    row: 16,
    fault: "the lock of an update on another machine",
    short: true,
    async run(lane) {
      const lock = join(lane.local, LOCKS, "other.json");
      const content = { pid: 4711, username: "runner", hostname: "elsewhere", timestamp: "2026-01-02T03:04:05Z" };
      await mkdir(join(lock, ".."), { recursive: true });
      await writeFile(lock, JSON.stringify(content));
      const { shown } = await expectFailure(lane, /runner@elsewhere \(process 4711\), since 2026-01-02T03:04:05Z/);
      expect(shown).toContain("pulumi cancel --yes --stack local");
      expect(await readFile(lock, "utf8")).toBe(JSON.stringify(content));
      expect([...lane.github.history, ...lane.registry.history]).toEqual([]);
      return `left alone, no request; ${sentence(shown, /runner@elsewhere[^:]*:\d\d:\d\dZ \([^)]*\)/)}, pulumi cancel named`;
    },
  },
  {
    row: 16,
    fault: "the lock of an update on this machine that was killed",
    async run(lane) {
      const running = lane.begin();
      lane.onBoundary(async (service) => {
        if (service !== "registry") return undefined;
        await running.kill();
        return "drop";
      });
      await running.ended;
      forgetFaults(lane);
      expect(await namesIn(join(lane.local, LOCKS))).not.toEqual([]);
      const { shown } = await expectRelease(lane);
      return sentence(shown, /removed the lock of .*no process lives/);
    },
  },
  {
    row: 17,
    fault: "a second update, on another machine, while the first one pushes",
    short: true,
    async run(lane) {
      const [first, machine] = [lane.begin(), await otherMachine(lane)];
      let second: Promise<Ended> | undefined;
      lane.onBoundary(async (service, { path }, boundary) => {
        if (service !== "registry" || !path.includes("/blobs/") || boundary !== "before") return undefined;
        // Blobs are pushed side by side; all of them wait for the one second update.
        const count = lane.github.history.length;
        second ??= lane.update({ machine });
        await second;
        expect(lane.github.history.length).toBe(count);
        return undefined;
      });
      const won = await first.ended;
      const end = await second;
      forgetFaults(lane);
      expect([won.code, end?.code, end?.shown]).toEqual([
        0,
        1,
        expect.stringMatching(/is locked.*process \d+\), since/s),
      ]);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return `the second fails before any request: ${sentence(end?.shown ?? "", /stack local is locked[^:]*/)}`;
    },
  },
  {
    row: 17,
    fault: "a second update, on another machine, that waits for the first one",
    async run(lane) {
      const [first, place] = [lane.begin(), await otherMachine(lane)];
      let second: Running | undefined;
      lane.onBoundary(async (service, { path }, boundary) => {
        if (second === undefined && service === "registry" && path.includes("/blobs/") && boundary === "before") {
          second = lane.begin({ machine: place, waitMs: 300_000 });
          await second.shows("waiting up to 5 min");
        }
        return undefined;
      });
      expect((await first.ended).code).toBe(0);
      const end = await second?.ended;
      forgetFaults(lane);
      expect([end?.code, end?.shown]).toEqual([0, expect.stringMatching(/Resources:\n\s+\d+ unchanged\n/)]);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return `${sentence(end?.shown ?? "", /stack local is held by .*/)}; then 0 changes`;
    },
  },
  {
    row: 17,
    fault: "two updates, on two machines, whose locks refuse each other",
    async run(lane) {
      const both = [lane.directory, await otherMachine(lane)].map((machine) =>
        lane.begin({ machine, operations: ["wait", "up"], waitMs: 300_000 }),
      );
      await Promise.all(both.map((running) => running.shows("waits for a signal")));
      // Both have seen no lock. What each finds now is what the engine leaves that has made its own, and looks again.
      const holders = both.map(({ pid }) => ({ pid, username: "me", hostname: hostname(), timestamp: new Date() }));
      const locks = holders.map(({ pid }) => join(lane.local, LOCKS, `${pid}.json`));
      await mkdir(join(lane.local, LOCKS), { recursive: true });
      for (const [index, lock] of locks.entries()) await writeFile(lock, JSON.stringify(holders[index]));
      for (const { pid } of both) process.kill(pid, "SIGUSR2");
      await Promise.all(both.map((running) => running.shows("begins again (2 of 3)")));
      expect([...lane.github.history, ...lane.registry.history]).toEqual([]);
      // As each engine does that is refused.
      for (const lock of locks) await rm(lock);
      const ends = await Promise.all(both.map(({ ended }) => ended));
      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
      expect(ends.every(({ shown }) => shown.includes("currently locked by 2 lock(s)"))).toBe(true);
      await expectRelease(lane);
      const counted = [...lane.github.history, ...lane.registry.history].filter(writes).length;
      expect(counted).toBe(writesOf(lane.clean.moments).length);
      return "both are refused before any request and begin again: one releases, the other finds nothing to do";
    },
  },
  {
    row: 18,
    fault: "an asset is refused for good",
    async run(lane) {
      const rule = { method: "POST", path: /assets\?name=artifacts\.json/, times: LASTING } as const;
      lane.github.misbehave({ ...rule, action: { status: 422, body: { message: "no" } } });
      const { shown } = await expectFailure(lane, /422/);
      expect(lane.github.inspect.releases(REPOSITORY).map(({ draft }) => draft)).toEqual([true]);
      await expectRelease(lane);
      return `stays a draft; ${sentence(shown, /.*422.*/)}`;
    },
  },
  {
    row: 19,
    fault: "two writes meet on the branch: 409 on a workflow file",
    async run(lane) {
      const conflict = { status: 409, body: { message: "is at 7fd1a60b but expected 762941318" } };
      lane.github.misbehave({ method: "PUT", path: CONTENTS, nth: 2, action: conflict });
      // Serialised: nobody writes a second file before the first one is answered.
      let together = 0;
      lane.onBoundary(() => {
        together = Math.max(together, workflowWrites(lane).filter((write) => write.endsWith(" 0")).length);
        return undefined;
      });
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      expect(workflowWrites(lane)).toEqual(["release.yml 201", "preview.yml 409", "preview.yml 201", "drift.yml 201"]);
      expect(together).toBe(1);
      return "written one after the other; the refused write is repeated, released";
    },
  },
  {
    row: 19,
    fault: "409 on every write of a workflow file",
    async run(lane) {
      lane.github.misbehave({ method: "PUT", path: CONTENTS, times: LASTING, action: { status: 409 } });
      const { code, shown } = await lane.update({ settings: WITH_WORKFLOWS });
      expect([code, shown]).toEqual([1, expect.stringMatching(/release\.yml: 409/)]);
      const tried = workflowWrites(lane);
      expect(tried).toEqual(Array.from({ length: 4 }, () => "release.yml 409"));
      expect(await violations(lane)).toEqual([]);
      forgetFaults(lane);
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      return `${tried.length} requests, then ${sentence(shown, /contents\/[^ ]*: 409/)}; the next run completes it`;
    },
  },
  {
    row: 19,
    fault: "a workflow file is edited by hand, and the stack has a new text for it",
    async run(lane) {
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      const { inspect } = lane.github;
      const path = ".github/workflows/release.yml";
      inspect.writeFile(REPOSITORY, path, "on: workflow_dispatch\n");
      const later = { ...WITH_WORKFLOWS, organization: "octo-later" };
      const { code, shown } = await lane.update({ settings: later });
      expect([code, shown]).toEqual([1, expect.stringContaining("somebody else changed workflows of")]);
      expect(inspect.file(REPOSITORY, path)).toBe("on: workflow_dispatch\n");
      const seen = await lane.update({ operations: ["refresh", "up"], settings: later });
      expect(seen.shown).toMatch(/repository-release\.yml updated .*~content/);
      expect(await problemsAfterRepair(lane, seen, { settings: later })).toEqual([]);
      expect(inspect.file(REPOSITORY, path)).toContain("octo-later");
      return `the edit stays (${sentence(shown, /somebody else changed[^;]*/)}); refresh shows it, the update after that repairs it`;
    },
  },
  {
    row: 19,
    fault: "a changed workflow file is written, reply lost",
    async run(lane) {
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      lane.github.misbehave({ method: "PUT", path: CONTENTS, action: { applyAndDropReply: true } });
      const later = { settings: { ...WITH_WORKFLOWS, organization: "octo-later" } };
      const { code, shown } = await lane.update(later);
      // The provider repeats the write with the SHA that it has replaced, and the state keeps that SHA.
      expect([code, shown]).toEqual([1, expect.stringMatching(/release\.yml: 409/)]);
      forgetFaults(lane);
      const { shown: next } = await expectRelease(lane, later);
      expect(next).toMatch(/repository-release\.yml was written, and the reply was lost: read again/);
      expect(
        workflowWrites(lane)
          .slice(3)
          .filter((write) => !write.endsWith(" 409")),
      ).toEqual(["release.yml 0", "preview.yml 200", "drift.yml 200"]);
      // What the state knows now is what a later text replaces.
      await expectRelease(lane, { settings: { ...WITH_WORKFLOWS, organization: "octo-third" } });
      return "fails; the next run finds its own text, reads it again, and writes the other files";
    },
  },
  {
    row: 19,
    fault: "a changed workflow file is written, reply lost, and then edited by hand",
    async run(lane) {
      await expectRelease(lane, { settings: WITH_WORKFLOWS });
      lane.github.misbehave({ method: "PUT", path: CONTENTS, action: { applyAndDropReply: true } });
      const later = { settings: { ...WITH_WORKFLOWS, organization: "octo-later" } };
      expect((await lane.update(later)).code).toBe(1);
      forgetFaults(lane);
      const { inspect } = lane.github;
      const path = ".github/workflows/release.yml";
      inspect.writeFile(REPOSITORY, path, "on: workflow_dispatch\n");
      const { code, shown } = await lane.update(later);
      expect([code, shown]).toEqual([1, expect.stringContaining("somebody else changed workflows of")]);
      expect(inspect.file(REPOSITORY, path)).toBe("on: workflow_dispatch\n");
      return `the edit stays: ${sentence(shown, /somebody else changed[^;]*/)}`;
    },
  },
  ...[
    ["truncated JSON", '[{"id": 1, "tag_na'],
    ["an empty body", ""],
    ["JSON of another form", '{"message":"hello"}'],
  ].map(
    ([fault = "", replaceBody = ""]): Scenario => ({
      row: 20,
      fault: `${fault} instead of the draft that was created`,
      async run(lane) {
        lane.github.misbehave({ method: "POST", path: RELEASES, times: LASTING, action: { replaceBody } });
        const end = await lane.update();
        expect(await violations(lane)).toEqual([]);
        const published = lane.github.inspect.releases(REPOSITORY).filter(({ draft }) => !draft);
        expect(published).toHaveLength(end.code === 0 ? 1 : 0);
        expect(lane.github.inspect.releases(REPOSITORY)).toHaveLength(1);
        forgetFaults(lane);
        await expectRelease(lane);
        return end.code === 0
          ? "the draft is looked up and adopted, released"
          : `nothing published; ${sentence(end.shown, /.*GitHub.*answer.*/)}`;
      },
    }),
  ),
  {
    row: 20,
    fault: "GitHub redirects to another host",
    short: true,
    async run(lane) {
      const seen: (string | undefined)[] = [];
      const elsewhere = createServer((request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(200, { "content-type": "application/json" }).end("[]");
      }).listen(0, "127.0.0.1");
      await once(elsewhere, "listening");
      const { port } = elsewhere.address() as AddressInfo;
      const headers = { location: `http://127.0.0.1:${port}/releases` };
      lane.github.misbehave({ method: "GET", path: RELEASES, times: LASTING, action: { status: 302, headers } });
      const { shown } = await expectFailure(lane, /redirects to another host/);
      elsewhere.close();
      expect(seen.filter((credential) => credential !== undefined)).toEqual([]);
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      return sentence(shown, /.*redirects to another host.*/);
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
];

/** Runs, and expects a release with nothing left to do and the bytes of a clean one. */
async function expectRelease(lane: Lane, asked: Asked = {}): Promise<Ended> {
  const end = await lane.update(asked);
  expect(await problemsAfter(lane, end, asked)).toEqual([]);
  return end;
}

/** The writes of workflows that GitHub was asked for, in order: file and what it answered. */
function workflowWrites(lane: Lane): string[] {
  return lane.github.history
    .filter(({ method, path }) => method === "PUT" && path.includes("/contents/"))
    .map(({ path, status }) => `${path.slice(path.lastIndexOf("/") + 1)} ${status}`);
}

function forgetFaults(lane: Lane): void {
  lane.onBoundary(undefined);
  lane.github.clearFaults();
  lane.registry.clearFaults();
}

/** Expects an update that fails, says why, and has published nothing. */
async function expectFailure(lane: Lane, why: RegExp): Promise<Ended> {
  const end = await lane.update();
  expect([end.code, end.shown]).toEqual([1, expect.stringMatching(why)]);
  expect(lane.github.inspect.releases(REPOSITORY).filter(({ draft }) => !draft)).toEqual([]);
  expect(await violations(lane)).toEqual([]);
  forgetFaults(lane);
  return end;
}

// A repair adds to a published release what it lost: the one write that is allowed there.
async function problemsAfterRepair(lane: Lane, end: Ended, asked?: Asked): Promise<string[]> {
  return (await problemsAfter(lane, end, asked)).filter((problem) => !/^I4: POST .*\/assets after/.test(problem));
}

function sentence(shown: string, pattern: RegExp): string {
  const [found = "(not shown)"] = pattern.exec(shown) ?? [];
  return found
    .replace(/\s+/g, " ")
    .replace(/^.*? error: /, "")
    .trim()
    .slice(0, 220);
}

// biome-ignore lint/suspicious/noExplicitAny: a deployment as the engine writes it
async function stateOf({ local }: Lane): Promise<any> {
  const file = join(local, "state/.pulumi/stacks/mount-monitor/local.json");
  return JSON.parse(await readFile(file, "utf8")).checkpoint.latest;
}

async function fileOf(directory: string, checksum: string): Promise<string> {
  for (const name of await readdir(directory, { recursive: true })) {
    if (name.endsWith(checksum)) return join(directory, name);
  }
  throw new Error(`${directory} holds no file for ${checksum}`);
}

async function indexOf(lane: Lane): Promise<{ manifests: unknown[] }> {
  return lane.clean.index as { manifests: unknown[] };
}

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

/** Lets the version tag hold an index that is not ours; gives its digest. */
async function putForeignIndex(lane: Lane): Promise<string> {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [],
  });
  return new Promise((resolve, reject) => {
    const request = https.request(
      `https://${lane.registry.address}/v2/${REPOSITORY}/manifests/${TAG}`,
      { method: "PUT", ca: lane.ca, headers: { "content-type": "application/vnd.oci.image.index.v1+json" } },
      (response) => {
        response.resume();
        resolve(String(response.headers["docker-content-digest"]));
      },
    );
    request.once("error", reject);
    request.end(body);
  });
}
