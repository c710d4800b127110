/** What commands did to a store that receipts and proofs rest on. An agent logs each as a receipt of its own (spec/receipt.md §2). */

import type { Digest } from '@assay/receipt';

/** Payloads of a receipt were erased. */
export interface Erasure {
  readonly kind: 'erasure';
  /** `erasure-` and the receipt's id. */
  readonly id: string;
  readonly receiptId: string;
  /** Of the receipt's entry. */
  readonly index: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Everything that was sealed under one data key is sealed under another; ids as {@link DataKey.id}. */
export interface KeyRotation {
  readonly kind: 'data-key';
  /** `data-key-` and `to`. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

export type UpkeepRecord = Erasure | KeyRotation;

export interface UpkeepLog {
  /** What is done and not logged yet. */
  unlogged(): Promise<readonly UpkeepRecord[]>;
  /** Notes the receipt that names it. */
  noteLogged(id: string, receiptId: string): Promise<void>;
  /** Payloads that were erased of the receipt at this entry; empty for most. */
  erased(index: number): Promise<readonly Digest[]>;
}
