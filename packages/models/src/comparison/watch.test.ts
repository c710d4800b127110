/** Watches: false alarms over many strata by simulation, changes that are found, and changes that only one provider has. */

import { expectCode } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../weights/random-numbers.ts';
import { parseWatchedScores, type WatchedScore, watchStanding } from './watch.ts';

const RULE = { epsilonDifferent: 0.1, alpha: 0.05 };
const at = (index: number, score: number | null, provider: string | null = null): WatchedScore => ({
  ...{ time: index, provider, fingerprint: null, score },
});

describe('a watch', () => {
  it('raises a false alarm less often than its α, over five strata', () => {
    const next = uniformNumbers(3);
    let alarms = 0;
    for (let run = 0; run < 1000; run += 1) {
      const scores = Array.from({ length: 200 }, (_, index) => at(index, next() < 0.1 ? 1 : 0, `p${Math.floor(next() * 5)}`));
      if (watchStanding(scores, RULE).changed) alarms += 1;
    }
    expect(alarms / 1000).toBeLessThan(0.05);
  });

  it.each([
    ['at once', 0],
    ['after forty queries', 40],
  ])('finds a change %s', (_, from) => {
    const scores = Array.from({ length: from + 40 }, (__, index) => at(index, index < from ? 0 : 1));
    expect(watchStanding(scores, RULE).changed).toBe(true);
    expect(watchStanding(scores.slice(0, from + 1), RULE).changed).toBe(false);
  });

  it('finds the one provider of five that serves another model, and names it', () => {
    const scores = Array.from({ length: 200 }, (_, index) =>
      at(index, index % 5 === 2 && index % 2 === 0 ? 1 : 0, `p${index % 5}`),
    );
    const { changed, strata, share } = watchStanding(scores, RULE);
    expect(changed).toBe(true);
    expect(strata.filter((stratum) => stratum.changed).map(({ provider }) => provider)).toEqual(['p2']);
    expect(share).toBeCloseTo(0.1, 2);
  });

  it('a provider that takes the name of another one is found over all answers', () => {
    const scores = Array.from({ length: 120 }, (_, index) => at(index, index % 2, 'p0'));
    expect(watchStanding(scores, RULE).strata[0]?.changed).toBe(true);
  });

  it('an alarm stays, and an outage is none', () => {
    const scores = [
      ...Array.from({ length: 20 }, (_, index) => at(index, 1)),
      ...Array.from({ length: 400 }, (_, index) => at(20 + index, 0)),
    ];
    expect(watchStanding(scores, RULE).changed).toBe(true);
    const outage = watchStanding(
      Array.from({ length: 50 }, (_, index) => at(index, null)),
      RULE,
    );
    expect(outage).toMatchObject({ changed: false, failed: 50, share: 0 });
  });

  it('is read strictly', async () => {
    expect(parseWatchedScores([at(1, 0.5)])).toHaveLength(1);
    for (const bad of [null, {}, [{ score: 1 }], [at(1, 2)], [{ ...at(1, 0), more: 1 }]])
      await expectCode(() => parseWatchedScores(bad), 'comparison/malformed');
  });
});
