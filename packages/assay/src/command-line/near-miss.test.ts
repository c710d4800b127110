/** Slips are recognised, other words are not. */

import { expect, test } from 'vitest';
import { nearest } from './near-miss.ts';

const presets = ['strict', 'moderate', 'relaxed'];

test.each([
  ['stict', 'strict'],
  ['strcit', 'strict'],
  ['STRICT', 'strict'],
  ['moderat', 'moderate'],
  ['relaxedd', 'relaxed'],
  ['lax', null],
  ['policy', null],
  ['', null],
  ['x'.repeat(10_000), null],
])('%s is taken for %s', (word, expected) => expect(nearest(word, presets)).toBe(expected));

test('a short name is not near to everything short', () => expect(nearest('ab', ['run', 'ask'])).toBeNull());
