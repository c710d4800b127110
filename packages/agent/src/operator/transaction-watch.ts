/**
 * Follows transactions to their end: sends again what no node took, believes an inclusion after the policy's confirmations (and when the
 * second node agrees), and reports a nonce that another transaction used. Each end is a receipt.
 */

import type { ChainSettings } from '@assay/operator';
import { ServerError } from '../errors.ts';
import { ChainNode, type ChainStatus } from './chain-node.ts';
import type { Operator } from './operator.ts';
import type { BookedTransaction, TransactionBook } from './transaction-book.ts';
import type { TransactionOutcomes } from './transaction-outcomes.ts';

const LOOK_EVERY_MS = 1000;
/** A transaction that a node took and then does not know is sent again after so many looks. */
const SEND_AGAIN_AFTER = 15;
const AT_ONCE = 8;
/** Looks before a nonce is believed to be another's. */
const LEAST_LOOKS = 3;
/** Where no policy names the chain any more. */
const DEFAULT_CONFIRMATIONS = 2;

export class TransactionWatch {
  readonly #operator: Operator;
  readonly #outcomes: TransactionOutcomes;
  readonly #book: TransactionBook;
  readonly #timer: NodeJS.Timeout;
  readonly #onFailure: (error: unknown) => void;
  /** By hash: looks in a row in which no node knew it, or its nonce was used by another. */
  readonly #unknown = new Map<string, number>();
  readonly #taken = new Map<string, number>();
  #looking: Promise<void> | null = null;

  constructor(options: {
    readonly operator: Operator;
    readonly outcomes: TransactionOutcomes;
    readonly book: TransactionBook;
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#operator = options.operator;
    this.#outcomes = options.outcomes;
    this.#book = options.book;
    this.#onFailure = options.onFailure;
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** Looks at every transaction that may still change. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) => this.#onFailure(error))
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await this.#outcomes.idle();
  }

  async #look(): Promise<void> {
    const open = [...this.#book.open()];
    const work = async (): Promise<void> => {
      for (let next = open.shift(); next !== undefined; next = open.shift()) await this.#follow(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #follow(transaction: BookedTransaction): Promise<void> {
    const { wallet } = this.#operator;
    if (wallet === null) return;
    let status: ChainStatus;
    try {
      status = await new ChainNode(transaction.rpcUrl).status(transaction.hash, wallet.address);
    } catch (error) {
      if (ServerError.is(error) && error.code === 'operator/node-unreachable') return; // asked again at the next look
      throw error;
    }
    if (status.state === 'included') return this.#included(transaction, status);
    if (status.confirmedNonce > transaction.nonce) return this.#replaced(transaction);
    this.#taken.delete(transaction.hash);
    const looks = (this.#unknown.get(transaction.hash) ?? 0) + 1;
    this.#unknown.set(transaction.hash, looks);
    if (transaction.state === 'signed' || looks % SEND_AGAIN_AFTER === 0) await this.#outcomes.send(transaction);
  }

  async #included(transaction: BookedTransaction, status: Extract<ChainStatus, { readonly state: 'included' }>): Promise<void> {
    const chain = this.#chain(transaction.chainId);
    if (status.confirmations < (chain?.confirmations ?? DEFAULT_CONFIRMATIONS)) return;
    const second = chain?.confirming_rpc_url;
    if (second !== undefined && !(await agrees(second, transaction, status, this.#operator.wallet?.address ?? '0x'))) return;
    const state = status.success ? 'included' : 'reverted';
    const changed = { state, reason: null, blockNumber: String(status.blockNumber) } as const;
    await this.#end(transaction, changed, {
      block_number: String(status.blockNumber),
      block: status.blockHash,
      success: status.success,
      confirmations: status.confirmations,
      confirmed_by: second === undefined ? 'one node' : 'two nodes',
    });
  }

  /** Another transaction has the nonce; believed after as many looks as confirmations are wanted. */
  async #replaced(transaction: BookedTransaction): Promise<void> {
    const looks = (this.#taken.get(transaction.hash) ?? 0) + 1;
    this.#taken.set(transaction.hash, looks);
    const wanted = this.#chain(transaction.chainId)?.confirmations ?? DEFAULT_CONFIRMATIONS;
    if (looks < Math.max(LEAST_LOOKS, wanted)) return;
    await this.#end(transaction, { state: 'replaced', reason: 'another transaction has its nonce' }, {});
  }

  async #end(
    transaction: BookedTransaction,
    changed: Pick<BookedTransaction, 'state' | 'reason'> & { readonly blockNumber?: string },
    facts: Readonly<Record<string, string | number | boolean>>,
  ): Promise<void> {
    const { hash, chainId, receiptId } = transaction;
    this.#unknown.delete(hash);
    this.#taken.delete(hash);
    const type = changed.state === 'replaced' ? 'transaction.replaced' : 'transaction.included';
    const event = { type, transaction_id: hash, chain_id: String(chainId), cites: receiptId, ...facts };
    await this.#outcomes.end(transaction, changed, event);
  }

  #chain(chainId: number): ChainSettings | undefined {
    return this.#operator.policy?.chains[String(chainId)];
  }
}

/** Whether a second node has the transaction in the same block. */
async function agrees(
  url: string,
  { hash }: BookedTransaction,
  { blockHash }: Extract<ChainStatus, { readonly state: 'included' }>,
  wallet: `0x${string}`,
): Promise<boolean> {
  try {
    const other = await new ChainNode(url).status(hash, wallet);
    return other.state === 'included' && other.blockHash === blockHash;
  } catch {
    return false;
  }
}
