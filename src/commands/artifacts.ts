import type { ArtifactEntry } from "../model/artifact-life.ts";
import { openStorage } from "../services/artifact-storage.ts";
import { isRunning } from "../services/liveness.ts";

/** What the artifact storage holds: a table with a line for each artifact, or one sentence when there is none. */
export function artifactTable(entries: readonly ArtifactEntry[], runs: (pid: number) => boolean): string {
  if (entries.length === 0) {
    return "the artifact storage is empty";
  }
  const head = ["artifact", "version", "state", "size", "SHA-256", "commit", "used"];
  const rows = entries.map((entry) => [
    entry.name,
    entry.version,
    stateOf(entry, runs),
    String(entry.size ?? ""),
    entry.checksum ?? "",
    entry.commit.slice(0, 12),
    entry.usedAt,
  ]);
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function stateOf({ state, pid, deletedAt }: ArtifactEntry, runs: (pid: number) => boolean): string {
  if (state === "building" && (pid === undefined || !runs(pid))) {
    return "building (its process has ended)";
  }
  return deletedAt === undefined || state === "expired" ? state : `${state} (deleted)`;
}

if (import.meta.main) {
  process.stdout.write(`${artifactTable(await openStorage().entries(), isRunning)}\n`);
}
