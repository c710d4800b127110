import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CborTag, type CborValue, type DecodeCborOptions, decodeCbor, encodeCbor } from './cbor.ts';
import { decodeHex, encodeHex } from './hex.ts';

const cbor = (hex: string, options: DecodeCborOptions = {}): CborValue => decodeCbor(decodeHex(hex), options);

/** RFC 8949 appendix A, the part with a deterministic encoding. */
const APPENDIX_A: readonly [string, CborValue][] = [
  ['00', 0],
  ['17', 23],
  ['1818', 24],
  ['1903e8', 1000],
  ['1a000f4240', 1000000],
  ['1b000000e8d4a51000', 1000000000000],
  ['1bffffffffffffffff', 18446744073709551615n],
  ['3bffffffffffffffff', -18446744073709551616n],
  ['20', -1],
  ['3863', -100],
  ['3903e7', -1000],
  ['f98000', -0],
  ['f93e00', 1.5],
  ['fb3ff199999999999a', 1.1],
  ['fa47c35000', 100000],
  ['f90001', 2 ** -24],
  ['f90400', 2 ** -14],
  ['f9c400', -4],
  ['fbc010666666666666', -4.1],
  ['f97c00', Number.POSITIVE_INFINITY],
  ['f97e00', Number.NaN],
  ['f9fc00', Number.NEGATIVE_INFINITY],
  ['fb7e37e43c8800759c', 1e300],
  ['fa7f7fffff', 3.4028234663852886e38],
  ['f4', false],
  ['f5', true],
  ['f6', null],
  ['f7', undefined],
  ['c074323031332d30332d32315432303a30343a30305a', new CborTag(0, '2013-03-21T20:04:00Z')],
  ['d818456449455446', new CborTag(24, decodeHex('6449455446'))],
  ['40', new Uint8Array(0)],
  ['4401020304', Uint8Array.of(1, 2, 3, 4)],
  ['60', ''],
  ['62c3bc', 'ü'],
  ['64f0908591', '\ud800\udd51'],
  ['80', []],
  ['8301820203820405', [1, [2, 3], [4, 5]]],
  ['a0', new Map()],
  [
    'a201020304',
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  [
    'a26161016162820203',
    new Map<CborValue, CborValue>([
      ['a', 1],
      ['b', [2, 3]],
    ]),
  ],
];

describe('cbor', () => {
  it.each(APPENDIX_A)('reads %s', (hex, value) => {
    expect(cbor(hex)).toEqual(value);
  });

  it.each(APPENDIX_A.filter(([hex]) => hex !== 'fa47c35000' && hex !== 'f9c400'))('writes %s', (hex, value) => {
    expect(encodeHex(encodeCbor(value))).toBe(hex);
  });

  it('reads indefinite lengths where they are allowed', () => {
    const allowed = { allowIndefinite: true };
    expect(cbor('5f42010243030405ff', allowed)).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
    expect(cbor('7f657374726561646d696e67ff', allowed)).toBe('streaming');
    expect(cbor('9f018202039f0405ffff', allowed)).toEqual([1, [2, 3], [4, 5]]);
    expect(cbor('bf61610161629f0203ffff', allowed)).toEqual(
      new Map<CborValue, CborValue>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    );
  });

  it('sorts map keys by their encoding', () => {
    const map = new Map<CborValue, CborValue>([
      ['aa', 1],
      [100, 2],
      ['b', 3],
      [-1, 4],
      [10, 5],
    ]);
    expect(encodeHex(encodeCbor(map))).toBe('a50a05186402200461620362616101');
  });

  it('round-trips', () => {
    const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        fc.integer(),
        fc.bigInt({ min: 1n << 60n, max: (1n << 64n) - 1n }),
        fc.float({ noNaN: true }).filter((number) => !Object.is(number, -0)),
        fc.string(),
        fc.boolean(),
        fc.constant(null),
        fc.uint8Array({ maxLength: 30 }),
        fc.array(tie('value'), { maxLength: 5 }) as fc.Arbitrary<CborValue>,
        fc
          .uniqueArray(fc.tuple(fc.string({ maxLength: 3 }), tie('value')), { selector: ([key]) => key, maxLength: 4 })
          .map((entries) => new Map(entries as [CborValue, CborValue][])) as fc.Arbitrary<CborValue>,
      ),
    }));
    fc.assert(
      fc.property(value, (input) => {
        const bytes = encodeCbor(input);
        expect(encodeCbor(decodeCbor(bytes))).toEqual(bytes);
        expect(decodeCbor(bytes)).toEqual(decodeCbor(encodeCbor(decodeCbor(bytes))));
      }),
    );
  });

  it('never throws anything but its own error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), fc.boolean(), (bytes, allowIndefinite) => {
        try {
          decodeCbor(bytes, { allowIndefinite });
        } catch (error) {
          expect(error).toMatchObject({ name: 'EncodingError' });
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[string, string, string, DecodeCborOptions?]>([
    ['nothing', '', 'cbor/malformed'],
    ['trailing bytes', '0000', 'cbor/trailing-bytes'],
    ['a truncated string', '4301', 'cbor/malformed'],
    ['a truncated argument', '19ff', 'cbor/malformed'],
    ['a truncated float', 'fb00', 'cbor/malformed'],
    ['an array shorter than it says', '8301', 'cbor/malformed'],
    ['a map without its last value', 'a101', 'cbor/malformed'],
    ['a length of 2^63', '5b8000000000000000', 'cbor/malformed'],
    ['an array of 2^63', '9b8000000000000000', 'cbor/malformed'],
    ['additional information 28', '1c', 'cbor/malformed'],
    ['a long form of a number', '1817', 'cbor/malformed'],
    ['a long form of a length', '580100', 'cbor/malformed'],
    ['broken utf-8', '61ff', 'utf8/malformed'],
    ['duplicate integer keys', 'a201000100', 'cbor/duplicate-key'],
    ['duplicate text keys', 'a2616100616100', 'cbor/duplicate-key'],
    ['duplicate byte keys', 'a2410100410100', 'cbor/duplicate-key'],
    ['duplicate keys as integer and float', 'a20100f93c0000', 'cbor/unsupported'],
    ['duplicate keys as definite and indefinite text', 'a26161007f6161ff00', 'cbor/duplicate-key', { allowIndefinite: true }],
    ['duplicate keys of an indefinite map', 'bf01000100ff', 'cbor/duplicate-key', { allowIndefinite: true }],
    ['a map as key', 'a1a000', 'cbor/unsupported'],
    ['an unassigned simple value', 'e0', 'cbor/unsupported'],
    ['a two-byte simple value', 'f8ff', 'cbor/unsupported'],
    ['a huge tag', 'dbffffffffffffffff00', 'cbor/unsupported'],
    ['an indefinite array', '9fff', 'cbor/malformed'],
    ['an indefinite integer', '1f', 'cbor/malformed', { allowIndefinite: true }],
    ['an indefinite tag', 'df00', 'cbor/malformed', { allowIndefinite: true }],
    ['a break alone', 'ff', 'cbor/malformed', { allowIndefinite: true }],
    ['a break inside a definite array', '81ff', 'cbor/malformed', { allowIndefinite: true }],
    ['a break instead of a value', 'bf01ff', 'cbor/malformed', { allowIndefinite: true }],
    ['a break under a tag', 'c1ff', 'cbor/malformed', { allowIndefinite: true }],
    ['a text chunk in a byte string', '5f6161ff', 'cbor/malformed', { allowIndefinite: true }],
    ['an indefinite chunk', '5f5fffff', 'cbor/malformed', { allowIndefinite: true }],
    ['an endless array', '9f01', 'cbor/malformed', { allowIndefinite: true }],
    ['nesting beyond the default limit', '81'.repeat(100_000), 'cbor/limit'],
    ['nesting of tags', 'c1'.repeat(100_000), 'cbor/limit'],
    ['nesting beyond a given limit', '818180', 'cbor/limit', { maxDepth: 1 }],
    ['too many items', '83010203', 'cbor/limit', { maxItems: 3 }],
    ['too many chunks', `5f${'40'.repeat(50)}ff`, 'cbor/limit', { maxItems: 10, allowIndefinite: true }],
  ])('refuses %s', (_, hex, code, options) => {
    expect(() => cbor(hex, options)).toThrow(expect.objectContaining({ code }));
  });

  it('reads long forms where they are allowed', () => {
    expect(cbor('1b0000000000000001', { allowLongForms: true })).toBe(1);
  });

  it.each<[string, CborValue]>([
    ['an integer of 65 bits', 1n << 64n],
    ['a function', (() => 0) as never],
    [
      'a cycle',
      ((): CborValue => {
        const loop: CborValue[] = [];
        loop.push(loop);
        return loop;
      })(),
    ],
  ])('refuses to write %s', (_, value) => {
    expect(() => encodeCbor(value)).toThrow(expect.objectContaining({ code: 'cbor/unencodable', kind: 'misuse' }));
  });
});

describe('edges of cbor numbers', () => {
  it.each([
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['1b0020000000000000', 2n ** 53n],
    ['3b001ffffffffffffe', -Number.MAX_SAFE_INTEGER],
    ['3b001fffffffffffff', -(2n ** 53n)],
    ['3b0020000000000000', -(2n ** 53n) - 1n],
    ['1b7fffffffffffffff', 2n ** 63n - 1n],
    ['3b8000000000000000', -(2n ** 63n) - 1n],
  ])('%s is read exactly and written again', (hex, value) => {
    expect(cbor(hex)).toBe(value);
    expect(encodeHex(encodeCbor(value))).toBe(hex);
  });

  it.each([
    ['1.0 as a half', 'a1f93c0001'],
    ['-0.0', 'a1f9800001'],
    ['1.0 as a single', 'a1fa3f80000001'],
    ['1.0 as a double', 'a1fb3ff000000000000001'],
    ['2^53 as a double', 'a1fb434000000000000001'],
    ['beside the integer', 'a20101f93c0002'],
    ['true', 'a1f501'],
    ['null', 'a1f601'],
    ['a tagged integer', 'a1c10101'],
    ['an array', 'a1800001'],
  ])('a map key that is no text, bytes or integer is refused: %s', (_name, hex) => {
    expect(() => cbor(hex)).toThrowError(expect.objectContaining({ code: 'cbor/unsupported' }));
  });

  it('a map of indefinite length has the same keys', () => {
    expect(() => cbor('bff93c0001ff', { allowIndefinite: true })).toThrowError(
      expect.objectContaining({ code: 'cbor/unsupported' }),
    );
    expect(cbor('bf0102ff', { allowIndefinite: true })).toEqual(new Map([[1, 2]]));
  });
});
