/** Shapes: what fits comes out as it is, what does not is refused and named by its place. */

import { expectCode } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { anything, byKind, list, nullable, number, object, oneOf, positive, type Shape, text } from './shape.ts';

const views = byKind({ known: { numbers: list(nullable(number()), 2) }, answer: { body: text() } });
const document = object({
  name: text({ least: 1, most: 3, pattern: /^[a-z]*$/ }),
  count: number({ least: 0, most: 4, whole: true }),
  share: positive(1),
  word: oneOf(['yes', 'no']),
  view: nullable(views),
  rest: anything,
});
const GOOD = {
  name: 'abc',
  count: 4,
  share: 0.5,
  word: 'no',
  view: { kind: 'known', numbers: [null, -1.5] },
  rest: { a: [1] },
};

it('gives back what fits', () => {
  expect(document(GOOD, 'it')).toEqual(GOOD);
  expect(document({ ...GOOD, view: { kind: 'answer', body: '' } }, 'it').view).toEqual({ kind: 'answer', body: '' });
  expect(document({ ...GOOD, view: null }, 'it').view).toBeNull();
});

describe('refuses, and names the place', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['a text that is too long', { name: 'abcd' }, 'it.name'],
    ['a text that is too short', { name: '' }, 'it.name'],
    ['a text of other characters', { name: 'A' }, 'it.name'],
    ['a number for a text', { name: 1 }, 'it.name'],
    ['a broken number', { count: 1.5 }, 'it.count'],
    ['a number below', { count: -1 }, 'it.count'],
    ['a number above', { count: 5 }, 'it.count'],
    ['no number at all', { share: Number.NaN }, 'it.share'],
    ['an endless number', { share: Number.POSITIVE_INFINITY }, 'it.share'],
    ['zero where it must be more', { share: 0 }, 'it.share'],
    ['another word', { word: 'maybe' }, 'it.word'],
    ['a kind that is unknown', { view: { kind: 'constructor' } }, 'it.view.kind'],
    ['members of another kind', { view: { kind: 'answer', numbers: [] } }, 'it.view.numbers'],
    ['a list that is too long', { view: { kind: 'known', numbers: [1, 2, 3] } }, 'it.view.numbers'],
    ['a member of a list', { view: { kind: 'known', numbers: [1, '2'] } }, 'it.view.numbers.1'],
    ['an object for a list', { view: { kind: 'known', numbers: { length: 0 } } }, 'it.view.numbers'],
    ['a member too many', { more: 1 }, 'it.more'],
    ['a member that every object has', { constructor: 1 }, 'it.constructor'],
    ['a list for an object', { view: [] }, 'it.view.kind'],
    ['an undefined member', { word: undefined }, 'it.word'],
  ])('%s', async (_name, change, place) => {
    const attempt = () => document({ ...GOOD, ...change }, 'it');
    await expectCode(attempt, 'comparison/malformed');
    expect(attempt).toThrow(` as ${place}, got`);
  });

  it.each(Object.keys(GOOD))('an object without %s', async (name) => {
    const rest: Record<string, unknown> = { ...GOOD };
    delete rest[name];
    const inherited = Object.assign(Object.create({ [name]: (GOOD as Record<string, unknown>)[name] }) as object, rest);
    for (const given of [rest, inherited]) {
      await expectCode(() => document(given, 'it'), 'comparison/malformed');
      expect(() => document(given, 'it')).toThrow(`a member as it.${name}, got none`);
    }
  });

  it.each([null, [], 'text', 7, undefined])('%j for an object', async (value) => {
    const shape: Shape<unknown> = object({});
    await expectCode(() => shape(value, 'it'), 'comparison/malformed');
  });
});
