/** SAME, DIFFERENT or UNDECIDED, from scores, at any stopping time (spec/model-comparison.md). */

import { ModelError } from '../errors.ts';
import { wealthAgainstAtLeast, wealthAgainstAtMost } from './wealth.ts';

export type ComparisonVerdict = 'SAME' | 'DIFFERENT' | 'UNDECIDED';

export interface ComparisonPlan {
  /** At most this mean score is no difference. */
  readonly epsilonDifferent: number;
  /** At least this mean score is no sameness. */
  readonly epsilonSame: number;
  /** Chance of a false DIFFERENT. */
  readonly alpha: number;
  /** Chance of a false SAME. */
  readonly beta: number;
  /** Queries after which the comparison ends. */
  readonly maxQueries: number;
}

const plan = (epsilonDifferent: number, epsilonSame: number, error: number, maxQueries: number): ComparisonPlan => ({
  ...{ epsilonDifferent, epsilonSame, alpha: error, beta: error, maxQueries },
});

/** Plans by the names of seed 003's modes. */
export const COMPARISON_MODES = {
  quick: plan(0.25, 0.5, 0.01, 120),
  standard: plan(0.1, 0.3, 0.01, 240),
  audit: plan(0.02, 0.1, 0.01, 400),
  extended: plan(0.01, 0.05, 0.001, 800),
} as const satisfies Readonly<Record<string, ComparisonPlan>>;

export interface ComparisonState {
  readonly verdict: ComparisonVerdict;
  /** True when no further query changes anything. */
  readonly ended: boolean;
  readonly queries: number;
  /** Queries that kept failing. */
  readonly failed: number;
  /** Natural logarithms; the bounds are −ln α and −ln β. */
  readonly logDifferent: number;
  readonly logSame: number;
}

/**
 * @example
 * const comparison = new Comparison(COMPARISON_MODES.standard);
 * while (!comparison.state.ended) comparison.score(await ask());
 * comparison.state.verdict; // 'SAME'
 */
export class Comparison {
  readonly #plan: ComparisonPlan;
  readonly #different;
  readonly #same;
  #verdict: ComparisonVerdict = 'UNDECIDED';
  #queries = 0;
  #failed = 0;

  /** @throws {ModelError} `comparison/bad-plan`. */
  constructor(given: ComparisonPlan) {
    const { epsilonDifferent, epsilonSame, alpha, beta, maxQueries } = given;
    const isPossible = epsilonDifferent > 0 && epsilonDifferent <= epsilonSame && epsilonSame < 1;
    if (!isPossible || !(alpha > 0 && alpha < 0.5) || !(beta > 0 && beta < 0.5) || !(maxQueries >= 1))
      throw new ModelError(
        'comparison/bad-plan',
        `expected 0 < ε_D ≤ ε_S < 1, α and β below 0.5 and at least one query, got ${JSON.stringify(given)}; take a mode by name`,
      );
    this.#plan = given;
    this.#different = wealthAgainstAtMost(epsilonDifferent);
    this.#same = wealthAgainstAtLeast(epsilonSame);
  }

  get state(): ComparisonState {
    const [verdict, queries, failed] = [this.#verdict, this.#queries, this.#failed];
    const ended = verdict !== 'UNDECIDED' || queries >= this.#plan.maxQueries;
    return { verdict, ended, queries, failed, logDifferent: this.#different.log, logSame: this.#same.log };
  }

  /** The score of the next query. @throws {ModelError} `comparison/bad-score`, also for scores after the end. */
  score(value: number): ComparisonState {
    this.#assertOpen();
    this.#different.push(value);
    this.#same.push(value);
    return this.#decide();
  }

  /** A query that kept failing: it can delay SAME, and can never prove anything. */
  failure(): ComparisonState {
    this.#assertOpen();
    this.#same.push(1);
    this.#failed += 1;
    return this.#decide();
  }

  #assertOpen(): void {
    if (this.state.ended)
      throw new ModelError(
        'comparison/bad-score',
        'expected a comparison that goes on, got a score after its end; start another',
      );
  }

  #decide(): ComparisonState {
    this.#queries += 1;
    if (this.#different.log >= -Math.log(this.#plan.alpha)) this.#verdict = 'DIFFERENT';
    else if (this.#same.log >= -Math.log(this.#plan.beta)) this.#verdict = 'SAME';
    return this.state;
  }
}

/**
 * The verdict that a list of scores comes to; `null` is a failed query. What follows the end is not looked at.
 * @example verdictOfScores([0, 0, null, 1], testOfMode('standard', 'logprobs')).verdict
 */
export function verdictOfScores(scores: readonly (number | null)[], given: ComparisonPlan): ComparisonState {
  const comparison = new Comparison(given);
  for (const score of scores) {
    if (comparison.state.ended) break;
    if (score === null) comparison.failure();
    else comparison.score(score);
  }
  return comparison.state;
}
