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

/**
 * The locks that the engine names when it refuses to begin; empty when it failed for another reason.
 * Source: pulumi pkg/backend/diy/lock.go, `checkForLock`.
 */
export function parseRefusal(text: string): EngineLock[] {
  if (!text.includes("the stack is currently locked by")) {
    return [];
  }
  return [...text.matchAll(/^\s*(\S+): created by (\S+)@(\S+) \(pid (\d+)\) at (\S+)$/gm)].map(
    ([, where = "", user = "", host = "", pid, since]) => ({
      where,
      holder: { user, host, pid: Number(pid), since: isoOf(since) },
    }),
  );
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

/** `me@laptop (process 12), since 2026-01-02T03:04:05Z (7 min ago)` */
export function saidOf({ user, host, pid, since }: LockHolder, now: number): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(since)) / 60_000));
  const age =
    minutes < 60
      ? `${minutes} min`
      : minutes < 48 * 60
        ? `${Math.floor(minutes / 60)} h`
        : `${Math.floor(minutes / 1440)} days`;
  return `${user}@${host} (process ${pid}), since ${since} (${age} ago)`;
}

function isoOf(time: unknown): string {
  return new Date(String(time)).toISOString().replace(/\.\d+Z$/, "Z");
}
