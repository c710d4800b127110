import fc from 'fast-check';
import { expect, it } from 'vitest';
import { withoutTrailing } from './text-ends.ts';

it.each([
  ['aGk==', '=', 'aGk'],
  ['===', '=', ''],
  ['', '/', ''],
  ['/a//', '/', '/a'],
  ['a\0b\0\0', '\0', 'a\0b'],
])('%j without its last %j', (text, end, left) => expect(withoutTrailing(text, end)).toBe(left));

it('does what the regular expression does', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '=', '\n') }), (text) => {
      expect(withoutTrailing(text, '=')).toBe(text.replace(/=+$/, ''));
    }),
  );
});
