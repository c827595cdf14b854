import { expect } from "vitest";
import { violations } from "../invariants.ts";
import { REPOSITORY } from "../lane.ts";
import { writes } from "../recording.ts";
import {
  expectFailure,
  expectRelease,
  forgetFaults,
  LASTING,
  RELEASES,
  type Scenario,
  sentence,
  startElsewhere,
  UPLOADS,
} from "./scenario.ts";

/** What GitHub answers. */
export const githubScenarios: readonly Scenario[] = [
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
      await using elsewhere = await startElsewhere();
      const headers = { location: `${elsewhere.url}/releases` };
      lane.github.misbehave({ method: "GET", path: RELEASES, times: LASTING, action: { status: 302, headers } });
      const { shown } = await expectFailure(lane, /redirects to another host/);
      expect(elsewhere.seen).toEqual([]);
      expect([...lane.github.history, ...lane.registry.history].filter(writes)).toEqual([]);
      return sentence(shown, /.*redirects to another host.*/);
    },
  },
];
