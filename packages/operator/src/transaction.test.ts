/** Signed transactions: the one that seed 001 prints, and round trips of ours. */

import { expectRefusal } from '@assay/testing';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import type { Hex } from './hex.ts';
import { recoverSigner } from './signers.ts';
import {
  createdAddress,
  parseSignedTransaction,
  serializeSigned,
  transactionDigest,
  type UnsignedTransaction,
} from './transaction.ts';

/** Word for word from the seed. */
const SEED = {
  signed:
    '0xf8668180830f43cb8252089486693cbe3f2581df512635823f46f0d593d96dba03808302948ca01a05e840f30baa629670d7c7c68b1ed3898a6f5fbd5ff3581663f3de323ccf1ba03d43ae83cdf13530ee45741169d71c6fef92bf6daa0015b4716e92380c7df827',
  hash: '0xde41dd0a0eac568e51306acff9742fe6503f4c57c0735f43b813a82be260bc48',
  from: '0x86693CbE3f2581DF512635823F46f0d593D96dbA'.toLowerCase(),
} as const;
const ACCOUNT = privateKeyToAccount(`0x${'22'.repeat(32)}`);
const FROM = ACCOUNT.address.toLowerCase();
const TO: Hex = `0x${'a1'.repeat(20)}`;
const LEGACY: UnsignedTransaction = {
  type: 'legacy',
  chainId: 84_532,
  nonce: 128,
  to: SEED.from as Hex,
  value: 3n,
  data: '0x',
  gas: 21_000n,
  feePerGas: 1_000_395n,
  priorityFeePerGas: 0n,
};
const MODERN: UnsignedTransaction = { ...LEGACY, type: 'eip1559', to: TO, data: '0xa9059cbb', priorityFeePerGas: 7n, nonce: 0 };

describe("the seed's transaction", () => {
  it('is what the seed says of it', async () => {
    expect(await parseSignedTransaction(SEED.signed)).toEqual({ ...LEGACY, from: SEED.from, hash: SEED.hash });
  });

  it('is what our encoder makes of its fields, but for the signature', async () => {
    const ours = serializeSigned(LEGACY, await ACCOUNT.sign({ hash: transactionDigest(LEGACY) }));
    const upToV = SEED.signed.indexOf('8302948c');
    // Behind the fields stand v (chain and parity), r and s.
    expect(ours.slice(0, upToV)).toBe(SEED.signed.slice(0, upToV));
    expect(ours.slice(upToV, upToV + 6)).toBe('830294');
    expect(ours).toHaveLength(SEED.signed.length);
    const signature = `0x${SEED.signed.slice(upToV + 10, upToV + 74)}${SEED.signed.slice(-64)}1c` as Hex;
    const other = `${signature.slice(0, -2)}1b` as Hex;
    expect([recoverSigner(transactionDigest(LEGACY), signature), recoverSigner(transactionDigest(LEGACY), other)]).toContain(
      SEED.from,
    );
  });

  it('is another with every changed byte, or none', async () => {
    for (let at = 2; at < SEED.signed.length; at += 2) {
      const byte = (Number.parseInt(SEED.signed.slice(at, at + 2), 16) ^ 1).toString(16).padStart(2, '0');
      const changed = `${SEED.signed.slice(0, at)}${byte}${SEED.signed.slice(at + 2)}` as Hex;
      const read = await parseSignedTransaction(changed).catch(() => null);
      expect(read === null || read.from !== SEED.from || read.hash !== SEED.hash).toBe(true);
      if (read !== null) expect(read.from).not.toBe(SEED.from);
    }
  });
});

describe('ours', () => {
  it.each([LEGACY, MODERN, { ...LEGACY, to: null, data: '0x00' }, { ...MODERN, to: null }] as const)(
    '$type to $to comes back as it went',
    async (unsigned) => {
      const signed = serializeSigned(unsigned, await ACCOUNT.sign({ hash: transactionDigest(unsigned) }));
      expect(await parseSignedTransaction(signed)).toMatchObject({ ...unsigned, from: FROM });
    },
  );

  it('a contract is where the first transaction of a wallet puts it', () => {
    // Ethereum's documentation of CREATE, as ethers and viem have it.
    expect(createdAddress('0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0', 0)).toBe('0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d');
  });

  it.each<[string, Hex]>([
    ['no transaction', '0x1234'],
    ['no fields', '0x02c0'],
    ['bytes behind', `${SEED.signed}00`],
  ])('refuses %s', async (_name, bytes) => {
    await expectRefusal(() => parseSignedTransaction(bytes), 'operator/transaction-malformed', ['transaction']);
  });
});
