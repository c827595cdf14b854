import { shown } from "./quotation.ts";

/** Who holds a lock of the engine on a stack. */
export interface LockHolder {
  readonly user: string;
  readonly host: string;
  readonly pid: number;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
}

/** A lock of the engine on a stack, as a file or object-store backend keeps it. */
export interface EngineLock {
  /** Path or address of the lock. */
  readonly where: string;
  /** Undefined when its text was cut short by a kill. */
  readonly holder: LockHolder | undefined;
}

/**
 * The content of a lock file. Source: pulumi pkg/backend/diy/lock.go, `lockContent`.
 *
 * @param where path or address of the file
 */
export function parseLock(where: string, text: string): EngineLock {
  try {
    const { username, hostname, pid, timestamp } = JSON.parse(text);
    return {
      where,
      holder: { user: String(username), host: String(hostname), pid: Number(pid), since: isoOf(timestamp) },
    };
  } catch {
    return { where, holder: undefined };
  }
}

const LOCKED = "the stack is currently locked by";

/**
 * The locks that the engine names when it refuses to begin; empty when it failed for another reason.
 * Source: pulumi pkg/backend/diy/lock.go, `checkForLock`.
 */
export function parseRefusal(text: string): EngineLock[] {
  if (!text.includes(LOCKED)) {
    return [];
  }
  return [...text.matchAll(/^\s*(\S+): created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)$/gm)].map(
    ([, where = "", user = "", host = "", pid, since]) => ({
      where,
      holder: { user, host, pid: Number(pid), since: isoOf(since) },
    }),
  );
}

/**
 * Whether the engine said that it did not begin, because another update has the stack.
 * Sources: pulumi pkg/backend/diy/lock.go, `checkForLock`; Pulumi Cloud's answer 409 to an update that it does not begin.
 */
export function isRefusal(text: string): boolean {
  return text.includes(LOCKED) || isInProgress(text);
}

/** The same of Pulumi Cloud alone, which has no locks but a lease for each update. */
export function isInProgress(text: string): boolean {
  return /update is currently in progress/i.test(text);
}

/** What is said about locks that may belong to an update that lives: who, since when, and what to type. */
export function lockedMessage(stack: string, locks: readonly EngineLock[], now: number): string {
  return [
    `stack ${stack} is locked, and it is not certain that the update which holds it has ended:`,
    ...locks.map(
      ({ where, holder }) =>
        `  ${holder ? saidOf(holder, now) : "somebody unknown (the lock was cut short)"}: ${where}`,
    ),
    "Wait for it. Only when you know that no update of this stack lives anywhere, its plugins included, remove the lock and run again:",
    `  pulumi cancel --yes --stack ${stack}`,
  ].join("\n");
}

/** Longer than any update takes: GitHub ends a job after six hours. What holds a stack longer is no update any more. */
const LONGEST_UPDATE_MS = 6 * 3_600_000;

/** Whether a lock is older than any update: nobody will give it free. One whose text was cut short has no age. */
export function isOutlived({ holder }: EngineLock, now: number): boolean {
  return holder !== undefined && now - Date.parse(holder.since) > LONGEST_UPDATE_MS;
}

/**
 * The update that Pulumi Cloud says is in progress, as `pulumi stack` shows it; undefined when there is none.
 * Source: pulumi pkg/cmd/pulumi/stack/stack.go, `runStackText`
 */
export function parseOperation(text: string): string | undefined {
  const [, kind, since, who] = /^ {4}(\S.*) in progress:\n\s+Started: (.*)\n\s+Requested By: (.*)$/m.exec(text) ?? [];
  return kind === undefined ? undefined : `${who} (${kind.toLowerCase()}), since ${since}`;
}

/** `me@laptop (process 12), since 2026-01-02T03:04:05Z (7 min ago)` */
export function saidOf({ user, host, pid, since }: LockHolder, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(since)) / 60_000));
  const age =
    minutes < 60
      ? `${minutes} min`
      : minutes < 48 * 60
        ? `${Math.floor(minutes / 60)} h`
        : `${Math.floor(minutes / 1440)} days`;
  return `${shown(user)}@${shown(host)} (process ${pid}), since ${since} (${age} ago)`;
}

function isoOf(time: unknown): string {
  return new Date(String(time)).toISOString().replace(/\.\d+Z$/, "Z");
}
