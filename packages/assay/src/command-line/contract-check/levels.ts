/** Levels of a comparison, and the one of a whole: what runs together is as near to the build as its farthest part. */

import type { MatchLevel } from '@assay/contracts';

const LEVELS: readonly MatchLevel[] = ['no match', 'match', 'exact', 'identical'];

export interface Graded {
  readonly level: MatchLevel;
  /** Whether a `no match` may be one of metadata only, for which the compiler is not installed here. */
  readonly undecided: boolean;
}

/** Whether `level` is at least `wanted`. */
export function reaches(level: MatchLevel, wanted: MatchLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

/** The level of the whole. It is undecided only when each part without a match is. */
export function lowest(parts: readonly Graded[]): Graded {
  const level = LEVELS[Math.min(...parts.map((part) => LEVELS.indexOf(part.level)))] ?? 'no match';
  return { level, undecided: level === 'no match' && parts.every((part) => part.level !== 'no match' || part.undecided) };
}
