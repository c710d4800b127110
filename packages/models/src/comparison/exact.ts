/**
 * The test of two engines that must agree bit by bit. Under one profile they never differ, so one difference proves DIFFERENT; n equal answers
 * prove, with confidence 1 − β, that fewer than ε_S of such queries differ.
 */

import type { Wealth } from './wealth.ts';

/** ε_S of the exact test in each mode: 7, 7, 45 and 137 equal answers prove SAME. */
export const EXACT_EPSILON = { quick: 0.5, standard: 0.5, audit: 0.1, extended: 0.05 } as const;

/** Shares of the wealth and their bets: the first is the best bet while all answers are equal, the second survives failures. */
const BETS = [
  [0.9, 1],
  [0.1, 0.75],
] as const;

/** As a logarithm: a wealth without bound, in a form that JSON has. */
export const CERTAIN = 1e6;

/** Grows by equal answers (score 0); any other score, and a failed query as score 1, takes from it. */
export function exactWealthAgainstAtLeast(bound: number): Wealth {
  const logs = BETS.map(([share]) => Math.log(share));
  return {
    get log() {
      const most = Math.max(...logs);
      return most === Number.NEGATIVE_INFINITY
        ? -CERTAIN
        : most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0));
    },
    push: (score) => {
      for (const [index, [, bet]] of BETS.entries())
        logs[index] = (logs[index] ?? 0) + Math.log(1 + (bet / (1 - bound)) * (bound - score));
    },
  };
}
