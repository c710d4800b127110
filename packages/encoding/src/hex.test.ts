import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHex, encodeHex } from './hex.ts';

describe('hex', () => {
  it('writes what Node writes and reads it back in both cases', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = encodeHex(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('hex'));
        expect(decodeHex(text, { bytes: bytes.length })).toEqual(bytes);
        expect(decodeHex(text.toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['an odd number of digits', 'abc', {}],
    ['a prefix', '0xab', {}],
    ['white space', 'ab cd', {}],
    ['a letter beyond f', 'ag', {}],
    ['a full-width digit', '\uff11\uff12', {}],
    ['too few bytes', 'abcd', { bytes: 3 }],
    ['too many bytes', 'abcd', { bytes: 1 }],
  ])('refuses %s', (_, text, options) => {
    expect(() => decodeHex(text, options)).toThrow(expect.objectContaining({ code: 'hex/malformed', kind: 'malformed' }));
  });
});
