/**
 * Betting on the mean of scores in [0, 1] (spec/model-comparison.md §2; Waudby-Smith and Ramdas, arXiv 2010.09686 §4). A wealth is a nonnegative
 * supermartingale under its null hypothesis, so it reaches 1/α with probability at most α, whenever one stops.
 */

import { ModelError } from '../errors.ts';

export interface Wealth {
  /** Natural logarithm of the wealth: the mean over all bets. */
  readonly log: number;
  /** Takes the next score. @throws {ModelError} `comparison/bad-score` outside of [0, 1]. */
  push(score: number): void;
}

const MEAN_AT_MOST = [0.02, 0.1, 0.25, 0.5, 0.9] as const;
const MEAN_AT_LEAST = [0.25, 0.5, 0.75, 0.95] as const;

/** Grows when scores are larger than a mean of at most `bound` would give. @example wealthAgainstAtMost(0.1) */
export function wealthAgainstAtMost(bound: number): Wealth {
  return mixture(MEAN_AT_MOST, (bet, score) => 1 + (bet / bound) * (score - bound));
}

/** Grows when scores are smaller than a mean of at least `bound` would give. */
export function wealthAgainstAtLeast(bound: number): Wealth {
  return mixture(MEAN_AT_LEAST, (bet, score) => 1 + (bet / (1 - bound)) * (bound - score));
}

function mixture(bets: readonly number[], factor: (bet: number, score: number) => number): Wealth {
  const logs = bets.map(() => 0);
  return {
    get log() {
      const most = Math.max(...logs);
      return most + Math.log(logs.reduce((sum, each) => sum + Math.exp(each - most), 0) / logs.length);
    },
    push: (score) => {
      if (!(score >= 0 && score <= 1))
        throw new ModelError(
          'comparison/bad-score',
          `expected a score from 0 to 1, got ${score}; leave out queries that failed`,
        );
      for (const [index, bet] of bets.entries()) logs[index] = (logs[index] ?? 0) + Math.log(factor(bet, score));
    },
  };
}
