import { describe, expect, it } from 'vitest';
import { CborTag, type CborValue, encodeCbor } from './cbor.ts';
import { encodeCoseSign1, parseCoseSign1, sigStructure } from './cose.ts';
import { decodeHex, encodeHex } from './hex.ts';

const protectedBytes = encodeCbor(new Map([[1, -35]]));
const payload = Uint8Array.of(1, 2, 3);
const signature = new Uint8Array(96).fill(5);
const parts = (replaced: Readonly<Record<number, CborValue>> = {}): CborValue[] =>
  [protectedBytes, new Map<CborValue, CborValue>(), payload, signature].map((part, index) =>
    index in replaced ? replaced[index] : part,
  );

describe('COSE_Sign1', () => {
  it.each([false, true])('round-trips, tagged: %s', (tagged) => {
    const sign1 = parseCoseSign1(encodeCoseSign1({ protectedBytes, payload, signature, tagged }));
    expect(sign1).toEqual({
      tagged,
      protectedBytes,
      protectedHeader: new Map([[1, -35]]),
      unprotected: new Map(),
      payload,
      signature,
    });
  });

  it('signs what RFC 9052 §4.4 says', () => {
    // cose-wg/Examples sign1-tests/sign-pass-02: external aad 11aa22bb33cc44dd55006699
    const input = { protectedBytes: decodeHex('a10126'), payload: decodeHex('546869732069732074686520636f6e74656e742e') };
    expect(encodeHex(sigStructure(input, decodeHex('11aa22bb33cc44dd55006699')))).toBe(
      '846a5369676e61747572653143a101264c11aa22bb33cc44dd5500669954546869732069732074686520636f6e74656e742e',
    );
    expect(sigStructure({ protectedBytes: decodeHex('a0'), payload })).toEqual(
      sigStructure({ protectedBytes: new Uint8Array(0), payload }),
    );
  });

  it.each<[string, CborValue, string]>([
    ['another tag', new CborTag(98, parts()), 'cose/malformed'],
    ['no array', new Map(), 'cose/malformed'],
    ['three parts', parts().slice(1), 'cose/malformed'],
    ['five parts', [...parts(), null], 'cose/malformed'],
    ['a protected map that is not wrapped', parts({ 0: new Map([[1, -35]]) }), 'cose/malformed'],
    ['a protected header that is no map', parts({ 0: encodeCbor([1]) }), 'cose/malformed'],
    ['a protected header with trailing bytes', parts({ 0: decodeHex('a1013822ff') }), 'cbor/trailing-bytes'],
    ['a protected header with a label twice', parts({ 0: decodeHex('a2013822013822') }), 'cbor/duplicate-key'],
    ['a label in both headers', parts({ 1: new Map([[1, -7]]) }), 'cose/malformed'],
    ['an unprotected header of bytes', parts({ 1: new Uint8Array(0) }), 'cose/malformed'],
    ['a detached payload', parts({ 2: null }), 'cose/malformed'],
    ['a text signature', parts({ 3: 'x' }), 'cose/malformed'],
  ])('refuses %s', (_, value, code) => {
    expect(() => parseCoseSign1(encodeCbor(value))).toThrow(expect.objectContaining({ code }));
  });
});
