import { expect, test } from 'vitest';
import { isRepeating } from './repetition.ts';

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `values[${index}] = ${index * index}`).join('\n');

test.each<[string, string, boolean]>([
  ['one digit for ever', `print(0b${'1'.repeat(600)}`, true],
  ['one line for ever', `x = 1\n${'if year % 4 == 0 and year % 100 != 0:\n'.repeat(20)}`, true],
  [
    'a long part five times',
    'a line of a program that is a good deal longer than most of the lines of most of the programs are, all in all.\n'.repeat(
      6,
    ),
    true,
  ],
  ['a table whose rows differ', lines(200), false],
  ['a rule that ends', `${'='.repeat(500)}\nprint(1)`, false],
  ['a short text', 'ha'.repeat(100), false],
  ['nothing', '', false],
])('%s: %#', (_, text, expected) => {
  expect(isRepeating(text)).toBe(expected);
});
