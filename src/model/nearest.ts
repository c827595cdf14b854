/**
 * The candidate that was probably meant: one that the word begins, or the one with the fewest edits, at most a third of
 * the word; else absent.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const meant = word.toLowerCase();
  const most = Math.max(2, Math.floor(word.length / 3));
  const edits = (candidate: string) => {
    const begun = meant.length >= 3 && candidate.startsWith(meant) ? 1 : Number.POSITIVE_INFINITY;
    // Words of very different lengths are not compared: a huge one would take long, and means none of them.
    return Math.abs(candidate.length - meant.length) > most ? begun : Math.min(begun, distance(meant, candidate));
  };
  const [best] = candidates
    .map((candidate) => ({ candidate, edits: edits(candidate.toLowerCase()) }))
    .filter((scored) => scored.edits <= most)
    .sort((left, right) => left.edits - right.edits);
  return best?.candidate;
}

/** Levenshtein's distance: insertions, deletions and replacements of one character. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (const [index, character] of [...left].entries()) {
    const next = [index + 1];
    for (const [column, other] of [...right].entries()) {
      next.push(
        Math.min(
          (next[column] ?? 0) + 1,
          (row[column + 1] ?? 0) + 1,
          (row[column] ?? 0) + (character === other ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
