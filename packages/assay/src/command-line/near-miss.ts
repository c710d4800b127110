/** The word somebody probably meant: for misspelled names of presets, choices and files. Commander does the same for commands and options. */

/** Edits that still count as a slip. */
const MOST_EDITS = 2;

/**
 * The candidate fewest edits away, `null` when none is near.
 * @example nearest('stict', ['strict', 'moderate']) // 'strict'
 */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const scored = candidates.map((name) => ({ name, edits: editsBetween(word.slice(0, 40).toLowerCase(), name.toLowerCase()) }));
  const near = scored.filter(({ name, edits }) => edits <= MOST_EDITS && edits < name.length / 2);
  return near.toSorted((a, b) => a.edits - b.edits)[0]?.name ?? null;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editsBetween(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const swapped =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
          ? (before[column - 2] ?? 0) + 1
          : Number.POSITIVE_INFINITY;
      current.push(Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced, swapped));
    }
    before = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
