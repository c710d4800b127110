/** Objects of a fixed shape: one row for each defect, with the place and the words that name it. */

import { describe, expect, test } from 'vitest';
import { Shape } from './shape.ts';

const REQUIRED = { required: ['a'] };
const shape = (value: unknown) => new Shape(value, 'thing', 'leaf/malformed', REQUIRED);
/** Two values of no type that a member has. */
const WRONG = [undefined, false];

describe('an object is refused', () => {
  test.each<[string, unknown, string]>([
    ['that is null', null, 'thing: expected an object, got null'],
    ['that is a list', ['a'], 'thing: expected an object, got an array'],
    ['that is text', 'a', 'thing: expected an object, got "a"'],
    ['without a member', {}, 'thing: expected a member a, got nothing'],
    ['whose member is that of every object', Object.create({ a: 1 }), 'thing: expected a member a, got nothing'],
    ['with a member more', { a: 1, b: 1 }, 'thing: expected no member besides a, got "b"'],
  ])('%s', (_, value, words) => {
    expect(() => shape(value)).toThrow(expect.objectContaining({ code: 'leaf/malformed', message: words }));
  });
});

test('an open object has more members, and an optional one may be there', () => {
  new Shape({ a: 1, b: 1 }, 'thing', 'leaf/malformed', { ...REQUIRED, open: true });
  new Shape({ a: 1, b: 1 }, 'thing', 'leaf/malformed', { ...REQUIRED, optional: ['b'] });
});

describe('a member is refused', () => {
  test.each<[string, (member: Shape) => unknown, readonly unknown[]]>([
    ['a string', (member) => member.string('a'), [...WRONG, null, 7, ['x']]],
    ['a string', (member) => member.stringOrNull('a'), [...WRONG, 7]],
    ['letters', (member) => member.matching('a', /^[a-z]+$/, 'letters'), ['7', '']],
    ['a whole number from 0', (member) => member.count('a'), [...WRONG, null, '7', -1, 0.5, 2 ** 53]],
    ['an array', (member) => member.array('a'), [...WRONG, null, { length: 0 }]],
    ['an object', (member) => member.object('a'), [...WRONG, null, [], 'x']],
  ])('that is not %s', (words, read, values) => {
    for (const value of values) expect(() => read(shape({ a: value }))).toThrow(`thing.a: expected ${words}, got `);
  });
});

test('a member of its type is given as it is', () => {
  expect(shape({ a: 'x' }).matching('a', /^[a-z]+$/, 'letters')).toBe('x');
  expect(shape({ a: null }).stringOrNull('a')).toBeNull();
  expect(shape({ a: 0 }).count('a')).toBe(0);
  expect(shape({ a: [1] }).array('a')).toEqual([1]);
  expect(shape({ a: { b: 1 } }).object('a')).toEqual({ b: 1 });
});
