/**
 * Follows transactions to their end: sends again what no node took, believes an inclusion after the policy's confirmations (and when the
 * second node agrees), and frees what was counted when two nodes show another transaction of the wallet under the nonce. Each end is a receipt.
 */

import { type ChainSettings, type Hex, secondNodeOf } from '@assay/operator';
import { ServerError } from '../errors.ts';
import { ChainNode, type ChainStatus } from './chain-node.ts';
import type { Operator } from './operator.ts';
import type { OutsideHead } from './outside-head.ts';
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
/** Looks between two searches for the transaction that used a nonce. */
const SEARCH_AGAIN_AFTER = 60;
/** One node can make up a block, so its word alone frees no spending. */
const ONE_NODE = 'one node';
const TWO_NODES = 'two nodes';
const NOT_SHOWN = 'its nonce is used, and no transaction that replaced it is shown: it stays counted';

export class TransactionWatch {
  readonly #operator: Operator;
  readonly #outcomes: TransactionOutcomes;
  readonly #book: TransactionBook;
  readonly #head: OutsideHead;
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
    readonly head: OutsideHead;
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#operator = options.operator;
    this.#outcomes = options.outcomes;
    this.#book = options.book;
    this.#head = options.head;
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
    await this.#head.retry();
    await this.#operator.fresh();
    const open = [...this.#book.open()];
    const work = async (): Promise<void> => {
      for (let next = open.shift(); next !== undefined; next = open.shift()) await this.#follow(next);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #follow(transaction: BookedTransaction): Promise<void> {
    const { wallet } = this.#operator;
    if (wallet === null) return;
    let status: Found;
    try {
      status = await this.#statusOf(transaction, wallet.address);
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

  /** What became of the newest signature, or of one that it was to replace. */
  async #statusOf(transaction: BookedTransaction, wallet: Hex): Promise<Found> {
    const node = ChainNode.at(transaction.rpcUrl);
    const newest = await node.status(transaction.hash, wallet);
    if (newest.state === 'included') return { ...newest, hash: transaction.hash, receiptId: transaction.receiptId };
    for (const { hash, receiptId } of transaction.earlier ?? []) {
      const status = await node.status(hash, wallet);
      if (status.state === 'included') return { ...status, hash, receiptId };
    }
    return newest; // its count was asked for first
  }

  async #included(transaction: BookedTransaction, status: Extract<Found, { readonly state: 'included' }>): Promise<void> {
    const chain = this.#chain(transaction.chainId);
    if (status.confirmations < (chain?.confirmations ?? DEFAULT_CONFIRMATIONS)) return;
    const second = secondNodeOf(chain, transaction.rpcUrl);
    if (second !== null && !(await agrees(second, status.hash, status, this.#operator.wallet?.address ?? '0x'))) return;
    const about = {
      block_number: String(status.blockNumber),
      block: status.blockHash,
      confirmations: status.confirmations,
      confirmed_by: second === null ? ONE_NODE : TWO_NODES,
    };
    const which = [transaction, ...(transaction.earlier ?? [])].find(({ hash }) => hash === status.hash);
    const did = { delegate: which?.delegate, blobFee: which?.blobFee, cancels: which?.cancels };
    if (which?.cancels === true) {
      const [paid] = transaction.earlier ?? [];
      const changed = { state: 'replaced', reason: 'it was cancelled', freed: second !== null, ...did } as const;
      return this.#end(transaction, changed, { ...about, replaced_by: status.hash, transaction_id: paid?.hash ?? status.hash });
    }
    const state = status.success ? 'included' : 'reverted';
    const changed = { state, reason: null, blockNumber: String(status.blockNumber), ...did } as const;
    const named = { transaction_id: status.hash, cites: status.receiptId };
    await this.#end(transaction, changed, { ...about, success: status.success, ...named });
  }

  /** A node says that the nonce is used. Spending is freed only when two nodes show the transaction that used it, as deep as an inclusion. */
  async #replaced(transaction: BookedTransaction): Promise<void> {
    const looks = (this.#taken.get(transaction.hash) ?? 0) + 1;
    this.#taken.set(transaction.hash, looks);
    const wanted = this.#chain(transaction.chainId)?.confirmations ?? DEFAULT_CONFIRMATIONS;
    const since = looks - Math.max(LEAST_LOOKS, wanted);
    if (since < 0 || since % SEARCH_AGAIN_AFTER !== 0) return;
    const facts = await this.#replacement(transaction, wanted);
    const ended = { state: 'replaced', reason: 'another transaction has its nonce' } as const;
    const nothing = { delegate: undefined, blobFee: undefined, cancels: undefined };
    if (facts !== null) return this.#end(transaction, { ...ended, freed: facts.confirmed_by === TWO_NODES, ...nothing }, facts);
    const { hash, receiptId, state } = transaction;
    const about = { transaction_id: hash, cites: receiptId, taken: state === 'sent', reason: NOT_SHOWN };
    await this.#outcomes.end(transaction, { reason: NOT_SHOWN }, { type: 'transaction.sent', ...about });
  }

  /** What shows that another transaction of the wallet is in the chain under the same nonce; `null`: nothing does. */
  async #replacement(
    transaction: BookedTransaction,
    wanted: number,
  ): Promise<Readonly<Record<string, string | number>> | null> {
    const { wallet } = this.#operator;
    const { chainId, nonce, rpcUrl } = transaction;
    if (wallet === null) return null;
    const second = secondNodeOf(this.#chain(chainId), rpcUrl);
    try {
      const node = ChainNode.at(rpcUrl);
      const other = await node.userOf(nonce, chainId, wallet.address);
      if (other === null || other === transaction.hash || transaction.earlier?.some(({ hash }) => hash === other) === true)
        return null;
      const status = await node.status(other, wallet.address);
      if (status.state !== 'included' || status.confirmations < wanted) return null;
      if (second !== null && !(await agrees(second, other, status, wallet.address))) return null;
      return {
        replaced_by: other,
        block_number: String(status.blockNumber),
        block: status.blockHash,
        confirmations: status.confirmations,
        confirmed_by: second === null ? ONE_NODE : TWO_NODES,
      };
    } catch (error) {
      if (ServerError.is(error) && error.code === 'operator/node-unreachable') return null; // or a node without the state of that time
      throw error;
    }
  }

  async #end(
    transaction: BookedTransaction,
    changed: Pick<BookedTransaction, 'state' | 'reason' | 'freed' | 'delegate' | 'blobFee' | 'cancels'> & {
      readonly blockNumber?: string;
    },
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

/** What became of a transaction, and of which of its signatures. */
type Found =
  | (Extract<ChainStatus, { readonly state: 'included' }> & { readonly hash: Hex; readonly receiptId: string })
  | Extract<ChainStatus, { readonly state: 'unknown' }>;

/** Whether a second node has the transaction in the same block. */
async function agrees(
  url: string,
  hash: Hex,
  { blockHash }: Extract<ChainStatus, { readonly state: 'included' }>,
  wallet: Hex,
): Promise<boolean> {
  try {
    const other = await ChainNode.at(url).status(hash, wallet);
    return other.state === 'included' && other.blockHash === blockHash;
  } catch {
    return false;
  }
}
