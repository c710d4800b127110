/** What owners sign, held against eth-account, and who is counted as having signed. */

import { expectRefusal } from '@assay/testing';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { bytesOf, type Hex, hexOf } from './hex.ts';
import type { Owners } from './manifest.ts';
import { type OwnerMessage, ownerMessageHash, parseOwnerMessage, typedDataOf } from './owner-message.ts';
import { authorizedSigners, recoverSigner } from './signers.ts';

const fill = (byte: string, length = 32): Hex => `0x${byte.repeat(length)}`;
const KEYS = ['22', '33', '44'].map((byte) => privateKeyToAccount(fill(byte)));
const STRANGER = privateKeyToAccount(fill('55'));
const OWNERS: Owners = { addresses: KEYS.map(({ address }) => address.toLowerCase() as Hex), threshold: 2 };
const SET_VARIABLE: OwnerMessage = {
  type: 'SetVariable',
  fields: {
    agentId: fill('aa'),
    name: 'model',
    visibility: 'public',
    mutability: 'immutable',
    valueHash: fill('bb'),
    version: 1,
    previousHash: fill('00'),
    policyHash: fill('00'),
    expiry: 1_900_000_000,
  },
};
const SET_OWNERS: OwnerMessage = {
  type: 'SetOwners',
  fields: {
    agentId: fill('aa'),
    owners: [fill('12', 20), fill('34', 20)],
    threshold: 2,
    version: 3,
    previousHash: fill('cc'),
    expiry: 1_900_000_000,
  },
};
/** Made with eth-account 0.13: digest, then the signature of the key 22…22. */
const VECTORS: readonly (readonly [OwnerMessage, Hex, Hex])[] = [
  [
    SET_VARIABLE,
    '0xcda688af1ded2c62ca167333cc20657f420e77a32ac90dd2463221986f06d1da',
    '0xcfcaa5a76a9e4ee890d82196a0d118eb744e549065e35764c255177a39f190a922bb433c024b8027d523f5da2946ed64472d349fb8da92b8b89cfd11af4f7eeb1b',
  ],
  [
    SET_OWNERS,
    '0x4c8a84d82fcd5c979d662aa8bcd5e39e28ba59a3d85bc4df8b6833ba6cc41417',
    '0x53f135897694eb30d89c92adad33c3e64625818a3813fd8f7d2590f1eca42f0e3167c220e461ce8e571d7c726abfa2be92832ce28a5557bb0eee232f732f70fc1b',
  ],
];
const DIGEST = ownerMessageHash(SET_VARIABLE);
const signed = (account = KEYS[0]!): Promise<Hex> => account.signTypedData(typedDataOf(SET_VARIABLE) as never);

describe('the digest', () => {
  it.each(VECTORS)('is that of another implementation', (message, digest, signature) => {
    expect(ownerMessageHash(message)).toBe(digest);
    expect(recoverSigner(digest, signature)).toBe(OWNERS.addresses[0]);
  });

  it('changes with every field', () => {
    if (SET_VARIABLE.type !== 'SetVariable') throw new Error('unreachable');
    const { fields } = SET_VARIABLE;
    const changes = [
      { agentId: fill('ab') },
      { name: 'modem' },
      { visibility: 'hidden' as const },
      { mutability: 'mutable' as const },
      { valueHash: fill('bc') },
      { version: 2 },
      { previousHash: fill('01') },
      { policyHash: fill('01') },
      { expiry: 1_900_000_001 },
    ];
    expect(changes.map((change) => Object.keys(change)[0])).toEqual(Object.keys(fields).sort(order(changes)));
    const digests = changes.map((change) => ownerMessageHash({ type: 'SetVariable', fields: { ...fields, ...change } }));
    expect(new Set([DIGEST, ...digests]).size).toBe(changes.length + 1);
  });
});

const order = (changes: readonly object[]) => {
  const names = changes.map((change) => Object.keys(change)[0] ?? '');
  return (a: string, b: string): number => names.indexOf(a) - names.indexOf(b);
};

describe('parsing', () => {
  it.each<[string, unknown, readonly string[]]>([
    ['no object', 'SetVariable', ['SetPaused']],
    ['another type', { type: 'Transfer', fields: {} }, ['SetVariable']],
    ['a type of the prototype', { type: 'constructor', fields: {} }, ['SetVariable']],
    ['a member more', { type: 'SetVariable', fields: { ...SET_VARIABLE.fields, gas: 1 } }, ['gas']],
    ['a short hash', { type: 'SetVariable', fields: { ...SET_VARIABLE.fields, valueHash: '0xbb' } }, ['valueHash']],
    ['version 0', { type: 'SetVariable', fields: { ...SET_VARIABLE.fields, version: 0 } }, ['version']],
    ['a fraction', { type: 'SetVariable', fields: { ...SET_VARIABLE.fields, expiry: 1.5 } }, ['expiry']],
    [
      'an acknowledgement without a word about the witness',
      {
        type: 'AcknowledgeHead',
        fields: { agentId: fill('aa'), size: 1, version: 1, previousHash: fill('00'), expiry: 1_900_000_000 },
      },
      ['withoutWitness'],
    ],
    ['a third visibility', { type: 'SetVariable', fields: { ...SET_VARIABLE.fields, visibility: 'secret' } }, ['visibility']],
  ])('refuses %s', async (_name, value, words) => {
    await expectRefusal(() => parseOwnerMessage(value), 'operator/message-malformed', words);
  });

  it('takes any spelling of hex and gives lower case', () => {
    const upper = { ...SET_VARIABLE.fields, agentId: `0x${'AA'.repeat(32)}` };
    expect(parseOwnerMessage({ type: 'SetVariable', fields: upper })).toEqual(SET_VARIABLE);
  });
});

describe('signers', () => {
  it('counts each owner once', async () => {
    const [first, second] = [await signed(KEYS[0]), await signed(KEYS[1])];
    expect(authorizedSigners(DIGEST, [first, second], OWNERS, 2)).toEqual(OWNERS.addresses.slice(0, 2));
    await expectRefusal(() => authorizedSigners(DIGEST, [first, first], OWNERS, 2), 'operator/signer-repeated', ['once']);
    await expectRefusal(() => authorizedSigners(DIGEST, [first], OWNERS, 2), 'operator/too-few-signers', ['2 owners', 'got 1']);
    await expectRefusal(() => authorizedSigners(DIGEST, Array(4).fill(first), OWNERS, 2), 'operator/signer-repeated', ['4']);
  });

  it('refuses strangers, and owners of another message', async () => {
    const foreign = await signed(STRANGER);
    await expectRefusal(() => authorizedSigners(DIGEST, [foreign], OWNERS, 1), 'operator/signer-unknown', [
      STRANGER.address.toLowerCase(),
    ]);
    const other = await KEYS[0]!.signTypedData(typedDataOf(SET_OWNERS) as never);
    await expectRefusal(() => authorizedSigners(DIGEST, [other], OWNERS, 1), 'operator/signer-unknown', ['exactly this']);
    const { types, ...rest } = typedDataOf(SET_VARIABLE);
    const onChain = {
      ...rest,
      domain: { name: 'Assay operator', version: '1', chainId: 1 },
      types: { ...types, EIP712Domain: [...types.EIP712Domain!, { name: 'chainId', type: 'uint256' }] },
    };
    const crossed = await KEYS[0]!.signTypedData(onChain as never);
    await expectRefusal(() => authorizedSigners(DIGEST, [crossed], OWNERS, 1), 'operator/signer-unknown', ['owner']);
  });

  it('refuses the same signature with a high s, and forms that are none', async () => {
    const signature = bytesOf(await signed());
    const parsed = secp256k1.Signature.fromBytes(signature.subarray(0, 64), 'compact');
    const s = secp256k1.Point.Fn.ORDER - parsed.s;
    const high = new secp256k1.Signature(parsed.r, s).toBytes('compact');
    const flipped = hexOf(Uint8Array.of(...high, signature[64] === 27 ? 28 : 27));
    await expectRefusal(() => recoverSigner(DIGEST, flipped), 'operator/signature-invalid', ['low s']);
    for (const bad of [hexOf(signature.subarray(0, 64)), hexOf(Uint8Array.of(...signature.subarray(0, 64), 0)), fill('00', 65)])
      await expectRefusal(() => recoverSigner(DIGEST, bad), 'operator/signature-invalid', ['sign the digest again']);
  });

  it('refuses every flipped bit of a signature', async () => {
    const signature = bytesOf(await signed());
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = signature.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => authorizedSigners(DIGEST, [hexOf(changed)], OWNERS, 1)).toThrow();
    }
  });
});
