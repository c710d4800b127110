/** What fits stays on its line; what does not is broken between words and lines up; a pipe gets whole lines. */

import { counted } from '@assay/encoding/counted';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hexLines, minuteOf, shortList, table, wrapped } from './layout.ts';

describe('a paragraph', () => {
  test.each<readonly [string, string, number | null, number, string]>([
    ['in a pipe', 'one two three', null, 2, 'one two three\n'],
    ['that fits', 'one two', 7, 2, 'one two\n'],
    ['that does not', 'one two three', 8, 2, 'one two\n  three\n'],
    ['with a word that is too long', 'a 0123456789 b', 6, 0, 'a\n0123456789\nb\n'],
    ['that is indented', '  - one two', 9, 4, '  - one\n    two\n'],
    ['with colours', '\u001b[31mone\u001b[0m two', 7, 0, '\u001b[31mone\u001b[0m two\n'],
    ['of nothing', '', 10, 2, '\n'],
  ])('%s', (_, text, columns, hang, expected) => expect(wrapped(text, columns, hang)).toBe(expected));

  test('keeps its words, and its lines within the columns where words allow it', () => {
    const word = fc.stringMatching(/^[a-z]{1,12}$/);
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.integer({ min: 20, max: 90 }), (words, columns) => {
        const text = wrapped(words.join(' '), columns, 4);
        expect(text.split(/\s+/).filter((each) => each !== '')).toEqual(words);
        for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('a table', () => {
  const rows = [
    ['x', 'short', 'a text of some words that is broken'],
    ['y', 'longer', 'b'],
  ];
  test('in a pipe has whole lines', () => {
    expect(table(rows, { columns: null })).toBe('  x  short   a text of some words that is broken\n  y  longer  b\n');
  });
  test('in a terminal breaks its last column in place', () => {
    expect(table(rows, { columns: 42 })).toBe(
      '  x  short   a text of some words that is\n             broken\n  y  longer  b\n',
    );
  });
  test('in a narrow terminal puts what does not fit below', () => {
    expect(table(rows, { columns: 30 })).toBe('  x  short\n      a text of some words\n      that is broken\n  y  longer  b\n');
  });
  test('in a terminal that has no room for its columns, no cell is cut between two lines', () => {
    const wide = [['an-id-of-a-task', '2026-11-30T17:19Z', '0.1 s', 'a title']];
    expect(table(wide, { columns: 30 })).toBe('  an-id-of-a-task\n      2026-11-30T17:19Z  0.1 s\n      a title\n');
  });
  test('of nothing is nothing', () => expect(table([], { columns: 80 })).toBe(''));
});

test.each<readonly [readonly string[], string]>([
  [[], ''],
  [['a', 'b'], 'a, b'],
  [['a', 'b', 'c', 'd', 'e'], 'a, b, c, d, e'],
  [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c, d and 2 more'],
])('many names are counted: %s', (names, shown) => expect(shortList(names)).toBe(shown));

test('a number takes the noun that fits it', () => {
  expect([0, 1, 2].map((count) => counted(count, 'change'))).toEqual(['0 changes', '1 change', '2 changes']);
  expect([1, 2].map((count) => counted(count, 'query', 'queries'))).toEqual(['1 query', '2 queries']);
});

test('long hex is broken where it has no room, other text is not', () => {
  const value = '0123456789abcdef'.repeat(6);
  expect(hexLines(value, 72)).toEqual([value.slice(0, 48), value.slice(48)]);
  expect(hexLines(value, null)).toEqual([value]);
  expect(hexLines('z'.repeat(96), 72)).toEqual(['z'.repeat(96)]);
});

test('an instant in a list is to the minute', () => expect(minuteOf(1_796_000_000_000)).toBe('2026-11-30T00:53Z'));
