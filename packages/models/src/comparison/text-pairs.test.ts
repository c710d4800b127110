/** The bet on texts: it grows by what tells two writers apart, and does not by what does not; either order of a pair has the mean 1. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uniformNumbers } from '../weights/random-numbers.ts';
import { TextPairBet } from './text-pairs.ts';

const WORDS = ['key', 'map', 'stone', 'clock', 'seed', 'letter', 'bridge', 'garden'];
/** Twelve words; the first of the list with another chance. */
const writer = (next: () => number, first: number) => (): string =>
  Array.from({ length: 12 }, () => (next() < first ? WORDS[0] : WORDS[1 + Math.floor(next() * 7)])).join(' ');

/** The pair at which the wealth reaches 100; `null` when it does not. */
function foundAt(seed: number, other: number, pairs: number): number | null {
  const next = uniformNumbers(seed);
  const [one, two] = [writer(next, 0.125), writer(next, other)];
  const bet = new TextPairBet();
  for (let pair = 1; pair <= pairs; pair += 1) {
    bet.push({ prompt: `p${pair % 20}`, one: one(), other: two() });
    if (bet.log >= Math.log(100)) return pair;
  }
  return null;
}

describe('the bet on texts', () => {
  it('finds a writer of another word', () => {
    for (let seed = 0; seed < 5; seed += 1) expect(foundAt(seed, 0.3, 200)).not.toBeNull();
  });

  it('is wrong less often than its α, over 300 pairs of equal writers', () => {
    const wrong = Array.from({ length: 60 }, (_, seed) => foundAt(1000 + seed, 0.125, 60)).filter((at) => at !== null);
    expect(wrong.length).toBeLessThanOrEqual(3);
  });

  it('gives either order of a pair the mean 1, whatever was learned', () => {
    const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 8 }).map((words) => words.join(' '));
    const pair = fc.record({ prompt: fc.constantFrom('p', 'q'), one: text, other: text });
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 6 }), pair, (learned, { prompt, one, other }) => {
        const after = (last: { one: string; other: string }): number => {
          const bet = new TextPairBet();
          for (const each of learned) bet.push(each);
          const before = bet.log;
          bet.push({ prompt, ...last });
          return Math.exp(bet.log - before);
        };
        expect((after({ one, other }) + after({ one: other, other: one })) / 2).toBeCloseTo(1, 9);
      }),
      { numRuns: 30 },
    );
  });

  it('learns nothing from equal texts', () => {
    const bet = new TextPairBet();
    for (let pair = 0; pair < 50; pair += 1) bet.push({ prompt: 'p', one: 'hid the key', other: 'hid the key' });
    expect(bet.log).toBeCloseTo(0, 12);
  });
});
