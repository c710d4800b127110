import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64, decodeBase64Url, encodeBase64, encodeBase64Url } from './base64.ts';

const malformed = expect.objectContaining({ code: 'base64/malformed' });

describe('base64', () => {
  it('writes what Node writes and reads it back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
        expect(encodeBase64Url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(decodeBase64Url(encodeBase64Url(bytes))).toEqual(bytes);
      }),
    );
  });

  it('has one text for every byte string: any text it reads, it writes', () => {
    const alphabet = fc.constantFrom(...'ABYZabyz0189+/=');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = decodeBase64(text);
        } catch {
          return;
        }
        expect(encodeBase64(bytes)).toBe(text);
      }),
    );
  });

  it.each([
    ['missing padding', 'YQ'],
    ['padding alone', '===='],
    ['too much padding', 'YWI===='],
    ['padding inside', 'YQ==YQ=='],
    ['non-zero trailing bits after one byte', 'YR=='],
    ['non-zero trailing bits after two bytes', 'YWJ='],
    ['a line break', 'YWJj\nYWJj'],
    ['base64url characters', '-_8='],
    ['a character beyond ascii', 'YWJ\u0141'],
  ])('refuses %s', (_, text) => {
    expect(() => decodeBase64(text)).toThrow(malformed);
  });

  it.each([
    ['padding', 'YQ=='],
    ['base64 characters', '+/8'],
    ['one character too many', 'YWJjY'],
    ['non-zero trailing bits', 'YR'],
  ])('refuses in base64url %s', (_, text) => {
    expect(() => decodeBase64Url(text)).toThrow(malformed);
  });
});
