/** A comparison as a picture shows it: both wealths after each query, their bounds, and which forms of the reference lie inside of the tolerance. */

import { CERTAIN } from './exact.ts';
import type { PlanDocument } from './plan.ts';
import { type ComparedQuery, type ComparisonOutcome, ComparisonRun, type RunState } from './run.ts';

/** Both bets after one query. */
export interface ComparisonStep {
  /** `null`: the query had none. */
  readonly score: number | null;
  /** Natural logarithms; a proof by equal bits has no finite one and is shown at twice its bound. */
  readonly logDifferent: number;
  readonly logSame: number;
}

/** What is known of a comparison before its first query. */
export interface ComparisonFrame {
  /** Names of both parties. */
  readonly reference: string;
  readonly candidate: string;
  readonly tier: PlanDocument['tier'];
  readonly mode: PlanDocument['mode'];
  /** Natural logarithms at which a wealth is a verdict. */
  readonly bounds: { readonly different: number; readonly same: number };
  readonly tolerance: number | null;
  readonly maxQueries: number;
  /** Forms of the reference, the nearest first. `variation` is `null` for one that is the reference. */
  readonly ladder: readonly { readonly name: string; readonly variation: number | null; readonly inside: boolean }[];
}

/** A comparison as it can be drawn: its frame, one step for each query, and its outcome. */
export interface ComparisonPath extends ComparisonFrame {
  readonly outcome: ComparisonOutcome;
  readonly steps: readonly ComparisonStep[];
}

/** What a program says about a comparison while it runs; `ended` is `last` unless another round of a watch follows, which ends with `watched`. */
export type ComparisonProgress =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'plan'; readonly frame: ComparisonFrame }
  | { readonly type: 'step'; readonly step: ComparisonStep }
  | { readonly type: 'ended'; readonly outcome: ComparisonOutcome; readonly record: string; readonly last: boolean }
  | { readonly type: 'watched'; readonly changed: boolean; readonly scores: string };

/** @example const { bounds } = comparisonFrame(plan); */
export function comparisonFrame(plan: PlanDocument): ComparisonFrame {
  const { tier, mode, tolerance, test, rounding, alternatives } = plan;
  const widest = (tolerance ?? 0) + rounding / 2;
  const ladder = alternatives
    .map(({ name, variation }) => ({ name, variation, inside: variation === null || variation <= widest }))
    .sort((a, b) => (a.variation ?? 0) - (b.variation ?? 0));
  return {
    ...{ reference: plan.reference.name, candidate: plan.candidate.name, tier, mode, tolerance, ladder },
    bounds: { different: -Math.log(test.alpha), same: -Math.log(test.beta) },
    maxQueries: test.maxQueries,
  };
}

/**
 * The query that was scored last, as a picture shows it.
 * @example const step = comparisonStep(run.state, frame)
 */
export function comparisonStep(
  { lastScore, logDifferent, logSame }: Pick<RunState, 'lastScore' | 'logDifferent' | 'logSame'>,
  { bounds }: Pick<ComparisonFrame, 'bounds'>,
): ComparisonStep {
  const shown = (log: number, bound: number): number => (Math.abs(log) >= CERTAIN ? Math.sign(log) * 2 * bound : log);
  return { score: lastScore, logDifferent: shown(logDifferent, bounds.different), logSame: shown(logSame, bounds.same) };
}

/**
 * @param record of which {@link verifyComparison} accepted the queries.
 * @example comparisonPath(record).steps.at(-1)?.logSame // 4.7
 */
export function comparisonPath({
  plan,
  queries,
}: {
  readonly plan: PlanDocument;
  readonly queries: readonly ComparedQuery[];
}): ComparisonPath {
  const run = new ComparisonRun(plan);
  const frame = comparisonFrame(plan);
  const steps = queries.map((query) => comparisonStep(run.push(query), frame));
  return { ...frame, outcome: run.outcome(), steps };
}
