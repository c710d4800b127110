/**
 * The empty transaction that cancels one which waits (spec/operator.md §12): which form nodes take, and the most that it may cost. No rule
 * decides about it, so that a wallet can always go on: only the chain's limits hold, and a multiple of what was allowed before.
 */

import {
  type BlobFields,
  type BlobSidecar,
  blobFeeOf,
  type ChainSettings,
  GAS_PER_BLOB,
  type Hex,
  NO_DELEGATE,
  type SignedTransaction,
  type TransactionType,
  versionedHashes,
} from '@assay/operator';
import { AUTHORIZATION_GAS, type ChainFacts } from './chain-node.ts';
import type { BookedTransaction } from './transaction-book.ts';
import type { PlannedTransaction } from './transaction-signing.ts';
import { denied } from './wallet-refusals.ts';

/** Nodes take a replacement that pays a tenth more; some ask for an eighth. Per cent. */
const RAISE = 113n;
/** For one with blobs they ask twice of each price. Per cent. */
const RAISE_WITH_BLOBS = 200n;
/** How often the policy's highest price of gas, or the price of blob gas that it allowed, a cancellation may pay: two raises by twice. */
const MOST_TIMES = 8n;
const PLAIN_GAS = 21_000n;

/** `carrying`: with the blobs, or an authorisation that revokes, as nodes ask that have the transaction. `plain`: for nodes that refused it. */
export type CancelForm = 'carrying' | 'plain';

const carries = ({ type }: Pick<SignedTransaction, 'type'>): boolean => type === 'eip4844' || type === 'eip7702';

/**
 * The form of a cancellation. One that no node takes gets the other form when it is cancelled again, because a node can take a transaction
 * without saying so; a plain one in place of a delegation stays plain, for its second transaction uses the authorisation's nonce up.
 */
export function cancelForm(found: BookedTransaction, before: Pick<SignedTransaction, 'type'>, again: boolean): CancelForm {
  const now = carries(before) ? 'carrying' : 'plain';
  if (now === 'plain' && found.blobs === undefined) return 'plain';
  if (found.cancels !== true) return found.taken === true || found.state === 'sent' ? now : 'plain';
  if (!again || found.state !== 'signed') return now;
  return now === 'plain' ? 'carrying' : 'plain';
}

/** The type of a cancellation. */
export function cancelType(
  form: CancelForm,
  before: Pick<SignedTransaction, 'type'>,
  hasBlobs: boolean,
  { fees }: ChainSettings,
): TransactionType {
  if (form === 'carrying' && hasBlobs) return 'eip4844';
  return form === 'plain' && carries(before) ? fees : before.type;
}

/** What a cancellation is made from. */
export interface Cancelling {
  readonly type: TransactionType;
  readonly before: SignedTransaction;
  readonly found: BookedTransaction;
  readonly sidecar: BlobSidecar | null;
  readonly chain: ChainSettings;
  readonly facts: ChainFacts;
  /** `null`: what nodes ask for. */
  readonly feePerGas: bigint | null;
}

/**
 * The empty transaction to the wallet itself.
 * @throws {ServerError} `operator/denied` when nodes would ask for more than it may cost.
 */
export function cancellation(asked: Cancelling): PlannedTransaction {
  const { type, before, found, chain, facts } = asked;
  const most = BigInt(chain.max_fee_per_gas);
  const raise = raiseOf({ type });
  const least = raised(before.feePerGas, raise);
  const feePerGas = asked.feePerGas ?? larger(least, smaller(facts.feePerGas, most));
  if (feePerGas > larger(most, least) || feePerGas > most * MOST_TIMES)
    throw denied(
      null,
      `the price of gas is ${feePerGas}, at most ${most} is allowed, and for a cancellation what nodes ask for, up to ${MOST_TIMES} times that`,
    );
  const gas = PLAIN_GAS + (type === 'eip7702' ? AUTHORIZATION_GAS : 0n);
  if (gas > BigInt(chain.max_gas)) throw denied(null, `gas is ${gas}, at most ${chain.max_gas} is allowed`);
  const priority = type === 'legacy' ? 0n : larger(raised(before.priorityFeePerGas, raise), facts.priorityFeePerGas);
  return {
    ...{ type, chainId: found.chainId, nonce: found.nonce, to: before.from, value: 0n, data: '0x', gas, feePerGas },
    priorityFeePerGas: smaller(priority, feePerGas),
    delegate: type === 'eip7702' ? NO_DELEGATE : undefined,
    blobs: type === 'eip4844' ? dearerBlobs(asked) : undefined,
  };
}

/** The blobs again, at the price that nodes ask for. */
function dearerBlobs({ before, found, sidecar, facts }: Cancelling): BlobFields {
  const hashes = before.blobs?.versionedHashes ?? versionedHashes(sidecar?.commitments ?? []);
  const paid = [found, ...(found.earlier ?? [])].map(({ blobFee = '0' }) => BigInt(blobFee));
  const last = paid.reduce(larger) / (GAS_PER_BLOB * BigInt(hashes.length));
  const allowed = BigInt(found.blobPrice ?? last) * MOST_TIMES;
  const least = raised(last, RAISE_WITH_BLOBS);
  if (least > allowed)
    throw denied(
      null,
      `nodes ask for ${least} a blob gas, and a cancellation pays at most ${MOST_TIMES} times what was allowed, ${allowed}`,
    );
  return { versionedHashes: hashes, feePerBlobGas: larger(least, smaller(facts.feePerBlobGas, allowed)) };
}

/** What counts while original and cancellation wait, when any of them may be the one that is included: the larger of what they spend. */
export function largerSpends(spends: BookedTransaction['spends'], blobs: BlobFields | undefined): BookedTransaction['spends'] {
  const fee = blobs === undefined ? 0n : blobFeeOf(blobs);
  if (fee <= spentOf(spends, 'native')) return spends;
  return [...spends.filter(({ asset }) => asset !== 'native'), { asset: 'native', amount: String(fee) }];
}

/** What is spent of an asset. */
export function spentOf(
  spends: readonly { readonly asset: string; readonly amount: string | bigint }[],
  asset: string,
): bigint {
  return spends.reduce((sum, each) => (each.asset === asset ? sum + BigInt(each.amount) : sum), 0n);
}

/** The raise that nodes ask for, per cent. */
export const raiseOf = ({ type }: Pick<SignedTransaction, 'type'>): bigint => (type === 'eip4844' ? RAISE_WITH_BLOBS : RAISE);
export const raised = (fee: bigint, raise: bigint): bigint => (fee * raise) / 100n + 1n;
export const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** The empty transaction behind a plain cancellation of a delegation: it uses up the nonce that the authorisation is for. */
export function usingUp(planned: PlannedTransaction): PlannedTransaction {
  return { ...planned, nonce: planned.nonce + 1 };
}

/** The row of {@link usingUp}. */
export function rowUsingUp(
  cancelled: BookedTransaction,
  { signed, hash }: { readonly signed: Hex; readonly hash: Hex },
  { to, nonce }: PlannedTransaction,
): BookedTransaction {
  const { chainId, rpcUrl, rule, time, receiptId, access } = cancelled;
  return {
    ...{ chainId, nonce, rpcUrl, signed, hash, to, value: '0', rule, spends: [], time, receiptId, access },
    ...{ state: 'signed', reason: null, finalReceiptId: null, blockNumber: null },
  };
}
