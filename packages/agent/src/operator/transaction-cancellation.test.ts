/** Cancellations: their form follows what nodes took, their price what was allowed. */

import { type Hex, parseSigningPolicy, type SignedTransaction, type TransactionType } from '@assay/operator';
import { expectRefusal } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import type { BookedTransaction } from './transaction-book.ts';
import { cancelForm, cancellation, cancelType, largerSpends } from './transaction-cancellation.ts';

const WALLET: Hex = `0x${'a1'.repeat(20)}`;
const HASH: Hex = `0x01${'11'.repeat(31)}`;
const BLOB_GAS = 131_072n;
const MOST = 1000n;
const [chain] = Object.values(
  parseSigningPolicy(
    JSON.stringify({
      v: 'assay-operator-policy/1',
      chains: { 1: { rpc_urls: ['http://127.0.0.1:8545'], max_fee_per_gas: String(MOST) } },
      rules: [],
    }),
  ).chains,
);

const row = (more: Partial<BookedTransaction>): BookedTransaction => ({
  ...{ chainId: 1, nonce: 7, rpcUrl: 'http://127.0.0.1:8545', signed: '0x', hash: HASH, to: WALLET, value: '0', rule: 'one' },
  ...{ spends: [], time: 0, state: 'signed', reason: null, receiptId: 'rcpt_1', finalReceiptId: null, blockNumber: null },
  access: null,
  ...more,
});
const signed = (type: TransactionType, feePerGas = 100n): SignedTransaction => ({
  ...{ type, chainId: 1, nonce: 7, to: WALLET, value: 5n, data: '0xab', gas: 90_000n, feePerGas, priorityFeePerGas: 1n },
  ...{ from: WALLET, hash: HASH },
  blobs: type === 'eip4844' ? { versionedHashes: [HASH], feePerBlobGas: 10n } : undefined,
});
const facts = { confirmedNonce: 7, feePerGas: 1n, priorityFeePerGas: 1n, feePerBlobGas: 1n, gas: 21_000n, simulation: 'ok' };
const cancel = (before: SignedTransaction, found: Partial<BookedTransaction>, more: object = {}) =>
  cancellation({ type: before.type, before, found: row(found), sidecar: null, chain: chain!, facts, feePerGas: null, ...more });

describe('the form', () => {
  const blobs = { blobs: 1 };
  it.each<[string, Partial<BookedTransaction>, TransactionType, boolean, TransactionType]>([
    ['an old type', {}, 'legacy', true, 'legacy'],
    ['blobs that no node took', blobs, 'eip4844', true, 'eip1559'],
    ['blobs that a node took', { ...blobs, taken: true }, 'eip4844', true, 'eip4844'],
    ['blobs that a node took before their bump', { ...blobs, taken: true, state: 'signed' }, 'eip4844', true, 'eip4844'],
    ['a delegation that no node took', {}, 'eip7702', true, 'eip1559'],
    ['a delegation that a node took', { state: 'sent' }, 'eip7702', true, 'eip7702'],
    ['a plain cancellation of blobs, bumped', { ...blobs, cancels: true }, 'eip1559', false, 'eip1559'],
    ['a plain cancellation of blobs that no node takes', { ...blobs, cancels: true }, 'eip1559', true, 'eip4844'],
    ['a plain cancellation of blobs that waits', { ...blobs, cancels: true, state: 'sent' }, 'eip1559', true, 'eip1559'],
    ['a cancellation with blobs that no node takes', { ...blobs, cancels: true, taken: true }, 'eip4844', true, 'eip1559'],
    ['a revoking one that no node takes', { cancels: true, taken: true }, 'eip7702', true, 'eip1559'],
    ['a plain one of a delegation', { cancels: true }, 'eip1559', true, 'eip1559'],
  ])('of %s', (_, members, type, again, expected) => {
    const found = row(members);
    const before = signed(type);
    expect(cancelType(cancelForm(found, before, again), before, found.blobs !== undefined, chain!)).toBe(expected);
  });
});

describe('the price', () => {
  it('is what nodes ask for, for an empty transaction to the wallet itself', () => {
    const empty = { to: WALLET, value: 0n, data: '0x', nonce: 7, delegate: undefined, blobs: undefined };
    expect(cancel(signed('eip1559'), {})).toMatchObject({ ...empty, gas: 21_000n, feePerGas: 114n });
    const dear = { facts: { ...facts, feePerGas: 5000n } };
    expect(cancel(signed('eip1559'), {}, dear)).toMatchObject({ feePerGas: MOST });
  });

  it('of gas passes the policy’s only as far as nodes ask for it, and not beyond eight times', async () => {
    expect(cancel(signed('eip1559', MOST), {}).feePerGas).toBe(1131n);
    expect(cancel(signed('eip4844', MOST), { blobFee: String(BLOB_GAS * 10n) }).feePerGas).toBe(2001n);
    await expectRefusal(() => cancel(signed('eip1559'), {}, { feePerGas: MOST + 1n }), 'operator/denied', ['at most 1000']);
    await expectRefusal(() => cancel(signed('eip1559', MOST * 8n), {}), 'operator/denied', ['8 times']);
  });

  it('of blob gas doubles the dearest one that was signed, up to eight times what was allowed', async () => {
    const fee = (price: bigint): string => String(BLOB_GAS * price);
    const blobs = (found: Partial<BookedTransaction>) => cancel(signed('eip4844'), found).blobs?.feePerBlobGas;
    expect(blobs({ blobFee: fee(10n), blobPrice: '10' })).toBe(21n);
    const plain = { earlier: [{ hash: HASH, receiptId: 'rcpt_0', blobFee: fee(30n) }], blobPrice: '30' };
    expect(blobs(plain)).toBe(61n);
    await expectRefusal(() => blobs({ blobFee: fee(43n), blobPrice: '10' }), 'operator/denied', ['8 times', '80']);
  });
});

it('counts the larger of what original and cancellation spend', () => {
  const spends = [
    { asset: 'native', amount: '5' },
    { asset: WALLET, amount: '9' },
    { asset: 'native', amount: String(BLOB_GAS) },
  ] as const;
  expect(largerSpends(spends, undefined)).toBe(spends);
  expect(largerSpends(spends, { versionedHashes: [HASH], feePerBlobGas: 1n })).toBe(spends);
  expect(largerSpends(spends, { versionedHashes: [HASH], feePerBlobGas: 2n })).toEqual([
    { asset: WALLET, amount: '9' },
    { asset: 'native', amount: String(BLOB_GAS * 2n) },
  ]);
});
