/** Whose key it is, how many owners a message needs, and which of them have signed, whatever else stands among the signatures. */

import { expectRefusal } from '@assay/testing';
import { describe, expect, it, test } from 'vitest';
import { bytesOf, type Hex } from './hex.ts';
import { type OwnerMessage, ownerMessageHash } from './owner-message.ts';
import { addressOfKey, MOST_SIGNATURES, neededOwners, signDigest, signersOf } from './signers.ts';

const fill = (byte: string, length = 32): Hex => `0x${byte.repeat(length)}`;
const links = { agentId: fill('aa'), version: 1, previousHash: fill('00'), expiry: 1_900_000_000 };
const pause = (paused: boolean): OwnerMessage => ({ type: 'SetPaused', fields: { ...links, paused } });
const variable = (name: string): OwnerMessage => ({
  type: 'SetVariable',
  fields: {
    ...links,
    ...{ name, visibility: 'hidden', mutability: 'mutable', valueHash: fill('bb'), policyHash: fill('00') },
  },
});
const KEYS = ['22', '33', '44'].map((byte) => bytesOf(fill(byte)));
const [FIRST, SECOND, THIRD] = KEYS.map(addressOfKey) as [Hex, Hex, Hex];
const DIGEST = ownerMessageHash(pause(true));
const signed = (byte: string, digest = DIGEST): Hex => signDigest(bytesOf(digest), bytesOf(fill(byte)));

describe('the address of a key', () => {
  it('is the one that wallets show', () => expect(FIRST).toBe('0x1563915e194d8cfba1943570603f7606a3115508'));

  it.each([
    ['zeros', new Uint8Array(32)],
    ['the order of the curve', bytesOf('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141')],
    ['31 bytes', new Uint8Array(31).fill(1)],
  ])('is none for %s', async (_, bytes) => {
    await expectRefusal(() => addressOfKey(bytes), 'operator/key-malformed', ['secp256k1', 'openssl']);
  });
});

test.each<[string, OwnerMessage, number]>([
  ['a pause', pause(true), 1],
  ['the end of a pause', pause(false), 2],
  ['a variable', variable('greeting'), 2],
  ['a variable of one owner', variable('model_key'), 1],
  ['a variable that no manifest has', variable('constructor'), 2],
])('%s needs owners', (_, message, needed) => {
  const variables = { greeting: { signers: 'threshold' }, model_key: { signers: 'one' } } as const;
  expect(neededOwners(message, { threshold: 2, variables })).toBe(needed);
});

describe('who signed', () => {
  it.each<[string, readonly Hex[], readonly Hex[]]>([
    ['two owners', [signed('22'), signed('33')], [FIRST, SECOND]],
    ['one owner twice', [signed('22'), signed('22')], [FIRST]],
    ['a stranger among them', [signed('55'), signed('33')], [SECOND]],
    ['a signature over something else', [signed('22', fill('dd')), signed('33')], [SECOND]],
    ['what is no signature', [fill('00', 65), `0x${'ff'.repeat(64)}1b`, signed('33')], [SECOND]],
    ['none', [], []],
  ])('%s', (_, signatures, signers) => {
    const found = signersOf(DIGEST, signatures, [FIRST, SECOND, THIRD]);
    expect([...found.keys()]).toEqual(signers);
    expect([...found.values()].every((each) => signatures.includes(each))).toBe(true);
  });

  it('is everyone where no owners are known', () =>
    expect([...signersOf(DIGEST, [signed('55'), signed('22')]).keys()]).toHaveLength(2));

  it('is not asked of more signatures than owners could have given', async () => {
    const many = Array.from({ length: MOST_SIGNATURES + 1 }, (_, index): Hex => `0x${String(index).padStart(130, '0')}`);
    await expectRefusal(() => signersOf(DIGEST, many, [FIRST]), 'operator/message-malformed', [`got ${MOST_SIGNATURES + 1}`]);
  });
});
