import fc from "fast-check";
import { expect } from "vitest";
import type { FaultAction, FaultRule } from "../../rehearsal/github/faults.ts";
import { violations } from "./invariants.ts";
import type { Lane } from "./lane.ts";
import { witness } from "./recording.ts";
import { problemsAfter } from "./sweep.ts";

/** What goes wrong with requests to one service. */
interface Misbehaviour {
  readonly service: "github" | "registry";
  readonly rule: FaultRule;
}

/** What goes wrong in one release: up to three faults, one of which may be a kill. */
export interface Mishap {
  readonly misbehaviours: readonly Misbehaviour[];
  readonly kill?: {
    readonly victim: "everything" | "engine" /** Per mille of the moments of a clean release. */;
    readonly at: number;
  };
}

/** Method, path, and how many of them a clean release sends. */
type Target = readonly [string, string, number];

const GITHUB: readonly Target[] = [
  ["GET", "/repos/*/*/releases", 4],
  ["GET", "/repos/*/*/git/ref/**", 4],
  ["GET", "/repos/*/*/releases/assets/*", 1],
  ["GET", "/repos/*/*/releases/latest", 1],
  ["POST", "/repos/*/*/releases", 1],
  ["POST", "/repos/*/*/releases/*/assets", 5],
  ["PATCH", "/repos/*/*/releases/*", 1],
];
const REGISTRY: readonly Target[] = [
  ["HEAD", "/v2/**/manifests/*", 7],
  ["HEAD", "/v2/**/blobs/*", 4],
  ["GET", "/v2/**/manifests/*", 3],
  ["GET", "/v2/**/blobs/*", 2],
  ["POST", "/v2/**/blobs/uploads/", 4],
  ["PUT", "/v2/**/blobs/uploads/*", 4],
  ["PUT", "/v2/**/manifests/*", 6],
];

const bytes = fc.integer({ min: 1, max: 2000 });
const common: fc.Arbitrary<FaultAction>[] = [
  fc.constantFrom(500, 502, 503, 504).map((status) => ({ status })),
  fc.constant({ status: 429, headers: { "retry-after": "1" } }),
  fc.constantFrom(401, 403, 404, 422).map((status) => ({ status })),
  fc.integer({ min: 1, max: 300 }).map((delayMs) => ({ delayMs })),
  bytes.map((cutAfterBytes) => ({ cutAfterBytes })),
  bytes.map((cutRequestAfterBytes) => ({ cutRequestAfterBytes })),
  fc.constant({ applyAndDropReply: true }),
  fc.constant({ dropBeforeApply: true }),
  fc.constantFrom("", "{", "[]", '{"message":"hello"}', "<html>").map((replaceBody) => ({ replaceBody })),
];

function misbehaviours(
  service: Misbehaviour["service"],
  targets: readonly Target[],
  actions: readonly fc.Arbitrary<FaultAction>[],
): fc.Arbitrary<Misbehaviour> {
  return fc
    .tuple(fc.constantFrom(...targets), fc.oneof(...actions), fc.nat(999), fc.integer({ min: 1, max: 2 }))
    .map(([[method, path, count], action, nth, times]) => ({
      service,
      rule: { method, path, nth: 1 + (nth % count), times, action },
    }));
}

const misbehaviour = fc.oneof(
  misbehaviours("github", GITHUB, [
    ...common,
    fc.constant({ status: 502, leaveStarter: true }),
    fc.constant({
      status: 403,
      headers: { "retry-after": "1" },
      body: { message: "You have exceeded a secondary rate limit." },
    }),
  ]),
  misbehaviours("registry", REGISTRY, common),
);
const kill = fc.record({
  victim: fc.constantFrom("everything" as const, "engine" as const),
  at: fc.nat(999),
});

const mishap: fc.Arbitrary<Mishap> = fc.oneof(
  fc.record({ misbehaviours: fc.array(misbehaviour, { minLength: 1, maxLength: 3 }) }),
  fc.record({ misbehaviours: fc.array(misbehaviour, { maxLength: 2 }), kill }),
);

/** The mishaps of a seed: the same seed, the same mishaps. */
export function mishapsOf(seed: number, count: number): readonly Mishap[] {
  return fc.sample(fc.noBias(mishap), { seed, numRuns: count });
}

/**
 * Releases while things go wrong, and runs again once they do not, if that is needed. The invariants hold after each, and
 * at the end there is the release of a clean run.
 */
export async function release(lane: Lane, { misbehaviours: wrong, kill: killed }: Mishap): Promise<string> {
  await lane.reset("built");
  for (const { service, rule } of wrong) lane[service].misbehave(rule);
  const { moments } = lane.clean;
  const aimed = killed && moments[Math.floor((killed.at * moments.length) / 1000)]?.name;
  const witnessed = await witness(lane, async ({ name }) => {
    if (name !== aimed) return undefined;
    await (killed?.victim === "engine" ? running.killEngine() : running.kill());
    return killed?.victim === "engine" ? undefined : "drop";
  });
  const running = lane.begin();
  const end = await running.ended;
  await witnessed.stop();
  lane.github.clearFaults();
  lane.registry.clearFaults();
  expect(await violations(lane)).toEqual([]);
  const last = end.code === 0 ? end : await lane.update();
  expect(await problemsAfter(lane, last)).toEqual([]);
  return end.code === 0 ? "released" : `${end.code === "SIGKILL" ? "killed" : "failed"}, completed by the next run`;
}

/** In one line. */
export function describeMishap({ misbehaviours: wrong, kill: killed }: Mishap): string {
  const faults = wrong.map(
    ({ service, rule: { method, path, nth, times, action } }) =>
      `${service} ${method} ${path} from the ${nth}. on ${times} times ${JSON.stringify(action)}`,
  );
  return [...faults, ...(killed ? [`SIGKILL of ${killed.victim} after ${killed.at} ‰ of the moments`] : [])].join("; ");
}
