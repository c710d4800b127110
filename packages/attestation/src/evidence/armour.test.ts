/** Every way to write a document as text gives the document back; other text gives nothing. */

import { utf8 } from '@assay/encoding/bytes';
import { FAKE_NOW, fakeNitroDocument, fakeSnp } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verify } from '../verify.ts';
import { withoutArmour } from './armour.ts';

const { document, anchor } = await fakeNitroDocument();
const { report } = await fakeSnp();
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const pairs = (bytes: Uint8Array): string[] => hex(bytes).match(/../g) ?? [];

const WAYS: readonly (readonly [string, (bytes: Uint8Array) => string])[] = [
  ['a byte order mark', (bytes) => `\ufeff${hex(bytes)}`],
  ['double quotation marks', (bytes) => `"${base64(bytes)}"\n`],
  ['single quotation marks', (bytes) => `'0x${hex(bytes)}'`],
  ['a list of numbers', (bytes) => JSON.stringify([...bytes])],
  ['armour', (bytes) => `-----BEGIN COSE SIGN1-----\n${base64(bytes).replace(/(.{64})/g, '$1\n')}\n-----END COSE SIGN1-----\n`],
  [
    'armour with words around it',
    (bytes) => `A report.\n-----BEGIN REPORT-----\n${base64(bytes)}\n-----END REPORT-----\n\n-- end --\n`,
  ],
  ['a dump with colons', (bytes) => pairs(bytes).join(':')],
  [
    'a C array',
    (bytes) =>
      `{${pairs(bytes)
        .map((pair) => `0x${pair}`)
        .join(', ')}}`,
  ],
  ['a data uri', (bytes) => `data:application/cbor;base64,${base64(bytes)}`],
  ['base64 of hex', (bytes) => base64(utf8(hex(bytes)))],
  ['hex of a quoted text', (bytes) => hex(utf8(`"${base64(bytes)}"`))],
];

describe.each(WAYS)('%s', (_, write) => {
  test('is taken off', async () => {
    expect(await verify(utf8(write(document)), { now: FAKE_NOW, trust: { roots: [anchor] } })).toMatchObject({
      type: 'nitro',
      claims: expect.anything(),
    });
    expect(await verify(utf8(write(report)), { now: FAKE_NOW })).toMatchObject({
      type: 'sev-snp',
      error: { code: 'snp/endorsement-key-missing' },
    });
  });
});

test.each([
  '',
  'plain words',
  '"',
  '[1,2',
  '[300]',
  '{"a":1}',
  '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
  '84:4',
  "'",
])('%j has none', (text) => expect(withoutArmour(utf8(text))).toBeNull());

test('json of another api lies under it too', async () => {
  const wrapper = base64(utf8(JSON.stringify({ attestation_document: base64(document) })));
  expect((await verify(utf8(wrapper), { now: FAKE_NOW, trust: { roots: [anchor] } })).type).toBe('nitro');
});

test('any bytes give bytes or nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void withoutArmour(bytes)),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => void withoutArmour(utf8(text))),
    { numRuns: 2000 },
  );
});
