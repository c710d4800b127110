/** The comparison's error rates by simulation at the boundary of each hypothesis, its sample sizes, outages, and the scores behind it. */

import { expectCode } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../weights/random-numbers.ts';
import { COMPARISON_MODES, Comparison, type ComparisonPlan, verdictOfScores } from './comparison.ts';
import { challengeSeed, queryScore, resolutionOf, toleranceOf, totalVariation } from './score.ts';

const RUNS = 20_000;

/** How many of {@link RUNS} runs end in `wrong` when scores are drawn so. */
function falseVerdicts(plan: ComparisonPlan, wrong: 'SAME' | 'DIFFERENT', draw: (next: () => number) => number): number {
  const next = uniformNumbers(20_261_129);
  let count = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const comparison = new Comparison(plan);
    let state = comparison.state;
    while (!state.ended) state = comparison.score(draw(next));
    if (state.verdict === wrong) count += 1;
  }
  return count;
}

/** Upper 99 % bound of a rate (Wilson, one-sided). */
function upperBound(count: number): number {
  const [z, n] = [2.326, RUNS];
  const rate = count / n;
  return (rate + (z * z) / (2 * n) + z * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n);
}

describe('false verdicts at the boundary, 20,000 runs', () => {
  const { standard } = COMPARISON_MODES;
  it.each<[string, ComparisonPlan, 'SAME' | 'DIFFERENT', (next: () => number) => number]>([
    ['DIFFERENT, mean ε_D by rare ones', standard, 'DIFFERENT', (next) => (next() < standard.epsilonDifferent ? 1 : 0)],
    ['DIFFERENT, mean ε_D exactly', standard, 'DIFFERENT', () => standard.epsilonDifferent],
    ['SAME, mean ε_S by ones', standard, 'SAME', (next) => (next() < standard.epsilonSame ? 1 : 0)],
    ['SAME, mean ε_S by halves', standard, 'SAME', (next) => (next() < 2 * standard.epsilonSame ? 0.5 : 0)],
    ['DIFFERENT, quick', COMPARISON_MODES.quick, 'DIFFERENT', (next) => (next() < 0.25 ? 1 : 0)],
    ['SAME, quick', COMPARISON_MODES.quick, 'SAME', (next) => (next() < 0.5 ? 1 : 0)],
  ])(
    '%s',
    (_, plan, wrong, draw) => {
      const bound = upperBound(falseVerdicts(plan, wrong, draw));
      expect(bound).toBeLessThanOrEqual(wrong === 'SAME' ? plan.beta : plan.alpha);
    },
    120_000,
  );
});

describe('sample sizes', () => {
  const constant = (score: number, plan: ComparisonPlan) => verdictOfScores(Array(plan.maxQueries).fill(score), plan);
  it.each([
    ['quick', 9, 5],
    ['standard', 17, 3],
    ['audit', 57, 2],
    ['extended', 167, 2],
  ] as const)('%s: SAME after %i equal answers, DIFFERENT after %i that are apart', (mode, same, different) => {
    const plan = COMPARISON_MODES[mode];
    expect(constant(0, plan)).toMatchObject({ verdict: 'SAME', queries: same, ended: true });
    expect(constant(1, plan)).toMatchObject({ verdict: 'DIFFERENT', queries: different, ended: true });
  });

  it('a comparison that is cut off has decided nothing', () => {
    const plan = { ...COMPARISON_MODES.standard, maxQueries: 2 };
    for (const score of [0, 0.2, 0.9])
      expect(constant(score, plan)).toMatchObject({ verdict: 'UNDECIDED', queries: 2, ended: true });
  });

  it('a candidate that cheats on one request in ten is found, and never called the same', () => {
    const next = uniformNumbers(7);
    const { audit } = COMPARISON_MODES;
    const found = Array.from(
      { length: 300 },
      () =>
        verdictOfScores(
          Array.from({ length: 400 }, () => (next() < 0.1 ? 1 : 0)),
          audit,
        ).verdict,
    );
    expect(found.filter((verdict) => verdict === 'DIFFERENT').length).toBeGreaterThan(285);
    expect(found.filter((verdict) => verdict === 'SAME').length).toBeLessThanOrEqual(3);
  });
});

describe('outages', () => {
  it('never prove anything', () => {
    for (const plan of Object.values(COMPARISON_MODES)) {
      const { verdict, logDifferent, failed } = verdictOfScores(Array(plan.maxQueries).fill(null), plan);
      expect([verdict, logDifferent, failed]).toEqual(['UNDECIDED', 0, plan.maxQueries]);
    }
  });

  it('delay SAME, and never turn it round', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(null), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 300 }),
        (scores) => {
          const withFailures = verdictOfScores(scores, COMPARISON_MODES.standard);
          const without = verdictOfScores(
            scores.filter((score) => score !== null),
            COMPARISON_MODES.standard,
          );
          if (withFailures.verdict === 'SAME') expect(without.verdict).toBe('SAME');
          if (withFailures.verdict === 'DIFFERENT') expect(['DIFFERENT', 'SAME']).toContain(without.verdict);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('and scores after the end are refused, as are scores that are none', async () => {
    const comparison = new Comparison(COMPARISON_MODES.quick);
    for (const score of [Number.NaN, -0.1, 1.1, Number.POSITIVE_INFINITY])
      await expectCode(() => comparison.score(score), 'comparison/bad-score');
    while (!comparison.state.ended) comparison.score(0);
    await expectCode(() => comparison.score(0), 'comparison/bad-score');
    await expectCode(() => comparison.failure(), 'comparison/bad-score');
    for (const bad of [{ epsilonDifferent: 0.5 }, { alpha: 0 }, { maxQueries: 0 }, { epsilonSame: 1 }])
      await expectCode(() => new Comparison({ ...COMPARISON_MODES.standard, ...bad }), 'comparison/bad-plan');
  });
});

describe('scores', () => {
  const of = (members: Readonly<Record<string, number>>) =>
    new Map(Object.entries(members).map(([token, p]) => [token, Math.log(p)]));

  it('never exceed the total variation over the whole vocabulary', () => {
    const distribution = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 6, maxLength: 6 }).map((weights) => {
      const sum = weights.reduce((a, b) => a + b, 0);
      return weights.map((weight) => weight / sum);
    });
    fc.assert(
      fc.property(distribution, distribution, fc.integer({ min: 1, max: 6 }), (q, p, k) => {
        const whole = q.reduce((sum, each, index) => sum + Math.abs(each - (p[index] ?? 0)), 0) / 2;
        const top = q
          .map((each, index) => ({ each, index }))
          .toSorted((a, b) => b.each - a.each)
          .slice(0, k);
        const seen = new Map(top.map(({ each, index }) => [String(index), Math.log(each)]));
        const reference = new Map(p.map((each, index) => [String(index), Math.log(each)]));
        const bound = totalVariation(seen, reference);
        expect(bound).toBeLessThanOrEqual(whole + 1e-9);
        if (k === 6) expect(bound).toBeCloseTo(whole, 9);
      }),
      { numRuns: 500 },
    );
  });

  it('are 0 within the noise, 1 from the tolerance on', () => {
    const same = of({ a: 0.7, b: 0.2 });
    expect(totalVariation(same, same)).toBe(0);
    expect(queryScore([0, 0.1], 0.2)).toBe(0);
    expect(queryScore([0, 0.15], 0.2)).toBeCloseTo(0.5);
    expect(queryScore([0.5], 0.2)).toBe(1);
  });

  it.each<[string, () => unknown]>([
    [
      'base 2 that is mistaken for base e and sums to more than 1',
      () =>
        totalVariation(
          new Map([
            ['a', -0.1],
            ['b', -0.5],
          ]),
          of({ a: 0.9, b: 0.1 }),
        ),
    ],
    ['NaN', () => totalVariation(new Map([['a', Number.NaN]]), of({ a: 1 }))],
    ['probabilities in place of their logarithms', () => totalVariation(new Map([['a', 0.9]]), of({ a: 0.9 }))],
    ['another tokenizer', () => totalVariation(of({ ab: 0.5 }), of({ a: 0.5, b: 0.5 }))],
    ['no tokens', () => totalVariation(new Map(), of({ a: 1 }))],
    ['no positions', () => queryScore([], 0.1)],
    ['no tolerance', () => queryScore([0.1], 0)],
    ['a twin of ten queries', () => toleranceOf(Array(10).fill(0.1))],
  ])('%s is refused', async (_, work) => {
    await expectCode(work, 'comparison/bad-logprobs');
  });

  it('come with their resolution: what lies inside of the tolerance', () => {
    expect(toleranceOf(Array.from({ length: 100 }, (_, index) => index / 1000))).toBeCloseTo(0.196);
    const ladder = { Q8_0: 0.075, F16: 0.056, Q5_0: 0.3, Q4_0: 0.56 };
    expect(resolutionOf(0.28, ladder)).toEqual({ coarse: true, inside: ['F16', 'Q8_0'] });
    expect(resolutionOf(0.007, ladder)).toEqual({ coarse: false, inside: [] });
  });

  it('ask challenges that cannot be foreseen, and can be recomputed by anyone', () => {
    const key = new Uint8Array(32).fill(1);
    const seeds = [
      challengeSeed(key, 'run', 0),
      challengeSeed(key, 'run', 1),
      challengeSeed(key, 'other', 0),
      challengeSeed(new Uint8Array(32), 'run', 0),
    ];
    expect(new Set(seeds.map((seed) => Buffer.from(seed).toString('hex'))).size).toBe(4);
    expect(challengeSeed(key, 'run', 0)).toEqual(seeds[0]);
  });
});
