import { once } from "node:events";
import type { Kit } from "../../kit/provision.ts";
import { openStack } from "../../rehearsal/stack.ts";
import { takeKernelLock } from "../../src/services/kernel-lock.ts";
import { markOffspring } from "../../src/services/offspring.ts";

/** What one process of the suite does, in this order, until something fails. */
export interface UpdatePlan {
  readonly kit: Kit;
  /** Directory that holds the backend and what the engine needs. */
  readonly local: string;
  /** Whether nobody on another machine updates the stack. */
  readonly alone: boolean;
  readonly operations: readonly Operation[];
  readonly settings: Readonly<Record<string, string>>;
  /** What the plugins need in their environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long an update that is under way elsewhere is waited for, milliseconds. */
  readonly waitMs: number;
}

/** `wait`: until it gets SIGUSR2. */
export type Operation = "up" | "preview" | "refresh" | "destroy" | "wait";

// What `npm start` does with services that are up already: the lock, the recovery, operations of the engine.
const plan: UpdatePlan = JSON.parse(process.env.FAULTS_PLAN ?? "");
delete process.env.FAULTS_PLAN;
try {
  await run(plan);
} catch (error) {
  show(`${error instanceof Error ? error.message.split("\n").slice(0, 12).join("\n") : error}\n`);
  process.exitCode = 1;
}
process.exit();

async function run({ kit, local, alone, operations, settings, environment, waitMs }: UpdatePlan): Promise<void> {
  const report = (line: string) => show(`${line}\n`);
  if ((await takeKernelLock(local)) === undefined) {
    throw new Error(`another update is at work in ${local}`);
  }
  const offspring = await markOffspring(local);
  const place = { project: process.cwd(), local, alone, kit, environment, settings, report, waitMs };
  const { stack, configFile, run: begin } = await openStack(place);
  const shown = { configFile, color: "never", onOutput: show, onError: show } as const;
  const known = {
    up: () => begin((stack) => stack.up({ ...shown, suppressOutputs: true })),
    preview: () => stack.preview({ ...shown, diff: true }),
    refresh: () => stack.refresh(shown),
    destroy: () => stack.destroy(shown),
    wait: () => signalled(report),
  };
  for (const operation of operations) {
    report(`== ${operation}`);
    await known[operation]().catch((error: unknown) => {
      // The engine's error repeats everything that was shown while it ran.
      throw error instanceof Error && "commandResult" in error ? new Error(`${operation} failed`) : error;
    });
  }
  await offspring.end();
}

async function signalled(report: (line: string) => void): Promise<void> {
  const signal = once(process, "SIGUSR2");
  // A signal that is waited for keeps no process alive.
  const alive = setInterval(() => {}, 60_000);
  report("waits for a signal");
  await signal;
  clearInterval(alive);
}

function show(text: string): void {
  process.stderr.write(text);
}
