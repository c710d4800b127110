/**
 * What becomes of a signed transaction, written down: each outcome is a receipt and the changed row in one commit. Outcomes of one
 * transaction follow one another, and nothing follows a final one, so that a late answer of a node cannot undo it.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { ChainNode, type SendOutcome } from './chain-node.ts';
import type { Operator } from './operator.ts';
import { openDraft } from './owner-receipt.ts';
import { type BookedTransaction, FINAL, type TransactionBook } from './transaction-book.ts';

const BEHIND_DELEGATION = 'it is sent when the delegation ahead of it is final';

/** What changes of a row. */
type Changed = Partial<
  Pick<BookedTransaction, 'state' | 'reason' | 'blockNumber' | 'taken' | 'freed' | 'delegate' | 'blobFee' | 'cancels'>
>;

export class TransactionOutcomes {
  readonly #operator: Operator;
  readonly #book: TransactionBook;
  readonly #onFailure: (error: unknown) => void;
  /** By chain and nonce: the outcome that is being written. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(operator: Operator, book: TransactionBook, onFailure: (error: unknown) => void) {
    this.#operator = operator;
    this.#book = book;
    this.#onFailure = onFailure;
  }

  /** Sends a transaction. That a node took it, or did not, is written down behind the answer. */
  async send(transaction: BookedTransaction): Promise<SendOutcome> {
    const outcome: SendOutcome = this.#book.followsDelegation(transaction)
      ? { sent: false, reason: BEHIND_DELEGATION }
      : await ChainNode.at(transaction.rpcUrl).send(this.#book.sendable(transaction));
    const reason = outcome.sent ? null : outcome.reason;
    const changed: Changed = outcome.sent ? { state: 'sent', reason, taken: true } : { reason };
    const about = { transaction_id: transaction.hash, cites: transaction.receiptId, taken: outcome.sent, reason };
    this.#write(transaction, changed, { type: 'transaction.sent', ...about }).catch((error: unknown) => this.#onFailure(error));
    return outcome;
  }

  /** Writes the end of a transaction. */
  end(transaction: BookedTransaction, changed: Changed, event: { readonly type: string } & JsonObject): Promise<void> {
    return this.#write(transaction, changed, event);
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#turns.values());
  }

  #write(transaction: BookedTransaction, changed: Changed, event: { readonly type: string } & JsonObject): Promise<void> {
    return this.inTurn(transaction, () => this.#commit(transaction, changed, event));
  }

  /** One write to the row of a transaction after another. */
  inTurn<Result>({ chainId, nonce }: BookedTransaction, work: () => Promise<Result>): Promise<Result> {
    const key = `${chainId}/${nonce}`;
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(work, work).finally(() => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    });
    this.#turns.set(key, turn);
    return turn;
  }

  async #commit(asked: BookedTransaction, changed: Changed, event: { readonly type: string } & JsonObject): Promise<void> {
    const current = this.#book.current(asked);
    const next = { ...current, ...this.#about(current, asked, changed) };
    const same = next.state === current.state && next.reason === current.reason && next.taken === current.taken;
    if (FINAL.has(current.state) || same) return;
    const draft = openDraft(this.#operator.ledger, 'transaction_outcome', {
      bytes: utf8(canonicalJson(event)),
      method: 'POST',
      endpoint: '/api/v1/sign-transaction',
      access: next.access,
    });
    draft.append(event);
    const endedAt = this.#book.time(this.#operator.now);
    const final = FINAL.has(next.state);
    const row = final ? { ...next, finalReceiptId: draft.receiptId, endedAt } : next;
    const blobs = final && next.blobs !== undefined ? [this.#book.sidecarRow(next, null)] : [];
    await this.#operator.seal(draft, [this.#book.row(row), ...blobs]);
    this.#book.settle(row, current);
  }

  /** What a node says of an earlier signature says of the newest one only that nodes take its kind. */
  #about(current: BookedTransaction, asked: BookedTransaction, changed: Changed): Changed {
    if (current.hash === asked.hash || (changed.state !== undefined && FINAL.has(changed.state))) return changed;
    return changed.taken === true ? { taken: true } : {};
  }
}
