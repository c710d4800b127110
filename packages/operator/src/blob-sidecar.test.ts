/** Sidecars of blob transactions: sizes and numbers, hashes of commitments, and the two forms that nodes take. */

import { expectRefusal } from '@assay/testing';
import { fromRlp, parseTransaction } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, it } from 'vitest';
import { type BlobSidecar, checkSidecar, versionedHashes, withSidecar } from './blob-sidecar.ts';
import type { Hex } from './hex.ts';
import { parseSignedTransaction, serializeSigned, transactionDigest, type UnsignedTransaction } from './transaction.ts';

const BLOB: Hex = `0x${'00'.repeat(131_072)}`;
/** The point at infinity: commitment and proof of a blob of zeros. */
const INFINITY: Hex = `0xc0${'00'.repeat(47)}`;
const SIDECAR: BlobSidecar = { blobs: [BLOB], commitments: [INFINITY], proofs: [INFINITY] };
const CELLS: BlobSidecar = { ...SIDECAR, proofs: Array.from({ length: 128 }, () => INFINITY) };
const UNSIGNED: UnsignedTransaction = {
  ...{ type: 'eip4844', chainId: 1, nonce: 3, to: `0x${'a1'.repeat(20)}`, value: 5n, data: '0x', gas: 21_000n },
  ...{ feePerGas: 9n, priorityFeePerGas: 1n, blobs: { versionedHashes: versionedHashes([INFINITY]), feePerBlobGas: 7n } },
};

it('hashes the commitment of the empty blob to the value that every client has', () => {
  expect(versionedHashes([INFINITY])).toEqual(['0x010657f37554c781402a22917dee2f75def7ab966d7b770905398eba3c444014']);
});

describe('what nodes take', () => {
  it('is the signed transaction with its sidecar, one proof a blob', async () => {
    const account = privateKeyToAccount(`0x${'22'.repeat(32)}`);
    const signed = serializeSigned(UNSIGNED, await account.sign({ hash: transactionDigest(UNSIGNED) }));
    expect(parseTransaction(withSidecar(signed, SIDECAR) as never)).toMatchObject({
      ...{ type: 'eip4844', nonce: 3, value: 5n, maxFeePerBlobGas: 7n },
      sidecars: [{ blob: BLOB, commitment: INFINITY, proof: INFINITY }],
    });
    const cells = fromRlp(`0x${withSidecar(signed, CELLS).slice(4)}`, 'hex') as readonly unknown[];
    expect([cells.length, cells[1], (cells[4] as unknown[]).length]).toEqual([5, '0x01', 128]);
    expect(cells[0]).toEqual(fromRlp(`0x${signed.slice(4)}`, 'hex'));
    await expectRefusal(() => parseSignedTransaction(withSidecar(signed, SIDECAR)), 'operator/transaction-malformed', [
      'encoding',
    ]);
  });
});

it.each<[string, Partial<BlobSidecar>, string]>([
  ['no blob', { blobs: [], commitments: [], proofs: [] }, '1 to 6 blobs'],
  ['seven', { blobs: Array.from({ length: 7 }, () => BLOB) }, 'got 7'],
  ['a commitment too many', { commitments: [INFINITY, INFINITY] }, 'commitments'],
  ['no proof', { proofs: [] }, 'proofs'],
  ['a proof too many', { proofs: [INFINITY, INFINITY] }, 'proofs'],
  ['a short blob', { blobs: ['0x00'] }, 'blobs of 131072 bytes'],
  ['a short commitment', { commitments: ['0xc0'] }, 'commitments of 48 bytes'],
  ['a short proof', { proofs: ['0xc0'] }, 'proofs of 48 bytes'],
])('refuses %s', async (_, changed, words) => {
  await expectRefusal(() => checkSidecar({ ...SIDECAR, ...changed }), 'operator/transaction-malformed', [words]);
});

it.each([SIDECAR, CELLS])('takes both numbers of proofs', (sidecar) => expect(() => checkSidecar(sidecar)).not.toThrow());
