import { convergenceProblems, readPublished } from "./invariants.ts";
import type { Lane, Running, Sent } from "./lane.ts";
import type { Pool } from "./pool.ts";

/** Where an update is killed. */
export interface Boundary {
  /** Which request, counted from 1 in the order of arrival. */
  readonly nth: number;
  readonly when: "before" | "after-apply";
  /** Whether requests that only read are counted too. */
  readonly counted: "all" | "writes";
}

/** What came of a kill. */
export interface Outcome {
  readonly boundary: string;
  /** Whether the update came so far. */
  readonly met: boolean;
  readonly problems: readonly string[];
}

/** Whether a request can change something. */
export function writes({ method }: Pick<Sent, "method">): boolean {
  return method !== "GET" && method !== "HEAD";
}

/**
 * Every boundary of a recorded update: before each request, and after each one that can change something. After a
 * request that only reads, the world and the engine's state are what they were before it: that is the same boundary.
 */
export function boundariesOf(requests: readonly Sent[]): Boundary[] {
  return requests.flatMap((request, index) => {
    const boundary = { nth: index + 1, counted: "all" } as const;
    return writes(request)
      ? [
          { ...boundary, when: "before" as const },
          { ...boundary, when: "after-apply" as const },
        ]
      : [{ ...boundary, when: "before" as const }];
  });
}

/** Ends the update, or a part of it. */
export type Kill = (running: Running) => Promise<void>;

/**
 * Ends what `kill` ends when the update comes to a boundary, runs it again once, and checks all invariants.
 *
 * @param plugins whether those die too, and the request with them
 */
export async function killAt(
  lane: Lane,
  { nth, when, counted }: Boundary,
  kill: Kill,
  plugins: "die" | "live on" = "die",
): Promise<Outcome> {
  await lane.reset("built");
  const running = lane.begin();
  let [count, boundary] = [0, `${when} request ${nth}`];
  let aimed: object | undefined;
  lane.onBoundary(async (service, request, at) => {
    if (at === "before" && (counted === "all" || writes(request))) {
      count++;
      if (count === nth) {
        aimed = request;
        boundary = `${String(nth).padStart(2)} ${when.padEnd(11)} ${service} ${request.method} ${shortened(request.path)}`;
      }
    }
    if (request !== aimed || at !== when) return undefined;
    aimed = undefined;
    await kill(running);
    return plugins === "die" ? "drop" : undefined;
  });
  const killed = await running.ended;
  lane.onBoundary(undefined);
  const met = killed.code === "SIGKILL";
  const again = await lane.update({ operations: ["up", "preview"] });
  return { boundary, met, problems: await problemsAfter(lane, again) };
}

/** What is wrong after the run that had to complete a release: invariants, and bytes that are not those of a clean one. */
export async function problemsAfter(lane: Lane, again: Awaited<Running["ended"]>): Promise<string[]> {
  const problems = await convergenceProblems(lane, again);
  const [found, wanted] = [
    JSON.stringify(await readPublished(lane).catch(String)),
    JSON.stringify(lane.clean.published),
  ];
  return found === wanted ? problems : [...problems, `other bytes than a clean release: ${found}, not ${wanted}`];
}

/** Tries many boundaries in all lanes, and prints what came of each. */
export async function sweep(
  pool: Pool,
  boundaries: readonly Boundary[],
  kill: Kill,
  plugins?: "die" | "live on",
): Promise<readonly Outcome[]> {
  return Promise.all(
    boundaries.map((boundary) =>
      pool.run(async (lane) => {
        const outcome = await killAt(lane, boundary, kill, plugins);
        print(outcome);
        return outcome;
      }),
    ),
  );
}

/** `boundary, outcome` */
export function print({ boundary, met, problems }: Outcome): void {
  const outcome = problems.length > 0 ? problems.join("\n    ") : met ? "converged" : "not met";
  process.stdout.write(`${boundary}, ${outcome}\n`);
}

function shortened(path: string): string {
  return path
    .replace("/octo-example/mount-monitor", "")
    .replace(/(sha256:[0-9a-f]{8})[0-9a-f]+/, "$1…")
    .replace(/uploads\/[0-9a-f-]{36}/, "uploads/…");
}
