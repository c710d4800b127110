/** Times as people read them: what a clock that runs ahead or a broken row gives is words, never an error. */

import { expect, test } from 'vitest';
import { agoOf, durationOf, instantOf } from './instants.ts';

const NOW = Date.parse('2026-06-01T12:00:00Z');

test.each([
  [0, 'now'],
  [4_000, 'now'],
  [-60_000, 'now'],
  [30_000, '30 seconds ago'],
  [90_000, '1 minute ago'],
  [3 * 3_600_000, '3 hours ago'],
  [86_400_000, 'yesterday'],
  [40 * 86_400_000, '40 days ago'],
])('%i ms before: %s', (before, words) => expect(agoOf(NOW - before, NOW)).toBe(words));

test.each([Number.NaN, Number.POSITIVE_INFINITY, 9e15])('%f is no time', (at) => {
  expect(instantOf(at)).toBe('unknown');
  expect(agoOf(at, NOW)).toBe('unknown');
});

test.each([
  [0, '0 s'],
  [61, '1 min 1 s'],
  [93_784, '1 d 2 h 3 min'],
])('%i s: %s', (seconds, words) => expect(durationOf(seconds)).toBe(words));
