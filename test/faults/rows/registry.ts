import https from "node:https";
import { expect } from "vitest";
import { type Lane, REPOSITORY } from "../lane.ts";
import { writes } from "../recording.ts";
import { expectFailure, expectRelease, LASTING, type Scenario, sentence, startElsewhere, TAG } from "./scenario.ts";

/** What the registry answers and holds. */
export const registryScenarios: readonly Scenario[] = [
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
    row: 20,
    fault: "truncated JSON instead of the index that is read back",
    async run(lane) {
      lane.registry.misbehave({ method: "GET", path: INDEX, action: { replaceBody: '{"schemaVersion":2,"manif' } });
      const { shown } = await expectFailure(
        lane,
        /its bytes have sha256:[0-9a-f]{64}: the registry or something before/,
      );
      expect(lane.github.history.filter(writes)).toEqual([]);
      await expectRelease(lane);
      return `no draft; ${sentence(shown, /its bytes have .*/)}`;
    },
  },
  {
    row: 20,
    fault: "the registry redirects to another host",
    async run(lane) {
      await using elsewhere = await startElsewhere();
      lane.registry.demandTokens("valid");
      const headers = { location: `${elsewhere.url}/index` };
      lane.registry.misbehave({ method: "GET", path: INDEX, times: LASTING, action: { status: 307, headers } });
      const { shown } = await expectFailure(lane, /redirects to another host/);
      expect(elsewhere.seen).toEqual([]);
      expect(lane.github.history.filter(writes)).toEqual([]);
      await expectRelease(lane);
      return `no draft; ${sentence(shown, /registry \S+ redirects to another host.*/)}`;
    },
  },
];

/** The index that is read back, under its tag. */
const INDEX = `/v2/**/manifests/${TAG}`;

async function indexOf(lane: Lane): Promise<{ manifests: unknown[] }> {
  return lane.clean.index as { manifests: unknown[] };
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
