import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DER_TAG,
  type DerElement,
  derBitFlags,
  derBitString,
  derBoolean,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derString,
  derTime,
  derUnsigned,
  readDer,
} from './der.ts';
import { encodeDer, encodeDerOid, encodeDerUnsigned } from './der-writer.ts';
import { decodeHex, encodeHex } from './hex.ts';

const der = (hex: string): DerElement => readDer(decodeHex(hex.replaceAll(' ', '')));
const refused = (code: string): unknown => expect.objectContaining({ code });

describe('readDer', () => {
  it('makes a bounded number of elements, however short each is', () => {
    const nulls = encodeDer(
      DER_TAG.sequence,
      new Uint8Array(2 * 600_000).map((_, at) => (at % 2 === 0 ? 0x05 : 0x00)),
    );
    expect(() => readDer(nulls).children()).toThrow(refused('der/limit'));
    expect(readDer(nulls, { maxElements: 600_001 }).children().length).toBe(600_000);
    const inner = encodeDer(DER_TAG.sequence, encodeDer(DER_TAG.null), encodeDer(DER_TAG.null));
    const two = readDer(encodeDer(DER_TAG.sequence, inner, inner), { maxElements: 6 }).children();
    expect(two[0]?.children().length).toBe(2);
    expect(() => two[1]?.children()).toThrow(refused('der/limit'));
    expect(() => two[1]?.children()).toThrow(refused('der/limit'));
  });

  it('reads nested elements as views', () => {
    const bytes = encodeDer(
      DER_TAG.sequence,
      encodeDer(DER_TAG.octetString, new Uint8Array(200)),
      encodeDer(0xa1, encodeDer(DER_TAG.null)),
    );
    const element = readDer(bytes);
    const [octets, context] = element.children();
    expect(octets?.content.length).toBe(200);
    expect(context?.raw.buffer).toBe(bytes.buffer);
    expect([context?.tag, context?.constructed, context?.children()[0]?.tag]).toEqual([0xa1, true, DER_TAG.null]);
  });

  it.each([
    ['nothing', '', 'der/malformed'],
    ['a tag alone', '30', 'der/malformed'],
    ['a long tag', '1f 81 01 00', 'der/malformed'],
    ['the reserved tag', '00 00', 'der/malformed'],
    ['an indefinite length', '30 80 00 00', 'der/malformed'],
    ['a padded short length', '04 81 01 00', 'der/malformed'],
    ['a padded long length', `04 82 00 80 ${'00'.repeat(128)}`, 'der/malformed'],
    ['a length of five bytes', '04 85 00 00 00 00 01 00', 'der/malformed'],
    ['a length beyond the input', '04 05 00', 'der/malformed'],
    ['a truncated length', '04 82 01', 'der/malformed'],
    ['a primitive sequence', '10 00', 'der/malformed'],
    ['a constructed octet string', '24 02 04 00', 'der/malformed'],
    ['trailing bytes', '05 00 00', 'der/trailing-bytes'],
  ])('refuses %s', (_, hex, code) => {
    expect(() => der(hex)).toThrow(refused(code));
  });

  it.each([
    ['a child beyond its parent', '30 03 04 05 00', 'der/malformed'],
    ['a child length beyond its parent', '30 02 04 81', 'der/malformed'],
    ['children of a primitive', '04 02 05 00', 'der/unexpected-type'],
  ])('refuses %s', (_, hex, code) => {
    expect(() => der(hex).children()).toThrow(refused(code));
  });

  it('refuses nesting beyond the limit, without recursion', () => {
    let bytes = encodeDer(DER_TAG.null);
    for (let level = 0; level < 2000; level++) bytes = encodeDer(DER_TAG.sequence, bytes);
    let element: DerElement | undefined = readDer(bytes);
    expect(() => {
      while (element !== undefined) element = element.children()[0];
    }).toThrow(refused('der/limit'));
  });

  it('never throws anything but its own error', () => {
    const walk = (element: DerElement): void => {
      if (element.constructed) for (const child of element.children()) walk(child);
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          walk(readDer(bytes));
        } catch (error) {
          expect(error).toMatchObject({ name: 'EncodingError' });
        }
      }),
    );
  });
});

describe('der values', () => {
  it.each([
    ['02 01 00', 0n],
    ['02 01 7f', 127n],
    ['02 02 00 80', 128n],
    ['02 01 80', -128n],
    ['02 02 ff 7f', -129n],
    ['0a 01 05', 5n],
  ])('reads the integer %s', (hex, value) => {
    expect(derInteger(der(hex))).toBe(value);
  });

  it('writes unsigned integers that read back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 1n << 256n }), (value) => {
        const hex = value.toString(16);
        const bytes = decodeHex(hex.length % 2 === 0 ? hex : `0${hex}`);
        const element = readDer(encodeDerUnsigned(bytes));
        expect(derInteger(element)).toBe(value);
        expect(BigInt(`0x${encodeHex(derUnsigned(element))}`)).toBe(value);
      }),
    );
  });

  it.each([
    '1.2.840.113741.1.13.1.2.16',
    '2.5.29.19',
    '2.999.3',
    '0.9.2342.19200300.100.1.1',
    '1.3.6.1.4.1.3704.1.3.8',
    '2.25.329800735698586629295641978511506172918',
    '1.39.562949953421311',
  ])('round-trips %s', (oid) => {
    expect(derOid(readDer(encodeDerOid(oid)))).toBe(oid);
  });

  it.each([
    ['17 0d 3439313233313233353935395a', '2049-12-31T23:59:59Z'],
    ['17 0d 3530303130313030303030305a', '1950-01-01T00:00:00Z'],
    ['18 0f 39393939313233313233353935395a', '9999-12-31T23:59:59Z'],
    ['18 0f 30303031303130313030303030305a', '0001-01-01T00:00:00Z'],
    ['18 0f 32303234303232393030303030305a', '2024-02-29T00:00:00Z'],
  ])('reads the time %s', (hex, time) => {
    expect(derTime(der(hex))).toBe(Date.parse(time));
  });

  it('reads strings of the types certificates use', () => {
    expect(['0c 02 c3a9', '13 01 41', '16 01 40', '1e 02 00e9'].map((hex) => derString(der(hex)))).toEqual([
      'é',
      'A',
      '@',
      'é',
    ]);
  });

  it('reads booleans, octets, bits and flags', () => {
    expect([derBoolean(der('01 01 ff')), derBoolean(der('01 01 00'))]).toEqual([true, false]);
    expect([...derOctetString(der('04 01 07'))]).toEqual([7]);
    expect([...derBitString(der('03 02 00 07'))]).toEqual([7]);
    expect([derBitFlags(der('03 02 01 06')), derBitFlags(der('03 03 07 00 80')), derBitFlags(der('03 01 00'))]).toEqual([
      0b1100000,
      1 << 8,
      0,
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ['an empty integer', () => derInteger(der('02 00')), 'der/malformed'],
    ['a padded positive integer', () => derInteger(der('02 02 00 7f')), 'der/malformed'],
    ['a padded negative integer', () => derInteger(der('02 02 ff 80')), 'der/malformed'],
    ['a negative unsigned', () => derUnsigned(der('02 01 80')), 'der/malformed'],
    ['an enumerated as unsigned', () => derUnsigned(der('0a 01 01')), 'der/unexpected-type'],
    ['a set as sequence', () => derSequence(der('31 00')), 'der/unexpected-type'],
    ['a sequence as set', () => derSet(der('30 00')), 'der/unexpected-type'],
    ['a boolean of 01', () => derBoolean(der('01 01 01')), 'der/malformed'],
    ['a boolean of two bytes', () => derBoolean(der('01 02 ff ff')), 'der/malformed'],
    ['an empty object identifier', () => derOid(der('06 00')), 'der/malformed'],
    ['a padded arc', () => derOid(der('06 02 80 01')), 'der/malformed'],
    ['a cut arc', () => derOid(der('06 02 2a 86')), 'der/malformed'],
    ['unused bits', () => derBitString(der('03 02 01 02')), 'der/malformed'],
    ['a bit string without content', () => derBitString(der('03 00')), 'der/malformed'],
    ['flags with ones in unused bits', () => derBitFlags(der('03 02 01 07')), 'der/malformed'],
    ['flags with 8 unused bits', () => derBitFlags(der('03 02 08 00')), 'der/malformed'],
    ['flags of 40 bits', () => derBitFlags(der('03 06 00 0000000000')), 'der/malformed'],
    ['a time without seconds', () => derTime(der('17 0b 323430313031303030305a')), 'der/malformed'],
    ['a time with an offset', () => derTime(der('17 11 3234303130313030303030302b30303030')), 'der/malformed'],
    ['a 30th of february', () => derTime(der('17 0d 3234303233303030303030305a')), 'der/malformed'],
    ['hour 24', () => derTime(der('17 0d 3234303130313234303030305a')), 'der/malformed'],
    ['high bytes in a printable string', () => derString(der('13 01 e9')), 'der/malformed'],
    ['broken utf-8', () => derString(der('0c 01 e9')), 'utf8/malformed'],
    ['half a bmp character', () => derString(der('1e 01 00')), 'der/malformed'],
    ['a lone surrogate in a bmp string', () => derString(der('1e 02 d800')), 'der/malformed'],
    ['an integer where a string is wanted', () => derString(der('02 01 00')), 'der/unexpected-type'],
    ['a string where an integer is wanted', () => derInteger(der('0c 00')), 'der/unexpected-type'],
  ])('refuses %s', (_, read, code) => {
    expect(read).toThrow(refused(code));
  });
});
