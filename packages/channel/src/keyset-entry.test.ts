/** Channel keys of a keyset: one that cannot be used is refused, and a keyset without one has none to give. */

import { expectCode } from '@assay/testing';
import { expect, test } from 'vitest';
import { ohttpEntry, ohttpKey, ohttpKeys } from './keyset-entry.ts';

const config = { keyId: 7, kem: 0x0020, publicKey: new Uint8Array(32).fill(9) } as const;
const entry = ohttpEntry(config);

test('an entry is read back, and the strongest is given', () => {
  expect(ohttpKeys([{ ...entry, algo: 'another' }, entry])).toEqual([config]);
  expect(ohttpKey([entry], 0x647a)).toEqual(config);
});

test('a keyset without a channel key has none to give', async () => {
  await expectCode(() => ohttpKey([{ ...entry, algo: 'another' }]), 'channel/suite-unsupported');
});

test.each([
  ['a short key', { ...entry, public_key: entry.public_key.slice(2) }],
  ['a long key', { ...entry, public_key: `${entry.public_key}00` }],
  ['a key id of two bytes', { ...entry, algo: entry.algo.replace('=7', '=256') }],
])('%s is refused', async (_, broken) => {
  await expectCode(() => ohttpKeys([broken]), 'channel/key-config-malformed');
});
