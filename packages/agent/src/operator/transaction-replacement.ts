/**
 * A higher fee for a transaction that waits, or an empty one in its place (spec/operator.md §12): the same nonce signed again. It is counted
 * once, because what counts is the nonce; spending is freed when the empty one is in the chain, and not before.
 */

import { parseJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import {
  type BlobFields,
  type Caller,
  type ChainSettings,
  type Decision,
  type DecisionRequest,
  decide,
  type Hex,
  parseSignedTransaction,
  type SignedTransaction,
  type TransactionType,
} from '@assay/operator';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { type ChainFacts, ChainNode } from './chain-node.ts';
import { orSealed, recordDecision, sealDenial } from './decision-record.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { type Anchor, type OutsideHead, recordAnchors, rollbackWords } from './outside-head.ts';
import { openDraft } from './owner-receipt.ts';
import { type BookedTransaction, FINAL, type TransactionBook } from './transaction-book.ts';
import {
  cancelForm,
  cancellation,
  cancelType,
  larger,
  largerSpends,
  raised,
  raiseOf,
  rowUsingUp,
  spentOf,
  usingUp,
} from './transaction-cancellation.ts';
import type { TransactionOutcomes } from './transaction-outcomes.ts';
import {
  carriedIn,
  type PlannedTransaction,
  recordSigned,
  type SignedParts,
  type SigningFacts,
  signPlanned,
} from './transaction-signing.ts';
import type { Variables } from './variables.ts';
import type { SignAnswer, WalletParts } from './wallet.ts';
import { callerOf, denied, readIfBehind, refuseBehind, refusePaused } from './wallet-refusals.ts';

const PLAIN_GAS = 21_000n;

const bodySchema = z.strictObject({
  transaction_hash: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, 'expected 0x and 64 hex characters')
    .transform((text) => text.toLowerCase() as Hex),
  action: z.enum(['bump', 'cancel']),
  fee_per_gas: z
    .string()
    .regex(/^[0-9]{1,78}$/, 'expected wei as decimal text')
    .transform((text) => BigInt(text))
    .optional(),
  secret_token: z.string().max(1000).optional(),
});
type Replacement = z.output<typeof bodySchema>;

/** What is signed in place of a transaction, for whom, and against which heads. */
interface Replacing {
  readonly planned: PlannedTransaction;
  /** Transactions of the wallet that the chain has. */
  readonly confirmedNonce: number;
  /** Of one that cancels: whether what it cancels is signed as a delegation. */
  readonly cancels: { readonly delegation: boolean } | null;
  readonly anchors: readonly Anchor[];
  readonly caller: Caller;
}

type Planned = Pick<Replacing, 'planned' | 'confirmedNonce'>;

export class TransactionReplacement {
  readonly #operator: Operator;
  readonly #variables: Variables;
  readonly #book: TransactionBook;
  readonly #outcomes: TransactionOutcomes;
  readonly #head: OutsideHead;

  constructor({ operator, variables, book, outcomes, head }: WalletParts) {
    this.#operator = operator;
    this.#variables = variables;
    this.#book = book;
    this.#outcomes = outcomes;
    this.#head = head;
  }

  /**
   * Signs the nonce of a waiting transaction again and sends it.
   * @throws {ServerError} `http/bad-json`, `http/unauthorized`, `task/bad-input`, `operator/denied`, `operator/node-unreachable`,
   * `operator/node-refused`, `operator/state-behind`; {OperatorError} `operator/paused`.
   */
  async replace(request: OperatorRequest): Promise<SignAnswer> {
    const { asked, found, caller } = await orSealed(
      { operator: this.#operator, task: 'transaction', path: 'transaction', request },
      () => this.#admit(request),
    );
    const signed = await this.#outcomes.inTurn(found, () => this.#sign(asked, found, caller, request));
    void this.#head.noted();
    const outcome = await this.#outcomes.send(signed);
    return { outcome: 'signed', transaction: signed, sent: outcome.sent, reason: outcome.sent ? null : outcome.reason };
  }

  #admit(request: OperatorRequest): {
    readonly asked: Replacement;
    readonly found: BookedTransaction;
    readonly caller: Caller;
  } {
    const asked = readReplacement(request.bytes);
    const caller = callerOf(this.#variables, request.access, asked.secret_token, null);
    const found = this.#book.find(asked.transaction_hash);
    if (found === null || found.access !== request.access)
      throw new ServerError(
        'task/bad-input',
        'transaction_hash: expected a transaction of this caller, got another; GET /api/v1/transactions lists them',
      );
    return { asked, found, caller };
  }

  async #sign(asked: Replacement, found: BookedTransaction, caller: Caller, from: OperatorRequest): Promise<BookedTransaction> {
    const { ledger } = this.#operator;
    const draft = openDraft(ledger, 'transaction', from);
    try {
      refusePaused(this.#operator.control.paused.value);
      const newest = this.#book.current(found);
      refuseMoved(newest, found);
      const before = await parseSignedTransaction(newest.signed);
      const anchors = await this.#head.guard(from.checkpoint ?? null);
      const cancelling = asked.action === 'cancel' || newest.cancels === true;
      const replacing = await (cancelling ? this.#emptied(asked, newest, before) : this.#bumped(asked, newest, before));
      const cancels = cancelling ? { delegation: before.type === 'eip7702' } : null;
      return await this.#decideAndSeal(newest, { ...replacing, cancels, anchors, caller }, draft);
    } catch (error) {
      await sealDenial({ operator: this.#operator, draft }, { path: 'transaction', caller, cause: null }, error);
      throw error;
    }
  }

  /** The same with a higher fee. */
  async #bumped(asked: Replacement, found: BookedTransaction, before: SignedTransaction): Promise<Planned> {
    const { type, to, value, data, gas, blobs, authorizations } = before;
    const { facts } = await this.#facts(found, before, type);
    const raise = raiseOf(before);
    const feePerGas = asked.fee_per_gas ?? larger(raised(before.feePerGas, raise), facts.feePerGas);
    refuseBelow(feePerGas, raised(before.feePerGas, raise));
    const priority = type === 'legacy' ? 0n : larger(raised(before.priorityFeePerGas, raise), facts.priorityFeePerGas);
    const dearer = (fields: BlobFields): BlobFields => ({
      ...fields,
      feePerBlobGas: larger(raised(fields.feePerBlobGas, raise), facts.feePerBlobGas),
    });
    const planned: PlannedTransaction = {
      type,
      chainId: found.chainId,
      nonce: found.nonce,
      feePerGas,
      priorityFeePerGas: priority < feePerGas ? priority : feePerGas,
      ...{ to, value, data, gas },
      delegate: authorizations?.[0]?.delegate,
      blobs: blobs === undefined ? undefined : dearer(blobs),
    };
    return { planned, confirmedNonce: facts.confirmedNonce };
  }

  /** An empty one in its place. */
  async #emptied(asked: Replacement, found: BookedTransaction, before: SignedTransaction): Promise<Planned> {
    const form = cancelForm(found, before, asked.action === 'cancel');
    const type = cancelType(form, before, found.blobs !== undefined, this.#chain(found));
    const { chain, facts } = await this.#facts(found, before, type);
    const feePerGas = asked.fee_per_gas ?? null;
    if (feePerGas !== null) refuseBelow(feePerGas, raised(before.feePerGas, raiseOf({ type })));
    const planned = cancellation({ type, before, found, sidecar: this.#book.sidecar(found), chain, facts, feePerGas });
    return { planned, confirmedNonce: facts.confirmedNonce };
  }

  #chain({ chainId, rpcUrl }: BookedTransaction): ChainSettings {
    const chain = this.#operator.policy?.chains[String(chainId)];
    if (chain === undefined) throw denied(null, `the policy names no chain ${chainId}`);
    if (!chain.rpc_urls.includes(rpcUrl)) throw denied(null, 'the node of the transaction is on no list of the policy');
    return chain;
  }

  /** What the node says before a replacement of a type is made. */
  async #facts(
    found: BookedTransaction,
    { from, to }: SignedTransaction,
    type: TransactionType,
  ): Promise<{ readonly chain: ChainSettings; readonly facts: ChainFacts }> {
    const chain = this.#chain(found);
    const call = { from, to: to ?? from, value: 0n, data: '0x', gas: PLAIN_GAS } as const;
    const facts = await ChainNode.at(found.rpcUrl).facts(found.chainId, chain, call, type);
    await readIfBehind(this.#operator, this.#book, { chainId: found.chainId, confirmedNonce: facts.confirmedNonce });
    return { chain, facts };
  }

  /** Decides and signs in one turn; resolves when receipt and row are durable. */
  async #decideAndSeal(
    asked: BookedTransaction,
    { planned, confirmedNonce, cancels, anchors, caller }: Replacing,
    draft: ReceiptDraft,
  ): Promise<BookedTransaction> {
    const { wallet, control } = this.#operator;
    const found = this.#book.current(asked);
    if (wallet === null) throw new Error('a booked transaction has a wallet');
    refusePaused(control.paused.value);
    if (cancels === null) refuseBehind(this.#book, { chainId: found.chainId, confirmedNonce }); // a wallet whose state is behind can still cancel
    refuseMoved(found, asked);
    const request: DecisionRequest = { ...planned, caller, time: this.#book.time(this.#operator.now) };
    const action = cancels === null ? 'bump' : 'cancel';
    const decision = cancels === null ? this.#again(request, found) : cancelling(found);
    const parts = signPlanned(planned, wallet);
    const next = replaced(found, { planned, parts, decision, receiptId: draft.receiptId, cancels: cancels !== null });
    const facts: SigningFacts = {
      from: wallet.address,
      policy: control.policy.value,
      simulation: 'none',
      rollback: rollbackWords(anchors, true),
      kept: this.#operator.kept,
      replacing: { replaces: found.hash, action },
    };
    recordDecision(this.#operator, draft, { decision, request, approvers: [], cause: null, action });
    recordSigned(draft, parts, facts);
    const rows = [next];
    if (cancels?.delegation === true && planned.delegate === undefined) {
      const second = usingUp(planned);
      const signed = signPlanned(second, wallet);
      recordSigned(draft, signed, { ...facts, name: 'signed-transaction-2' });
      rows.push(rowUsingUp(next, signed, second));
    }
    recordAnchors(draft, anchors);
    const reservation = this.#book.reserveInPlaceOf(found, rows); // under the rule that decided now
    try {
      await this.#operator.seal(
        draft,
        rows.map((row) => this.#book.row(row)),
      );
    } catch (error) {
      reservation.release();
      throw error;
    }
    return next;
  }

  /**
   * Decides about the same transaction with another fee, as if it were not counted yet. Where owners have to approve, they approved the transaction,
   * and a bump may spend no more than it: fees for gas are no spending, but the price of blobs is, and no owner approved a higher one.
   */
  #again(request: DecisionRequest, found: BookedTransaction): Allowed {
    const decision = this.#book.without(found, (usage) => decide(this.#operator.policy, request, usage));
    if (decision.outcome === 'deny') throw denied(decision.rule, decision.reason);
    const more = decision.spends.some(({ asset }) => spentOf(decision.spends, asset) > spentOf(found.spends, asset));
    if (decision.outcome === 'approve' && more)
      throw denied(decision.rule, 'it would spend more than before, which owners have to approve; cancel it, and ask again');
    if (decision.outcome === 'approve' && found.approved !== true)
      throw denied(decision.rule, 'owners have to approve it by now, and no approval of it is known; cancel it, and ask again');
    return { ...decision, outcome: 'allow' };
  }
}

type Allowed = Exclude<Decision, { readonly outcome: 'deny' }>;

/** No rule decides about a cancellation: {@link cancellation} holds it to its limits. */
function cancelling({ rule }: BookedTransaction): Allowed {
  return { outcome: 'allow', rule, spends: [], counters: [] };
}

/** The row of a replacement. */
function replaced(
  found: BookedTransaction,
  replacement: {
    readonly planned: PlannedTransaction;
    readonly parts: SignedParts;
    readonly decision: Allowed;
    readonly receiptId: string;
    readonly cancels: boolean;
  },
): BookedTransaction {
  const { planned, parts, decision, receiptId, cancels } = replacement;
  const { hash, delegate, blobFee, earlier = [] } = found;
  const spends = decision.spends.map(({ asset, amount }) => ({ asset, amount: String(amount) }));
  return {
    ...found,
    rule: decision.rule,
    ...carriedIn(planned),
    blobs: found.blobs, // a plain cancellation may still be replaced by one that carries them
    ...(cancels ? { spends: largerSpends(found.spends, planned.blobs), blobPrice: found.blobPrice } : { spends }),
    signed: parts.signed,
    hash: parts.hash,
    state: 'signed',
    reason: null,
    receiptId,
    earlier: [...earlier, { hash, receiptId: found.receiptId, delegate, blobFee, cancels: found.cancels }],
    cancels,
  };
}

function refuseMoved(found: BookedTransaction, asked: BookedTransaction): void {
  if (FINAL.has(found.state) || found.hash !== asked.hash)
    throw new ServerError('task/bad-input', `the transaction is ${found.state}; look at GET /api/v1/transactions again`);
}

function refuseBelow(feePerGas: bigint, least: bigint): void {
  if (feePerGas < least)
    throw new ServerError('task/bad-input', `fee_per_gas: expected at least ${least}, got ${feePerGas}; nodes take no less`);
}

function readReplacement(bytes: Uint8Array): Replacement {
  let value: unknown;
  try {
    value = parseJson(bytes, { maxDepth: 4 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'malformed';
    throw new ServerError('http/bad-json', `the body is not valid JSON: ${why}`, { cause });
  }
  const checked = bodySchema.safeParse(value);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new ServerError('task/bad-input', `${z.core.toDotPath(issue?.path ?? []) || 'body'}: ${issue?.message ?? 'malformed'}`);
}
