/** The picture of a comparison says what its run said. */

import { compareZoo, planOf, SMALL_RECIPE, zooOf } from '@assay/testing/model-zoo';
import { describe, expect, it } from 'vitest';
import { comparisonPath } from './path.ts';

const zoo = zooOf(SMALL_RECIPE);
const base = zoo.textModel('base', zoo.base);
const other = zoo.textModel('other', zoo.stored('Q4_0'));

describe('the path of a comparison', () => {
  it('ends above the bound of its verdict, and not before', () => {
    for (const [candidate, wealth] of [
      [base, 'logSame'],
      [other, 'logDifferent'],
    ] as const) {
      const plan = planOf();
      const { queries, outcome } = compareZoo(plan, () => candidate);
      const { steps, bounds, outcome: shown } = comparisonPath({ plan, queries });
      const bound = wealth === 'logSame' ? bounds.same : bounds.different;
      expect(shown).toEqual(outcome);
      expect(steps).toHaveLength(queries.length);
      expect(steps.map((step) => step[wealth] >= bound)).toEqual(steps.map((_, index) => index === steps.length - 1));
    }
  });

  it('leaves a failed query without a score, and shows a proof by equal bits at a finite height', () => {
    const plan = planOf({ tier: 'profile' });
    const { queries } = compareZoo(
      plan,
      (index) => (index < 2 ? base : other),
      (body, index) => (index === 1 ? null : body),
    );
    const { steps, bounds } = comparisonPath({ plan, queries });
    expect(steps.map(({ score }) => score)).toEqual([0, null, 1]);
    expect(steps.at(-1)).toMatchObject({ logDifferent: 2 * bounds.different });
    expect(steps.every(({ logSame }) => Math.abs(logSame) <= 2 * bounds.same)).toBe(true);
  });

  it('orders the forms of the reference by their distance', () => {
    const alternatives = [
      { name: 'Q4_0', variation: 0.02 },
      { name: 'F16', variation: null },
      { name: 'Q8_0', variation: 0.0009 },
    ] as const;
    const { ladder } = comparisonPath({ plan: planOf({ alternatives: [...alternatives] }), queries: [] });
    expect(ladder.map(({ name, inside }) => [name, inside])).toEqual([
      ['F16', true],
      ['Q8_0', true],
      ['Q4_0', false],
    ]);
  });
});
