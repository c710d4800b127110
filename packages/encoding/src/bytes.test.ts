import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bufferSource, compareBytes, concatBytes, decodeUtf8, equalBytes, firstCharacter, utf8 } from './bytes.ts';

const bytes = fc.uint8Array({ maxLength: 64 });

describe('bytes', () => {
  it('joins in order, into a fresh array', () => {
    const part = Uint8Array.of(1, 2);
    const joined = concatBytes(part, new Uint8Array(0), Uint8Array.of(3));
    part[0] = 9;
    expect([...joined]).toEqual([1, 2, 3]);
  });

  it.each([
    ['\t\r\n {', 0x7b],
    ['a ', 0x61],
    ['\u0000!', 0x21],
    [' \n', undefined],
    ['', undefined],
  ])('finds the first character of %j', (text, first) => {
    expect(firstCharacter(utf8(text))).toBe(first);
  });

  it('compares by content and length', () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
      }),
    );
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2, 0))).toBe(false);
  });

  it('round-trips well-formed text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(decodeUtf8(utf8(text))).toBe(text);
      }),
    );
    expect(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe('\ufeffa');
  });

  it.each([
    ['a stray continuation byte', [0x80]],
    ['a truncated sequence', [0xe2, 0x82]],
    ['an overlong form', [0xc0, 0xaf]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['a code point beyond unicode', [0xf4, 0x90, 0x80, 0x80]],
  ])('refuses %s', (_, input) => {
    expect(() => decodeUtf8(Uint8Array.from(input))).toThrow(expect.objectContaining({ code: 'utf8/malformed' }));
  });

  it('hands ordinary arrays to webcrypto without a copy, shared memory with one', () => {
    const plain = Uint8Array.of(1);
    expect(bufferSource(plain)).toBe(plain);
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    expect(bufferSource(shared).buffer).toBeInstanceOf(ArrayBuffer);
  });
});
