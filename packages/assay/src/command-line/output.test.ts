/** Long hex is shortened for people where that hides nothing that they must tell apart, and whole where it would. */

import { expect, test } from 'vitest';
import { printable } from './output.ts';

const ID = `${'2baa5f5f63a302a2'.padEnd(56, '0')}583cec73`;
const SHORT = '2baa5f5f63a302a2…583cec73';
const OTHER = `${'2baa5f5f63a302a2'.padEnd(56, '1')}583cec73`;

test.each([
  ['one id', `agent 0x${ID}`, `agent 0x${SHORT}`],
  ['the same id twice', `0x${ID}, 0x${ID}`, `0x${SHORT}, 0x${SHORT}`],
  ['ids that differ where it is seen', `${ID}, ${'ff'.repeat(32)}`, `${SHORT}, ${'f'.repeat(16)}…${'f'.repeat(8)}`],
  ['40 digits, an address', 'ab'.repeat(20), 'ab'.repeat(20)],
])('shortened: %s', (_, text, shown) => expect(printable(text)).toBe(shown));

test.each([
  ['ids that differ in the middle', `expected ${ID}, got ${OTHER}`],
  ['an id, and what this page shows of it', `expected 0x${ID}, got 0x${SHORT}`],
])('whole: %s', (_, text) => expect(printable(text)).toBe(text));

test('whole where it is asked for, without what drives a terminal', () => {
  expect(printable(`${ID}\u001b[2J`, { full: true })).toBe(`${ID}\ufffd[2J`);
});

test('many runs of hex take no longer than their length', () => {
  const text = Array.from({ length: 20_000 }, (_, index) => index.toString(16).padStart(64, 'a')).join(' ');
  const begun = performance.now();
  printable(text);
  expect(performance.now() - begun).toBeLessThan(2000);
});
