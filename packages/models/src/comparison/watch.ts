/**
 * Watching a model over time: a few queries a day, one bet for each provider and fingerprint that answers name, and an alarm when any of them has
 * proved a change (spec/model-comparison.md §10). A stratum is the endpoint's own word; one that lies joins the bet of the others and is found there.
 */

import { parseAnswer } from './answer.ts';
import type { ComparisonRecord } from './record.ts';
import { ComparisonRun } from './run.ts';
import { list, nullable, number, object, text } from './shape.ts';
import { wealthAgainstAtMost } from './wealth.ts';

/** What one query told. */
export interface WatchedScore {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly provider: string | null;
  readonly fingerprint: string | null;
  /** As in a comparison; `null` for a query without a score. */
  readonly score: number | null;
}

export interface WatchRule {
  /** A mean score up to this is no change. */
  readonly epsilonDifferent: number;
  /** Chance of a false alarm, over all strata and all time. */
  readonly alpha: number;
}

export interface WatchedStratum {
  readonly provider: string | null;
  readonly fingerprint: string | null;
  readonly queries: number;
  readonly meanScore: number;
  /** Natural logarithms: the wealth, and the bound at which it is an alarm. */
  readonly log: number;
  readonly bound: number;
  readonly changed: boolean;
}

export interface WatchStanding {
  readonly changed: boolean;
  /** The bet over all answers first, then each stratum in the order in which it was first seen. */
  readonly strata: readonly WatchedStratum[];
  /** Share of scored queries that differed by the whole tolerance. */
  readonly share: number;
  readonly failed: number;
}

const scoresShape = list(
  object({
    time: number({ least: 0 }),
    provider: nullable(text({ most: 200 })),
    fingerprint: nullable(text({ most: 200 })),
    score: nullable(number({ least: 0, most: 1 })),
  }),
  1_000_000,
);

/**
 * The scores of a record's queries.
 * @param time epoch milliseconds.
 * @example const scores = watchedScores(record, Date.now())
 */
export function watchedScores(
  { plan, queries }: Pick<ComparisonRecord, 'plan' | 'queries'>,
  time: number,
): readonly WatchedScore[] {
  const run = new ComparisonRun(plan);
  return queries.map((query) => {
    const { lastScore: score } = run.push(query);
    if (score === null || query.response === null) return { time, provider: null, fingerprint: null, score: null };
    const { provider, fingerprint } = parseAnswer(query.response);
    return { time, provider, fingerprint, score };
  });
}

/**
 * @throws {ModelError} `comparison/malformed`.
 * @example const scores = parseWatchedScores(parseJson(bytes))
 */
export function parseWatchedScores(value: unknown): readonly WatchedScore[] {
  return scoresShape(value, 'scores of a watch');
}

/**
 * Where the watch stands. The bet over all answers has half of α; stratum k of the others has α/(2k(k+1)), so that all together have α.
 * @example watchStanding(scores, { epsilonDifferent: 0.1, alpha: 0.01 }).changed // false
 */
export function watchStanding(scores: readonly WatchedScore[], { epsilonDifferent, alpha }: WatchRule): WatchStanding {
  const scored = scores.filter((each): each is WatchedScore & { readonly score: number } => each.score !== null);
  const groups = new Map<string, (WatchedScore & { readonly score: number })[]>();
  for (const each of scored) {
    const name = JSON.stringify([each.provider, each.fingerprint]);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push(each);
  }
  const standing = (
    group: readonly { readonly score: number }[],
    of: Pick<WatchedScore, 'provider' | 'fingerprint'>,
    share: number,
  ): WatchedStratum => {
    const wealth = wealthAgainstAtMost(epsilonDifferent);
    const bound = -Math.log(alpha * share);
    let most = 0;
    for (const { score } of group) {
      wealth.push(score);
      most = Math.max(most, wealth.log);
    }
    const meanScore = group.reduce((sum, { score }) => sum + score, 0) / Math.max(1, group.length);
    return { ...of, queries: group.length, meanScore, log: wealth.log, bound, changed: most >= bound };
  };
  const all = standing(scored, { provider: null, fingerprint: null }, 0.5);
  const strata = [...groups.values()].map((group, index) =>
    standing(
      group,
      { provider: group[0]?.provider ?? null, fingerprint: group[0]?.fingerprint ?? null },
      0.5 / ((index + 1) * (index + 2)),
    ),
  );
  return {
    changed: [all, ...strata].some(({ changed }) => changed),
    strata: [all, ...strata],
    share: scored.filter(({ score }) => score === 1).length / Math.max(1, scored.length),
    failed: scores.length - scored.length,
  };
}
