/**
 * The wallet's transactions: rows of the sealed state, in memory as a whole, with the counters and nonces that follow from them. A row is
 * written in the same commit as the receipt of its signature.
 */

import type { Json, JsonObject } from '@assay/encoding/json';
import { type BlobSidecar, type Hex, type Spend, SpendingWindow, withSidecar } from '@assay/operator';
import { ServerError } from '../errors.ts';
import { Nonces } from './nonces.ts';
import type { RowChange, SealedState } from './sealed-state.ts';

/** Where a transaction stands. `signed`: no node has taken it yet. The last three are final. */
export type TransactionState = 'signed' | 'sent' | 'included' | 'reverted' | 'replaced';

/** One transaction. */
export interface BookedTransaction {
  readonly chainId: number;
  readonly nonce: number;
  readonly rpcUrl: string;
  readonly signed: Hex;
  readonly hash: Hex;
  /** `null` creates the contract `creates`. */
  readonly to: Hex | null;
  readonly creates?: Hex;
  /** Whom the wallet delegates to by it (EIP-7702): it uses the nonce behind its own up, too. */
  readonly delegate?: Hex | undefined;
  /** How many blobs it carries, and the most wei that they cost, decimal. */
  readonly blobs?: number | undefined;
  readonly blobFee?: string | undefined;
  /** The price of blob gas that the policy allowed last, wei, decimal: a cancellation may pay a multiple. */
  readonly blobPrice?: string | undefined;
  /** Whether a node took any of its signatures. */
  readonly taken?: boolean | undefined;
  /** Decimal. */
  readonly value: string;
  readonly rule: string;
  readonly spends: readonly { readonly asset: Spend['asset']; readonly amount: string }[];
  /** Epoch seconds. */
  readonly time: number;
  readonly state: TransactionState;
  /** Why no node took it, while `signed`. */
  readonly reason: string | null;
  /** Of the signature. */
  readonly receiptId: string;
  /** Of the inclusion or its failure. */
  readonly finalReceiptId: string | null;
  readonly blockNumber: string | null;
  /** Hex SHA-256 of the API key that asked, or `null`. */
  readonly access: string | null;
  /** Whether owners approved it. */
  readonly approved?: boolean | undefined;
  /** Signed before under the same nonce, oldest first. Any of them may be the one that is included. */
  readonly earlier?: readonly EarlierSignature[] | undefined;
  /** Whether the newest signature is over an empty transaction. */
  readonly cancels?: boolean | undefined;
  /** When its end was known, epoch seconds: from then on the windows of caps run. Absent while it may still change. */
  readonly endedAt?: number | undefined;
  /** Of a `replaced` one: two nodes show what replaced it, so that it counts no more. */
  readonly freed?: boolean | undefined;
}

/** What is counted and not written yet. */
export interface Reservation {
  /** Counts it no more, because it could not be written. Does nothing once the rows were read again: these say what is counted. */
  release(): void;
}

/** A signature that a later one under the same nonce is to replace. */
export interface EarlierSignature {
  readonly hash: Hex;
  readonly receiptId: string;
  readonly delegate?: Hex | undefined;
  readonly blobFee?: string | undefined;
  readonly cancels?: boolean | undefined;
}

/** A signed message or typed data, as far as it counts. */
export interface CountedSignature {
  /** Its receipt. */
  readonly id: string;
  readonly rule: string;
  /** Epoch seconds. */
  readonly time: number;
  readonly spends: readonly Spend[];
  readonly access: string | null;
}

export const FINAL: ReadonlySet<TransactionState> = new Set(['included', 'reverted', 'replaced']);

const PREFIX = 'transaction/';
const SIGNATURE = 'signature/';
const SIDECAR = 'sidecar/';
/** Each is up to 1.6 MB of text. */
const MOST_SIDECARS = 16;
const keyOf = ({ chainId, nonce }: Pick<BookedTransaction, 'chainId' | 'nonce'>): string =>
  `${PREFIX}${chainId}/${String(nonce).padStart(16, '0')}`;

export class TransactionBook {
  #usage = new SpendingWindow();
  #nonces = new Nonces();
  /** Delegations that are not final, by key. */
  #delegating = new Map<string, Pick<BookedTransaction, 'chainId' | 'nonce'>>();
  /** Keys of those with blobs that are not final: their sidecars are kept. */
  #carrying = new Set<string>();
  /** By chain: the highest nonce that a transaction of the wallet has which was not signed here. */
  #elsewhere = new Map<number, number>();
  readonly #state: SealedState;
  /** The newest time that a row names: the clock is never believed to be before it. Epoch seconds. */
  #latest = 0;

  constructor(state: SealedState) {
    this.#state = state;
    state.onRead(() => this.#recount());
    this.#recount();
  }

  /** What was spent. */
  get usage(): SpendingWindow {
    return this.#usage;
  }

  get nonces(): Nonces {
    return this.#nonces;
  }

  /** Counts what the rows say, and nothing that was reserved and not written. */
  #recount(): void {
    this.#usage = new SpendingWindow();
    this.#nonces = new Nonces();
    this.#delegating = new Map();
    this.#carrying = new Set();
    this.#elsewhere = new Map();
    for (const transaction of this.list()) this.#count(transaction);
    for (const [, value] of this.#state.list(SIGNATURE)) this.#countSignature(value as unknown as SignatureRow);
    for (const [key, value] of this.#state.list('acknowledged/')) {
      const { nonce } = value as { readonly nonce: number };
      this.nonces.usedBelow(Number(key.slice('acknowledged/'.length)), nonce);
    }
    for (const transaction of this.list()) this.#giveBackBehind(transaction);
  }

  /** The nonce up to which owners know what the chain has of this wallet. */
  #acknowledged(chainId: number): number {
    const row = this.#state.get(`acknowledged/${chainId}`) as unknown as { readonly nonce: number } | undefined;
    return row?.nonce ?? 0;
  }

  /** Of each chain with transactions of this wallet that were not signed here, and that owners do not know of: the highest nonce of these. */
  usedElsewhere(): readonly { readonly chainId: number; readonly nonce: number }[] {
    return [...this.#elsewhere]
      .map(([chainId, nonce]) => ({ chainId, nonce }))
      .filter(({ chainId, nonce }) => nonce >= this.#acknowledged(chainId));
  }

  /** Every transaction, oldest nonce first. */
  list(): readonly BookedTransaction[] {
    return this.#state.list(PREFIX).map(([, value]) => value as unknown as BookedTransaction);
  }

  find(hash: string): BookedTransaction | null {
    const has = (transaction: BookedTransaction): boolean =>
      transaction.hash === hash || transaction.earlier?.some((each) => each.hash === hash) === true;
    return this.list().find(has) ?? null;
  }

  /** A transaction as its row says now. */
  current(transaction: BookedTransaction): BookedTransaction {
    return (this.#state.get(keyOf(transaction)) as unknown as BookedTransaction | undefined) ?? transaction;
  }

  /** Those that may still change. */
  open(): readonly BookedTransaction[] {
    return this.list().filter(({ state }) => !FINAL.has(state));
  }

  /** Whether any transaction of a chain was ever signed here. */
  knows(chainId: number): boolean {
    return this.nonces.next(chainId) > 0;
  }

  /** A time that does not go back. Epoch seconds. */
  time(now: number): number {
    this.#latest = Math.max(this.#latest, now);
    return this.#latest;
  }

  /** Counts a transaction that is about to be written, in the turn in which it was decided. */
  reserve(transaction: BookedTransaction): Reservation {
    this.#count(transaction);
    return this.#reservation(() => {
      this.#forget(transaction);
      for (const nonce of noncesOf(transaction)) this.nonces.giveBack(transaction.chainId, nonce);
    });
  }

  /** Counts what is about to be written in place of a transaction, whose nonces are kept: an earlier signature has them. */
  reserveInPlaceOf(transaction: BookedTransaction, rows: readonly BookedTransaction[]): Reservation {
    for (const row of rows) this.#count(row);
    return this.#reservation(() => {
      for (const row of rows) this.#forget(row);
      this.#count(transaction);
    });
  }

  /** A write whose end is not known is followed by reading the rows again, so `undo` must not take away what these say. */
  #reservation(undo: () => void): Reservation {
    const counted = this.#usage;
    return {
      release: () => {
        if (this.#usage === counted) undo();
      },
    };
  }

  #forget(transaction: BookedTransaction): void {
    this.usage.remove(keyOf(transaction));
    this.#delegating.delete(keyOf(transaction));
    this.#carrying.delete(keyOf(transaction));
  }

  /**
   * Refuses one more transaction with blobs: each sidecar is held until its transaction is final.
   * @throws {ServerError} `server/busy`.
   */
  refuseFull(): void {
    if (this.#carrying.size >= MOST_SIDECARS)
      throw new ServerError(
        'server/busy',
        `${MOST_SIDECARS} transactions with blobs wait for their inclusion; try again when one is final, or cancel one`,
        { details: { retryAfterSeconds: 60 } },
      );
  }

  /** What `work` gives when a transaction is not counted. */
  without<Result>(transaction: BookedTransaction, work: (usage: SpendingWindow) => Result): Result {
    this.usage.remove(keyOf(transaction));
    try {
      return work(this.usage);
    } finally {
      this.#count(transaction);
    }
  }

  /** The row that writes a transaction. */
  row(transaction: BookedTransaction): RowChange {
    return { key: keyOf(transaction), value: transaction as unknown as JsonObject };
  }

  /** The row that keeps the blobs of a transaction until it is final; `null` removes it. */
  sidecarRow({ chainId, nonce }: Pick<BookedTransaction, 'chainId' | 'nonce'>, sidecar: BlobSidecar | null): RowChange {
    return { key: `${SIDECAR}${chainId}/${nonce}`, value: sidecar as unknown as Json };
  }

  /** The blobs that are kept for a transaction. */
  sidecar({ chainId, nonce }: Pick<BookedTransaction, 'chainId' | 'nonce'>): BlobSidecar | null {
    return (this.#state.get(`${SIDECAR}${chainId}/${nonce}`) as unknown as BlobSidecar | undefined) ?? null;
  }

  /** The bytes that nodes take: with the blobs, where it has some. A plain cancellation has none. */
  sendable(transaction: BookedTransaction): Hex {
    const { signed, blobFee } = transaction;
    const sidecar = blobFee === undefined ? null : this.sidecar(transaction);
    return sidecar === null ? signed : withSidecar(signed, sidecar);
  }

  /** Whether a delegation with a lower nonce is not final yet. Nodes wait in vain for the nonce that its authorisation uses up. */
  followsDelegation({ chainId, nonce }: BookedTransaction): boolean {
    return [...this.#delegating.values()].some((each) => each.chainId === chainId && each.nonce < nonce);
  }

  /**
   * Counts the end of a transaction: one that another with its nonce replaced spent nothing, if two nodes say so, and a delegation among these
   * did not use the nonce behind its own.
   */
  settle(transaction: BookedTransaction, before: BookedTransaction): void {
    this.usage.remove(keyOf(transaction));
    this.#count(transaction);
    if (before.delegate !== undefined) this.#giveBackBehind(transaction);
  }

  /** Gives back the nonce behind a final transaction that has no row and lies before one that has. */
  #giveBackBehind({ chainId, nonce: own, delegate, state }: BookedTransaction): void {
    const nonce = own + 1;
    if (delegate !== undefined || !FINAL.has(state) || nonce >= this.nonces.next(chainId)) return;
    if (nonce < this.#acknowledged(chainId) || this.#state.get(keyOf({ chainId, nonce })) !== undefined) return;
    this.nonces.giveBack(chainId, nonce);
  }

  /** What an idempotency key was used for. */
  idempotent(key: string): { readonly body: string; readonly hash: Hex } | null {
    return (this.#state.get(`idempotency/${key}`) as unknown as { body: string; hash: Hex } | undefined) ?? null;
  }

  idempotencyRow(key: string, body: string, hash: Hex): RowChange {
    return { key: `idempotency/${key}`, value: { body, hash } as Json };
  }

  /** Counts a signature in the turn in which it was decided. Nothing shows that it is not used, so it counts for good. */
  reserveSignature(signature: CountedSignature): Reservation {
    this.#countSignature(signatureRow(signature));
    return this.#reservation(() => this.usage.remove(SIGNATURE + signature.id));
  }

  /** The row that writes a signature. */
  signatureRow(signature: CountedSignature): RowChange {
    return { key: SIGNATURE + signature.id, value: signatureRow(signature) as unknown as JsonObject };
  }

  #countSignature({ id, rule, time, spends }: SignatureRow): void {
    this.#latest = Math.max(this.#latest, time);
    this.usage.add(SIGNATURE + id, {
      rule,
      time,
      spends: spends.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) })),
    });
  }

  #count(transaction: BookedTransaction): void {
    const { chainId, nonce: own, rule, time, state, endedAt, freed = false, cancels = false } = transaction;
    if (transaction.delegate !== undefined && !FINAL.has(state))
      this.#delegating.set(keyOf(transaction), { chainId, nonce: own });
    else this.#delegating.delete(keyOf(transaction));
    if (transaction.blobs !== undefined && !FINAL.has(state)) this.#carrying.add(keyOf(transaction));
    else this.#carrying.delete(keyOf(transaction));
    for (const nonce of noncesOf(transaction)) this.nonces.used(chainId, nonce);
    this.#latest = Math.max(this.#latest, endedAt ?? time);
    if (state === 'replaced' && !cancels) this.#elsewhere.set(chainId, Math.max(own, this.#elsewhere.get(chainId) ?? 0));
    const spends = freed ? paidAnyway(transaction) : transaction.spends;
    if (freed && spends.length === 0) return;
    this.usage.add(keyOf(transaction), {
      rule,
      // One that waits can be in a block at any time, so no window leaves it behind.
      time: FINAL.has(state) ? (endedAt ?? time) : Number.POSITIVE_INFINITY,
      spends: spends.map(({ asset, amount }) => ({ asset, amount: BigInt(amount) })),
    });
  }
}

/** The nonces that a transaction uses up: its own, and that of its authorisation. */
function noncesOf({ nonce, delegate }: BookedTransaction): readonly number[] {
  return delegate === undefined ? [nonce] : [nonce, nonce + 1];
}

/** What a cancelled transaction cost: the empty one in its place carried its blobs. */
function paidAnyway({ cancels, blobFee }: BookedTransaction): BookedTransaction['spends'] {
  return cancels === true && blobFee !== undefined ? [{ asset: 'native', amount: blobFee }] : [];
}

interface SignatureRow extends Omit<CountedSignature, 'spends'> {
  readonly spends: readonly { readonly asset: Spend['asset']; readonly amount: string }[];
}

function signatureRow(signature: CountedSignature): SignatureRow {
  return { ...signature, spends: signature.spends.map(({ asset, amount }) => ({ asset, amount: String(amount) })) };
}
