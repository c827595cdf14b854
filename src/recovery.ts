import { hostname } from "node:os";
import pMap from "p-map";
import { z } from "zod";
import { cliAnswer } from "./model/cli-answer.ts";
import {
  type EngineLock,
  isInProgress,
  isOutlived,
  lockedMessage,
  parseOperation,
  parseRefusal,
  saidOf,
} from "./model/engine-lock.ts";
import {
  exportSchema,
  failedWrites,
  type PendingOperation,
  pendingOperations,
  recordedSettings,
  type StackExport,
  settled,
  settlementOf,
} from "./model/pending-operation.ts";
import { type Engine, EngineError } from "./services/engine.ts";
import {
  exportedState,
  hasFailed,
  isAbsent,
  locksOf,
  mendFiles,
  removeLock,
  type StackFiles,
} from "./services/file-backend.ts";
import type { SettingsLook } from "./services/github/configured.ts";
import { startTime } from "./services/liveness.ts";
import { ServiceError } from "./services/service-error.ts";
import { Held, type Waiting, whenFree } from "./services/waiting.ts";

/** What an update that died may have left, and who can tell. */
export interface RecoveryOptions {
  readonly engine: Engine;
  /** Where the stack lies: in a directory; in a bucket, which shows its locks to the engine alone; or in Pulumi Cloud. */
  readonly backend: StackFiles | "bucket" | "cloud";
  /** Whether a lock was made by an update that was started on this machine by us, of which no process lives. */
  readonly isDead: (lock: EngineLock) => boolean | Promise<boolean>;
  /** What the repository has of the settings that the stack keeps. */
  readonly settings: SettingsLook;
  /** How long an update that may live elsewhere is waited for. */
  readonly waiting: Omit<Waiting, "report">;
  readonly report: (line: string) => void;
}

/**
 * Settles what an update that was killed left, before the next one begins: locks of the engine, files that were cut
 * short, and operations of which the engine never learnt the end. Changes nothing where there is nothing to settle. An
 * update that may live is waited for.
 *
 * @throws when a lock stays that may belong to an update that lives: who holds it, since when, and what to type
 */
export async function recover(options: RecoveryOptions): Promise<void> {
  const report = (line: string) => options.report(`recovery: ${line}`);
  // Whatever was read before the wait is out of date after it.
  await whenFree(() => settle({ ...options, report }), { ...options.waiting, report });
}

async function settle(options: RecoveryOptions): Promise<void> {
  const { engine, backend, report } = options;
  if (typeof backend === "object") {
    const locks = await locksOf(backend);
    await passLiving(options, locks);
    // First of all: the CLI reads them, whatever it is told to do.
    for (const mended of await mendFiles(backend)) {
      report(mended);
    }
    await removeLocks(options, locks);
  }
  const text = await exported(options);
  if (text === undefined) {
    return;
  }
  if (backend === "cloud") {
    passOperation(engine, parseOperation((await onceThere(engine, ["stack"])) ?? ""));
  }
  const stack = cliAnswer("stack export", text, exportSchema);
  const [pending, failed] = [pendingOperations(stack), failedWrites(stack)];
  const found = await look(options, [...pending, ...failed]);
  if (found === undefined) {
    return;
  }
  const applied = failed.map(({ urn }) => urn).filter((urn) => found.has(urn));
  const gone = await goneSettings(options, stack);
  if (pending.length === 0) {
    for (const urn of applied) {
      report(`${urn} was written, and the reply was lost: read again`);
    }
    for (const urn of gone) {
      report(`${urn} is gone, and the last update failed: read again`);
    }
    const targets = [...applied, ...gone];
    await (targets.length > 0 ? refreshUnlocked(options, targets) : backend === "bucket" && passBucket(options, stack));
    return;
  }
  // An update that was under way a moment ago has operations pending, too. It may have ended since.
  if ((await exported(options)) !== text) {
    return settle(options);
  }
  await importUnlocked(options, JSON.stringify(settled(stack, found)));
  const targets = pending
    .filter((operation) => settlementOf(operation) === "refresh" || found.has(operation.urn))
    .map(({ urn }) => urn)
    .concat(applied, gone);
  for (const operation of pending) {
    report(`${operation.urn} was ${operation.operation} when its update died: ${ending(operation, found)}`);
  }
  if (targets.length > 0) {
    await refresh(options, [...new Set(targets)]);
  }
}

async function refresh({ engine }: RecoveryOptions, targets: readonly string[]): Promise<void> {
  await engine.run(["refresh", "--yes", "--skip-preview", ...targets.flatMap((urn) => ["--target", urn])]);
}

/** The stack as `pulumi stack export` prints it; undefined when there is no such stack yet. */
async function exported({ engine, backend }: RecoveryOptions): Promise<string | undefined> {
  if (typeof backend === "object") {
    const read = await exportedState(backend);
    if (read !== undefined || (await isAbsent(backend))) {
      return read;
    }
  }
  return onceThere(engine, ["stack", "export"]);
}

/** @returns undefined when there is no such stack yet */
async function onceThere(engine: Engine, args: readonly string[]): Promise<string | undefined> {
  try {
    return await engine.run(args);
  } catch (error) {
    if (error instanceof EngineError && /no stack named|stack .* not found/.test(error.said)) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Settings that the state knows and that are gone, after an update that failed: their deletion may have been applied, and
 * only the reply lost. The provider then repeats it, and GitHub has nothing to delete, now and in every later update.
 */
async function goneSettings(options: RecoveryOptions, stack: StackExport): Promise<string[]> {
  const recorded = recordedSettings(stack);
  if (recorded.length === 0 || !(await lastFailed(options))) {
    return [];
  }
  const gone = await permitted(options, "what the last update deleted is not looked for", () =>
    pMap(recorded, async (setting) => ((await options.settings.gone(setting)) ? [setting.urn] : []), {
      concurrency: 4,
    }),
  );
  return gone?.flat() ?? [];
}

const historySchema = z.array(z.object({ result: z.string() }));

/** Whether the last operation on the stack failed; one that was killed has left no word of that. */
async function lastFailed({ engine, backend }: RecoveryOptions): Promise<boolean> {
  const known = typeof backend === "object" ? await hasFailed(backend) : undefined;
  if (known !== undefined) {
    return known;
  }
  const text = await engine.run(["stack", "history", "--json", "--page-size", "1"]);
  return cliAnswer("stack history", text, historySchema)[0]?.result === "failed";
}

/** Lets locks of dead updates pass. @throws Held when a lock may be given free; or at once when it will not be */
async function passLiving({ engine, backend, isDead }: RecoveryOptions, locks: readonly EngineLock[]): Promise<void> {
  const now = Date.now();
  const dead = await Promise.all(locks.map(isDead));
  if (!dead.every(Boolean)) {
    const message = lockedMessage(engine.stack, locks, now);
    const stale = await Promise.all(locks.map(async (lock) => isOutlived(lock, now) || (await isGone(lock, backend))));
    if (stale.includes(true)) {
      throw new Error(message);
    }
    const holders = locks.map(({ holder }) => (holder ? saidOf(holder, now) : "somebody unknown"));
    throw new Held(`stack ${engine.stack} is held by ${holders.join(" and ")}`, message);
  }
}

async function removeLocks({ engine, backend, report }: RecoveryOptions, locks: readonly EngineLock[]): Promise<void> {
  if (locks.length === 0) {
    return;
  }
  if (typeof backend === "object") {
    await Promise.all(locks.map(({ where }) => removeLock(backend, where)));
  } else {
    await engine.run(["cancel", "--yes"]);
  }
  for (const { where, holder } of locks) {
    const who = holder ? saidOf(holder, Date.now()) : "a killed update";
    report(`removed the lock of ${who}, of which no process lives: ${where}`);
  }
}

/**
 * Whether a lock is this machine's and its process has ended. Its plugins may live, so that is not enough to remove it. Only
 * in a directory: two runners in a cloud may have the same name.
 */
async function isGone({ holder }: EngineLock, backend: RecoveryOptions["backend"]): Promise<boolean> {
  return typeof backend === "object" && holder?.host === hostname() && (await startTime(holder.pid)) === undefined;
}

/**
 * A bucket's locks are told by the engine when it asks for its own: by a refresh of the stack alone, which reads
 * nothing and changes nothing. (It would drop pending operations: those are settled by an import, which asks as well.)
 */
async function passBucket(options: RecoveryOptions, { deployment }: StackExport): Promise<void> {
  const root = deployment?.resources?.find(({ type }) => type === "pulumi:pulumi:Stack");
  if (root === undefined && deployment?.resources?.length) {
    return;
  }
  await refreshUnlocked(options, root ? [root.urn] : []);
}

/** A refresh; when a lock refuses it that a dead update holds, everything is looked at once more without that. */
async function refreshUnlocked(options: RecoveryOptions, targets: readonly string[]): Promise<void> {
  try {
    await refresh(options, targets);
  } catch (error) {
    await passRefusal(options, error);
    await settle(options);
  }
}

/** Removes the locks that the engine was refused for, when they are dead. @throws the error, when it is another one */
async function passRefusal(options: RecoveryOptions, error: unknown): Promise<void> {
  const locks = error instanceof EngineError ? parseRefusal(error.said) : [];
  if (locks.length === 0) {
    throw error;
  }
  await passLiving(options, locks);
  await removeLocks(options, locks);
}

/** Existing resources by URN; undefined when nobody here may look, so that the operations have to wait for somebody who may. */
async function look(
  options: RecoveryOptions,
  pending: readonly PendingOperation[],
): Promise<ReadonlyMap<string, string> | undefined> {
  return permitted(options, `${pending.length} operations stay as they are`, async () => {
    const found = new Map<string, string>();
    for (const operation of pending.filter((candidate) => settlementOf(candidate) === "look")) {
      const id = await options.settings.existing(operation);
      if (id !== undefined) {
        found.set(operation.urn, id);
      }
    }
    return found;
  });
}

/**
 * A look at the repository's settings; undefined when this token may not look, for which a repository may not be there.
 *
 * @param otherwise what is said then
 */
async function permitted<T>(
  { report }: RecoveryOptions,
  otherwise: string,
  look: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof ServiceError && [401, 403, 404].includes(error.status ?? 0)) {
      report(
        `${otherwise}, because this token may not look at the repository's settings (${error.message}): ` +
          "npm run recover with a token that may administer it",
      );
      return undefined;
    }
    throw error;
  }
}

async function importUnlocked(options: RecoveryOptions, text: string): Promise<void> {
  const { engine } = options;
  try {
    await engine.run(["stack", "import"], text);
  } catch (error) {
    if (error instanceof EngineError && isInProgress(error.said)) {
      passOperation(engine, "another update");
    }
    await passRefusal(options, error);
    await engine.run(["stack", "import"], text);
  }
}

/** Pulumi Cloud leases a stack to one update; the lease of one that died ends by itself. @throws Held */
function passOperation({ stack }: Engine, who: string | undefined): void {
  if (who !== undefined) {
    throw new Held(
      `stack ${stack} is held by ${who}`,
      `stack ${stack} has an update in progress: ${who} (see pulumi stack --stack ${stack}). ` +
        "Wait for it; Pulumi Cloud ends one that died by itself after some minutes. Only when you know that it is dead, type:\n" +
        `  pulumi cancel --yes --stack ${stack}`,
    );
  }
}

function ending(operation: PendingOperation, found: ReadonlyMap<string, string>): string {
  const settlement = settlementOf(operation);
  if (settlement === "refresh" || (found.has(operation.urn) && operation.operation !== "creating")) {
    return "read again";
  }
  if (settlement === "mark") {
    return "the next update looks where it is";
  }
  return found.has(operation.urn) ? "it exists and is imported" : "forgotten, the update does it again";
}
