/** Evidence as tools print, dump, wrap and serialise it: every form gives the evidence back, and other text gives nothing. */

import { joinBytes, utf8 } from '@assay/encoding/bytes';
import { encodeCbor } from '@assay/encoding/cbor';
import { FAKE_NOW, fakeNitroDocument, fakeSnp } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verify } from '../../verify.ts';
import { textLayers } from '../armour.ts';
import { fencedBlocks } from './document-text.ts';
import { bytesOfHexDump } from './hex-dump.ts';
import { bytesOfLiteral } from './source-literal.ts';

const { document, anchor } = await fakeNitroDocument();
const snp = await fakeSnp();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const pairs = (bytes: Uint8Array): string[] => hex(bytes).match(/../g) ?? [];
const printable = (row: Uint8Array): string =>
  [...row].map((byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');

/** Rows of a dump with an offset each; `tail` writes the length at the end. */
function dump(
  bytes: Uint8Array,
  size: number,
  row: (bytes: Uint8Array, offset: number) => string,
  tail?: (length: number) => string,
) {
  const rows = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => {
    const part = bytes.subarray(index * size, (index + 1) * size);
    return row(part, index * size);
  });
  return `${[...rows, ...(tail === undefined ? [] : [tail(bytes.length)])].join('\n')}\n`;
}

const words = (row: Uint8Array, length: number, write: (value: number) => string): string =>
  Array.from({ length: Math.ceil(row.length / length) }, (_, index) => {
    const part = row.subarray(index * length, (index + 1) * length);
    return write(part.reduceRight((value, byte) => value * 256 + byte, 0));
  }).join(' ');
const offset16 = (offset: number, width = 8): string => offset.toString(16).padStart(width, '0');
const offset8 = (offset: number): string => offset.toString(8).padStart(7, '0');
const groups = (row: Uint8Array, length: number): string =>
  hex(row)
    .match(new RegExp(`.{1,${2 * length}}`, 'g'))
    ?.join(' ') ?? '';

const FORMS: readonly (readonly [string, (bytes: Uint8Array) => string | Uint8Array])[] = [
  ['xxd', (bytes) => dump(bytes, 16, (row, at) => `${offset16(at)}: ${groups(row, 2).padEnd(39)}  ${printable(row)}`)],
  [
    'xxd -c 32 -g 4 -u',
    (bytes) => dump(bytes, 32, (row, at) => `${offset16(at)}: ${groups(row, 4).toUpperCase()}  ${printable(row)}`),
  ],
  [
    'xxd -b',
    (bytes) =>
      dump(
        bytes,
        6,
        (row, at) =>
          `${offset16(at)}: ${[...row].map((byte) => byte.toString(2).padStart(8, '0')).join(' ')}  ${printable(row)}`,
      ),
  ],
  ['xxd -p', (bytes) => hex(bytes).replace(/(.{60})/g, '$1\n')],
  [
    'xxd -i',
    (bytes) =>
      `unsigned char quote_bin[] = {\n  ${pairs(bytes)
        .map((pair) => `0x${pair}`)
        .join(', ')}\n};\nunsigned int quote_bin_len = ${bytes.length};\n`,
  ],
  [
    'hexdump -C',
    (bytes) =>
      dump(
        bytes,
        16,
        (row, at) => `${offset16(at)}  ${groups(row.subarray(0, 8), 1)}  ${groups(row.subarray(8), 1)}  |${printable(row)}|`,
        offset16,
      ),
  ],
  [
    'hexdump',
    (bytes) =>
      dump(
        bytes,
        16,
        (row, at) => `${offset16(at, 7)} ${words(row, 2, (word) => word.toString(16).padStart(4, '0'))}`,
        (length) => offset16(length, 7),
      ),
  ],
  [
    'od',
    (bytes) =>
      dump(bytes, 16, (row, at) => `${offset8(at)} ${words(row, 2, (word) => word.toString(8).padStart(6, '0'))}`, offset8),
  ],
  [
    'od -t x4',
    (bytes) =>
      dump(bytes, 16, (row, at) => `${offset8(at)} ${words(row, 4, (word) => word.toString(16).padStart(8, '0'))}`, offset8),
  ],
  ['od -t x1', (bytes) => dump(bytes, 16, (row, at) => `${offset8(at)} ${groups(row, 1)}`, offset8)],
  [
    'od -t o1',
    (bytes) =>
      dump(
        bytes,
        16,
        (row, at) => `${offset8(at)} ${[...row].map((byte) => byte.toString(8).padStart(3, '0')).join(' ')}`,
        offset8,
      ),
  ],
  [
    'od -A x -t x1z',
    (bytes) =>
      dump(
        bytes,
        16,
        (row, at) => `${offset16(at, 6)} ${groups(row, 1)}  >${printable(row)}<`,
        (length) => offset16(length, 6),
      ),
  ],
  [
    'Format-Hex',
    (bytes) =>
      `   Label: quote.bin\n\n          Offset Bytes                                           Ascii\n${dump(bytes, 16, (row, at) => `${offset16(at, 16)} ${groups(row, 1).padEnd(47)} ${printable(row).replaceAll('.', '\u00fc')}`)}`,
  ],
  ['a Go literal', (bytes) => `var quote = []byte{${[...bytes].join(', ')}}\n`],
  ['a Rust literal', (bytes) => `let quote: [u8; ${bytes.length}] = [${[...bytes].map((byte) => `${byte}u8`).join(', ')}];`],
  ['a Java literal', (bytes) => `byte[] quote = new byte[] {${[...bytes].map((byte) => (byte << 24) >> 24).join(', ')}};`],
  ["Python's bytes", (bytes) => `b'${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}'`],
  [
    "Python's bytearray",
    (bytes) => `bytearray(b"${[...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}")`,
  ],
  ["Python's fromhex", (bytes) => `quote = bytes.fromhex("${hex(bytes)}")`],
  [
    'C strings in several lines',
    (bytes) =>
      `const char *quote =\n${[...bytes]
        .map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
        .join('')
        .replace(/(.{80})/g, '$1"\n"')
        .replace(/^/, '  "')}";`,
  ],
  ['a Markdown fence', (bytes) => `The quote:\n\n\`\`\`\n${base64(bytes)}\n\`\`\`\n`],
  [
    'the second of two fences, with tildes',
    (bytes) => `\`\`\`sh\n$ tool quote\n\`\`\`\n~~~text\n${hex(bytes)}\n~~~\nThat is it.`,
  ],
  ['a fence that lost its end', (bytes) => `\`\`\`\n${base64(bytes)}\n`],
  ['UTF-16, little endian', (bytes) => Buffer.from(`\ufeff${base64(bytes)}\r\n`, 'utf16le')],
  ['UTF-16, big endian', (bytes) => Buffer.from(`\ufeff${hex(bytes)}\r\n`, 'utf16le').swap16()],
  ['UTF-16 without a mark', (bytes) => Buffer.from(base64(bytes), 'utf16le')],
  ['lines of CR and LF', (bytes) => base64(bytes).replace(/(.{76})/g, '$1\r\n')],
  ['an HTTP answer', (bytes) => joinBytes([utf8('HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n'), bytes])],
  [
    'an HTTP answer behind a redirect',
    (bytes) => `HTTP/1.1 301 Moved\r\nLocation: /x\r\n\r\nHTTP/2 200\r\ncontent-type: text/plain\r\n\r\n${base64(bytes)}`,
  ],
  ['JSON text with its marks escaped', (bytes) => `{\\"evidence\\":\\"${base64(bytes)}\\"}`],
];

describe.each(FORMS)('%s', (_, write) => {
  test('gives the evidence back', async () => {
    const bytesOf = (content: string | Uint8Array): Uint8Array =>
      typeof content === 'string' ? utf8(content) : Uint8Array.from(content);
    expect(await verify(bytesOf(write(document)), { now: FAKE_NOW, trust: { roots: [anchor] } })).toMatchObject({
      type: 'nitro',
      claims: expect.anything(),
    });
    const report = await verify(bytesOf(write(snp.report)), { now: FAKE_NOW });
    expect(report).toMatchObject({ type: 'sev-snp', error: { code: 'snp/endorsement-key-missing' } });
  });
});

test('an answer of the Nitro module', async () => {
  const response = encodeCbor(new Map([['Attestation', new Map([['document', document]])]]));
  expect(await verify(response, { now: FAKE_NOW, trust: { roots: [anchor] } })).toMatchObject({
    type: 'nitro',
    claims: expect.anything(),
  });
});

test.each([
  ['a dump with rows left out', '00000000: 0102 0304  ....\n00000020: 0102 0304  ....\n'],
  ['a dump of other digits', '0000000 zz zz\n0000002\n'],
  ['offsets alone', '0000000\n'],
  ['prose', 'The quick brown fox (1, 2, 3) jumps.'],
  ['a short list', 'x = [1, 2, 3]'],
  ['a list with a number too large', `x = [${'300, '.repeat(40)}]`],
  ['an open string', '"\\x41\\x42'],
])('%s is neither dump nor literal', (_, text) => {
  expect([bytesOfHexDump(text), bytesOfLiteral(text)]).toEqual([null, null]);
});

test('numbers in JSON of other APIs are not searched', async () => {
  const json = JSON.stringify({ comment: [...document], note: hex(document) });
  expect((await verify(utf8(json), { now: FAKE_NOW })).error?.code).toBe('evidence/unrecognised');
});

test('any text gives pieces at once', () => {
  const pieces = fc.constantFrom(
    '0000000',
    ' ',
    '\n',
    '*',
    '00',
    '0x00,',
    '{',
    '}',
    '"',
    "'",
    '\\x00',
    '\\',
    '```',
    'header {',
    ': ',
    '[',
    ']',
    'HTTP/1.1\r\n\r\n',
    '\u0000',
    '#',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 200 }), (parts) => {
      expect(textLayers(utf8(parts.join(''))).length).toBeLessThanOrEqual(12);
      fencedBlocks(parts.join(''));
    }),
    { numRuns: 3000 },
  );
});

test.each(['0000000 00\n', '{', '\\x00', '"', '```\n', 'a{', '#', '(', "'"])(
  'work grows with the length, not with its square: %j',
  (unit) => {
    const time = (count: number): number => {
      const file = utf8(unit.repeat(count));
      const start = performance.now();
      textLayers(file);
      return performance.now() - start;
    };
    time(1000);
    expect(time(100_000)).toBeLessThan(5000);
  },
);
