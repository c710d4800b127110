/**
 * What is counted before it is written, when the write fails: it counts no more, unless the rows are read again and say otherwise. A database can
 * commit and lose the answer, so a late release must take nothing away that was written, nor give its nonce to another.
 */

import type { Hex } from '@assay/operator';
import { expect, test } from 'vitest';
import { SealedState } from '../../packages/agent/src/operator/sealed-state.ts';
import { type BookedTransaction, TransactionBook } from '../../packages/agent/src/operator/transaction-book.ts';
import { directory, open as openDraft, start } from '../crash/test-ledger.ts';

const ID: Hex = `0x${'ab'.repeat(32)}`;
const PAID: BookedTransaction = {
  ...{ chainId: 1, nonce: 0, rpcUrl: 'http://127.0.0.1:8545', signed: '0x02', hash: '0x01', to: ID, value: '60' },
  ...{ rule: 'eth', spends: [{ asset: 'native', amount: '60' }], time: 1_795_219_200, state: 'signed', reason: null },
  ...{ receiptId: 'rcpt_1', finalReceiptId: null, blockNumber: null, access: null },
};
const BUMPED: BookedTransaction = { ...PAID, hash: '0x03', spends: [{ asset: 'native', amount: '70' }], earlier: [] };
const SIGNED = { ...{ id: 'rcpt_2', rule: 'eth', time: PAID.time }, access: null } as const;
const signature = { ...SIGNED, spends: [{ asset: 'native', amount: 60n, beneficiary: null }] } as const;

const spent = ({ usage }: TransactionBook): bigint => usage.spent('eth', 'native', 0);

/** A book whose next write fails, before or behind its commit; it is settled when the rows are read again. */
async function bookOf(rows: readonly BookedTransaction[]) {
  const { ledger } = await start(directory());
  const state = await SealedState.open(ledger, new Uint8Array(32).fill(7), ID);
  const book = new TransactionBook(state);
  const write = async (changes: Parameters<SealedState['write']>[0], fails: 'before' | 'behind' | null): Promise<void> => {
    const draft = openDraft(ledger, 'change');
    const work = state.write(changes, async ({ changes: writes, event }) => {
      if (fails === 'before') throw new Error('the disk is full');
      draft.append(event);
      const sealed = await ledger.seal(draft, { changes: writes });
      if (fails === 'behind') throw new Error('the connection is gone');
      return sealed;
    });
    await work.catch(() => undefined);
    if (fails === 'before') await ledger.discard(draft);
  };
  for (const row of rows) await write([book.row(row)], null);
  for (const row of rows) book.reserve(row);
  return { book, state, write };
}

test.each([
  ['before', 'early', 0n, 0],
  ['before', 'late', 0n, 0],
  ['behind', 'early', 60n, 1],
  ['behind', 'late', 60n, 1],
] as const)('a payment whose write fails %s its commit, released %s', async (fails, when, counted, next) => {
  const { book, state, write } = await bookOf([]);
  const nonce = book.nonces.take(1);
  const reservation = book.reserve({ ...PAID, nonce });
  expect(spent(book)).toBe(60n);
  await write([book.row(PAID)], fails);
  if (when === 'early') reservation.release();
  await state.settled();
  if (when === 'late') reservation.release();
  expect([spent(book), book.nonces.take(1)]).toEqual([counted, next]);
});

test.each([
  ['before', 60n],
  ['behind', 70n],
] as const)('a bump whose write fails %s its commit', async (fails, counted) => {
  const { book, state, write } = await bookOf([PAID]);
  const reservation = book.reserveInPlaceOf(PAID, [BUMPED]);
  expect(spent(book)).toBe(70n);
  await write([book.row(BUMPED)], fails);
  await state.settled();
  reservation.release();
  expect([spent(book), book.nonces.take(1)]).toEqual([counted, 1]);
});

test.each([
  ['before', 0n],
  ['behind', 60n],
] as const)('a signature whose write fails %s its commit', async (fails, counted) => {
  const { book, state, write } = await bookOf([]);
  const reservation = book.reserveSignature(signature);
  await write([book.signatureRow(signature)], fails);
  await state.settled();
  reservation.release();
  expect(spent(book)).toBe(counted);
});

test('what was not written counts no more without reading again', async () => {
  const { book } = await bookOf([PAID]);
  const bump = book.reserveInPlaceOf(PAID, [BUMPED]);
  bump.release();
  expect([spent(book), book.current(PAID).hash]).toEqual([60n, PAID.hash]);
  const nonce = book.nonces.take(1);
  book.reserve({ ...PAID, nonce }).release();
  expect([spent(book), nonce, book.nonces.take(1)]).toEqual([60n, 1, 1]);
});
