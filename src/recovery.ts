import { type EngineLock, lockedMessage, parseRefusal, saidOf } from "./model/engine-lock.ts";
import {
  exportSchema,
  type PendingOperation,
  pendingOperations,
  settled,
  settlementOf,
} from "./model/pending-operation.ts";
import { type Engine, EngineError } from "./services/engine.ts";
import { locksOf, mendFiles, type StackFiles } from "./services/file-backend.ts";
import { ServiceError } from "./services/service-error.ts";

/** What an update that died may have left, and who can tell. */
export interface RecoveryOptions {
  readonly engine: Engine;
  /** Where the stack lies when the backend is a directory. */
  readonly files: StackFiles | undefined;
  /** Whether a lock was made by an update that was started on this machine by us, of which no process lives. */
  readonly isDead: (lock: EngineLock) => boolean | Promise<boolean>;
  /** Whether an earlier update is known to have died: a backend that is no directory tells of its locks only when asked. */
  readonly suspicious: boolean;
  /** The id by which the GitHub provider imports a resource that exists although the state does not know it. */
  readonly existing: (operation: PendingOperation) => Promise<string | undefined>;
  /** Arguments of a refresh that name the configuration. */
  readonly refreshArgs?: readonly string[];
  readonly report: (line: string) => void;
}

/**
 * Settles what an update that was killed left, before the next one begins: locks of the engine, files that were cut
 * short, and operations of which the engine never learnt the end. Changes nothing where there is nothing to settle.
 *
 * @throws when a lock may belong to an update that lives: who holds it, since when, and what to type
 */
export async function recover(options: RecoveryOptions): Promise<void> {
  const { engine, files, report } = options;
  if (files) {
    await removeDeadLocks(options, await locksOf(files));
    for (const mended of await mendFiles(files)) {
      report(`recovery: ${mended}`);
    }
  }
  const text = await exported(engine);
  if (text === undefined) {
    return;
  }
  const stack = exportSchema.parse(JSON.parse(text));
  const pending = pendingOperations(stack);
  if (pending.length === 0 && (files !== undefined || !options.suspicious)) {
    return;
  }
  const found = await look(options, pending);
  if (found === undefined) {
    return;
  }
  await importUnlocked(options, JSON.stringify(settled(stack, found)));
  const targets = pending
    .filter((operation) => settlementOf(operation) === "refresh" || found.has(operation.urn))
    .map(({ urn }) => urn);
  for (const operation of pending) {
    report(`recovery: ${operation.urn} was ${operation.operation} when its update died: ${ending(operation, found)}`);
  }
  if (targets.length > 0) {
    const args = ["refresh", "--yes", "--skip-preview", ...(options.refreshArgs ?? [])];
    await engine.run([...args, ...targets.flatMap((urn) => ["--target", urn])]);
  }
}

/** @returns undefined when there is no such stack yet */
async function exported(engine: Engine): Promise<string | undefined> {
  try {
    return await engine.run(["stack", "export"]);
  } catch (error) {
    if (error instanceof EngineError && /no stack named|stack .* not found/.test(error.said)) {
      return undefined;
    }
    throw error;
  }
}

async function removeDeadLocks({ engine, isDead, report }: RecoveryOptions, locks: readonly EngineLock[]) {
  if (locks.length === 0) {
    return;
  }
  const dead = await Promise.all(locks.map(isDead));
  if (!dead.every(Boolean)) {
    throw new Error(lockedMessage(engine.stack, locks, Date.now()));
  }
  await engine.run(["cancel", "--yes"]);
  for (const { where, holder } of locks) {
    const who = holder ? saidOf(holder, Date.now()) : "a killed update";
    report(`recovery: removed the lock of ${who}, of which no process lives: ${where}`);
  }
}

/** Existing resources by URN; undefined when nobody here may look, so that the operations have to wait for somebody who may. */
async function look(
  { existing, report }: RecoveryOptions,
  pending: readonly PendingOperation[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const found = new Map<string, string>();
  try {
    for (const operation of pending.filter((candidate) => settlementOf(candidate) === "look")) {
      const id = await existing(operation);
      if (id !== undefined) {
        found.set(operation.urn, id);
      }
    }
  } catch (error) {
    if (error instanceof ServiceError && (error.status === 401 || error.status === 403)) {
      report(
        `recovery: ${pending.length} operations stay pending, because this token may not look at the repository's settings ` +
          `(${error.message}): npm run recover with a token that may administer it`,
      );
      return undefined;
    }
    throw error;
  }
  return found;
}

async function importUnlocked(options: RecoveryOptions, text: string): Promise<void> {
  const { engine } = options;
  try {
    await engine.run(["stack", "import"], text);
  } catch (error) {
    const locks = error instanceof EngineError ? parseRefusal(error.said) : [];
    if (locks.length === 0) {
      throw leased(engine, error);
    }
    await removeDeadLocks(options, locks);
    await engine.run(["stack", "import"], text);
  }
}

// Pulumi Cloud leases a stack to one update; the lease of one that died ends by itself.
function leased(engine: Engine, error: unknown): unknown {
  return error instanceof EngineError && /\[409\]|update is currently in progress/i.test(error.said)
    ? new Error(
        `stack ${engine.stack} has an update in progress (who and since when: pulumi stack --stack ${engine.stack}). ` +
          "Wait for it; Pulumi Cloud ends one that died by itself after some minutes. Only when you know that it is dead, type:\n" +
          `  pulumi cancel --yes --stack ${engine.stack}`,
        { cause: error },
      )
    : error;
}

function ending(operation: PendingOperation, found: ReadonlyMap<string, string>): string {
  const settlement = settlementOf(operation);
  if (settlement === "refresh") {
    return "read again";
  }
  return found.has(operation.urn) ? "it exists and is imported" : "forgotten, the update does it again";
}
