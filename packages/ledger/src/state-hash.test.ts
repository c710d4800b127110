/** The hash over a collection: it depends on every row and on nothing else, in whatever order rows came. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StateHash } from './state-hash.ts';

const row = fc.record({
  key: fc.string({ maxLength: 12 }),
  version: fc.integer({ min: 1, max: 5 }),
  value: fc.uint8Array({ maxLength: 8 }),
});
const rows = fc.uniqueArray(row, { selector: ({ key }) => key, maxLength: 40 });

test('rows set, changed and taken out one at a time come to the hash of the rows that are there', () => {
  fc.assert(
    fc.property(rows, fc.array(row, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 10 }), (first, later, gone) => {
      const hash = new StateHash(first);
      const kept = new Map(first.map((each) => [each.key, each]));
      for (const each of later) {
        hash.set(each);
        kept.set(each.key, each);
        expect(hash.text).toMatch(/^sha256:[0-9a-f]{64}$/);
      }
      for (const at of gone) {
        const key = [...kept.keys()][at % Math.max(1, kept.size)];
        if (key === undefined) continue;
        hash.delete(key);
        kept.delete(key);
      }
      expect(hash.text).toBe(new StateHash([...kept.values()].reverse()).text);
    }),
  );
});

test('a missing, extra, older or changed row is another hash', () => {
  const value = new Uint8Array([1, 2, 3]);
  const all = Array.from({ length: 300 }, (_, n) => ({ key: `row/${n}`, version: 2, value }));
  const whole = new StateHash(all).text;
  const [first, ...rest] = all;
  const others = [
    rest,
    [...all, { key: 'row/300', version: 1, value }],
    [{ ...first!, version: 1 }, ...rest],
    [{ ...first!, value: new Uint8Array([1, 2, 2]) }, ...rest],
    [{ ...first!, key: 'row/0 ' }, ...rest],
    [],
  ];
  const found = others.map((each) => new StateHash(each).text);
  expect(new Set([whole, ...found]).size).toBe(others.length + 1);
});
