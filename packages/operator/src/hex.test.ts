/** An address that was mistyped is refused wherever people type one: in manifests, policies and sets of owners. */

import { expectRefusal } from '@assay/testing';
import { describe, expect, it, test } from 'vitest';
import { addressSchema, checksummed, hasWrongChecksum, typedAddressSchema } from './hex.ts';
import { parseManifest } from './manifest.ts';
import { parseOwnerMessage } from './owner-message.ts';
import { parseSigningPolicy } from './policy.ts';

/** The first example of EIP-55. */
const RIGHT = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const LOWER = RIGHT.toLowerCase();
const MISTYPED = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD';

test.each([
  ['the checksum of EIP-55', RIGHT, false],
  ['lower case, which has none', LOWER, false],
  ['upper case, which has none', `0x${LOWER.slice(2).toUpperCase()}`, false],
  ['one letter in the wrong case', MISTYPED, true],
])('%s', (_, address, wrong) => {
  expect([hasWrongChecksum(address), typedAddressSchema.safeParse(address).success]).toEqual([wrong, !wrong]);
  expect(addressSchema.parse(address)).toBe(LOWER);
  expect(checksummed(addressSchema.parse(address))).toBe(RIGHT);
});

describe('a mistyped address', () => {
  const manifest = (address: string) =>
    parseManifest(
      new TextEncoder().encode(JSON.stringify({ v: 'assay-operator/1', name: 'my-agent', owners: { addresses: [address] } })),
    );
  const policy = (match: object, caps: readonly object[] = []) =>
    parseSigningPolicy(
      JSON.stringify({ v: 'assay-operator-policy/1', chains: {}, rules: [{ id: 'tips', effect: 'allow', match, caps }] }),
    );

  it('is refused among the owners of a manifest', async () => {
    await expectRefusal(() => manifest(MISTYPED), 'operator/manifest-malformed', ['EIP-55', 'owners.addresses[0]']);
    expect(manifest(RIGHT)).toEqual(manifest(LOWER));
  });

  it.each<[string, (address: string) => ReturnType<typeof policy>]>([
    ['recipients', (address) => policy({ recipients: [address] })],
    ['beneficiaries', (address) => policy({ beneficiaries: [address] })],
    ['delegates', (address) => policy({ delegates: [address] })],
    ['verifying_contract', (address) => policy({ typed_data: [{ primary_type: 'Mail', verifying_contract: address }] })],
    ['caps', (address) => policy({}, [{ asset: address, at_most: '1' }])],
  ])('is refused in %s of a policy, and a right one is read in lower case', async (_, read) => {
    await expectRefusal(() => read(MISTYPED), 'operator/policy-malformed', ['EIP-55']);
    expect(read(RIGHT)).toEqual(read(LOWER));
  });
});

test.each([
  ['a threshold that these owners cannot reach', [LOWER], 2, 'can reach'],
  ['one owner twice', [LOWER, RIGHT], 1, 'each owner once'],
])('a set of owners with %s is no message', async (_, owners, threshold, words) => {
  const fields = { agentId: `0x${'aa'.repeat(32)}`, version: 1, previousHash: `0x${'00'.repeat(32)}`, expiry: 1 };
  const message = { type: 'SetOwners', fields: { ...fields, owners, threshold } };
  await expectRefusal(() => parseOwnerMessage(message), 'operator/message-malformed', [words]);
});
