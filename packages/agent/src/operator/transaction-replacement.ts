/**
 * A higher fee for a transaction that waits, or an empty one in its place (spec/operator.md §12): the same nonce signed again. It is counted
 * once, because what counts is the nonce; spending is freed when the empty one is in the chain, and not before.
 */

import { parseJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import {
  type BlobFields,
  type Caller,
  type Decision,
  type DecisionRequest,
  decide,
  type Hex,
  NO_DELEGATE,
  parseSignedTransaction,
  type SignedTransaction,
} from '@assay/operator';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { AUTHORIZATION_GAS, ChainNode } from './chain-node.ts';
import { orSealed, recordDecision, sealDenial } from './decision-record.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { type Anchor, type OutsideHead, recordAnchors, rollbackWords } from './outside-head.ts';
import { openDraft } from './owner-receipt.ts';
import { type BookedTransaction, FINAL, type TransactionBook } from './transaction-book.ts';
import type { TransactionOutcomes } from './transaction-outcomes.ts';
import { carriedIn, type PlannedTransaction, recordSigned, signPlanned } from './transaction-signing.ts';
import type { Variables } from './variables.ts';
import type { SignAnswer, WalletParts } from './wallet.ts';
import { callerOf, denied, refusePaused } from './wallet-refusals.ts';

/** Nodes take a replacement that pays a tenth more; some ask for an eighth. Per cent. */
const RAISE = 113n;
/** For one with blobs they ask twice of each price. Per cent. */
const RAISE_WITH_BLOBS = 200n;
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
  /** The same with a higher fee. */
  readonly bumped: PlannedTransaction;
  readonly anchors: readonly Anchor[];
  readonly caller: Caller;
}

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
   * `operator/node-refused`; {OperatorError} `operator/paused`.
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
      const before = await parseSignedTransaction(found.signed);
      const anchors = await this.#head.guard(from.checkpoint ?? null);
      const bumped = await this.#bumped(asked, found, before);
      const planned = asked.action === 'bump' ? bumped : emptied(bumped, before.from);
      return await this.#decideAndSeal(asked, found, { planned, bumped, anchors, caller }, draft);
    } catch (error) {
      await sealDenial({ operator: this.#operator, draft }, { path: 'transaction', caller, cause: null }, error);
      throw error;
    }
  }

  /** The same with a higher fee. */
  async #bumped(asked: Replacement, found: BookedTransaction, before: SignedTransaction): Promise<PlannedTransaction> {
    const chain = this.#operator.policy?.chains[String(found.chainId)];
    if (chain === undefined) throw denied(null, `the policy names no chain ${found.chainId}`);
    if (!chain.rpc_urls.includes(found.rpcUrl)) throw denied(null, 'the node of the transaction is on no list of the policy');
    const { type, from, to, value, data, gas, blobs, authorizations } = before;
    const node = ChainNode.at(found.rpcUrl);
    const call = { from, to: to ?? from, value: 0n, data: '0x', gas: PLAIN_GAS } as const;
    const facts = await node.facts(found.chainId, chain, call, type);
    const raise = blobs === undefined ? RAISE : RAISE_WITH_BLOBS;
    const least = raised(before.feePerGas, raise);
    const feePerGas = asked.fee_per_gas ?? larger(least, facts.feePerGas);
    if (feePerGas < least)
      throw new ServerError('task/bad-input', `fee_per_gas: expected at least ${least}, got ${feePerGas}; nodes take no less`);
    const priority = type === 'legacy' ? 0n : larger(raised(before.priorityFeePerGas, raise), facts.priorityFeePerGas);
    const dearer = (fields: BlobFields): BlobFields => ({
      ...fields,
      feePerBlobGas: larger(raised(fields.feePerBlobGas, raise), facts.feePerBlobGas),
    });
    return {
      type,
      chainId: found.chainId,
      nonce: found.nonce,
      feePerGas,
      priorityFeePerGas: priority < feePerGas ? priority : feePerGas,
      ...{ to, value, data, gas },
      delegate: authorizations?.[0]?.delegate,
      blobs: blobs === undefined ? undefined : dearer(blobs),
    };
  }

  /** Decides and signs in one turn; resolves when receipt and row are durable. */
  async #decideAndSeal(
    { action }: Replacement,
    asked: BookedTransaction,
    { planned, bumped, anchors, caller }: Replacing,
    draft: ReceiptDraft,
  ): Promise<BookedTransaction> {
    const { wallet, control } = this.#operator;
    const found = this.#book.current(asked);
    if (wallet === null) throw new Error('a booked transaction has a wallet');
    refusePaused(control.paused.value);
    if (FINAL.has(found.state) || found.hash !== asked.hash)
      throw new ServerError('task/bad-input', `the transaction is ${found.state}; look at GET /api/v1/transactions again`);
    if (found.cancels === true)
      throw new ServerError('task/bad-input', 'the transaction is cancelled already; wait until it is in the chain');
    const about = { caller, time: this.#book.time(this.#operator.now) };
    const request: DecisionRequest = { ...planned, ...about };
    // What is cancelled with its blobs pays for them at a higher price, so it is decided as its bump.
    const decided = action === 'bump' || bumped.blobs !== undefined;
    const decision = decided ? this.#again(action, { ...bumped, ...about }, found) : this.#cancelled(request, found);
    const parts = signPlanned(planned, wallet);
    const { hash, receiptId, earlier = [] } = found;
    const next: BookedTransaction = {
      ...found,
      rule: decision.rule,
      ...carriedIn(planned),
      ...(decided ? { spends: decision.spends.map(({ asset, amount }) => ({ asset, amount: String(amount) })) } : {}),
      signed: parts.signed,
      hash: parts.hash,
      state: 'signed',
      reason: null,
      receiptId: draft.receiptId,
      earlier: [...earlier, { hash, receiptId }],
      cancels: action === 'cancel',
    };
    recordDecision(this.#operator, draft, { decision, request, approvers: [], cause: null });
    recordSigned(draft, parts, {
      from: wallet.address,
      policy: control.policy.value,
      simulation: 'none',
      rollback: rollbackWords(anchors, true),
      kept: this.#operator.kept,
      replacing: { replaces: hash, action },
    });
    recordAnchors(draft, anchors);
    this.#book.reserve(next); // under the rule that decided now
    try {
      await this.#operator.seal(draft, [this.#book.row(next)]);
    } catch (error) {
      this.#book.reserve(found);
      throw error;
    }
    return next;
  }

  /**
   * Decides about the same transaction with another fee, as if it were not counted yet. Where owners have to approve, a bump may spend what it spent
   * before and no more: fees for gas are no spending, but the price of blobs is, and no owner approved a higher one.
   */
  #again(
    action: Replacement['action'],
    request: DecisionRequest,
    found: BookedTransaction,
  ): Exclude<Decision, { readonly outcome: 'deny' }> {
    const decision = this.#book.without(found, (usage) => decide(this.#operator.policy, request, usage));
    if (decision.outcome === 'deny') throw denied(decision.rule, decision.reason);
    const more = decision.spends.some(({ asset, amount }) => {
      const before = found.spends.find((each) => each.asset === asset);
      return amount > BigInt(before?.amount ?? 0);
    });
    if (decision.outcome === 'approve' && action === 'bump' && more)
      throw denied(decision.rule, 'it would spend more than before, which owners have to approve; cancel it, and ask again');
    return { ...decision, outcome: 'allow' };
  }

  /** An empty transaction to the wallet itself spends its fee only: the limits of the chain hold for it. */
  #cancelled(request: DecisionRequest, found: BookedTransaction): Exclude<Decision, { readonly outcome: 'deny' }> {
    const chain = this.#operator.policy?.chains[String(found.chainId)];
    if (chain === undefined) throw denied(null, `the policy names no chain ${found.chainId}`);
    if (request.feePerGas > BigInt(chain.max_fee_per_gas))
      throw denied(null, `the price of gas is ${request.feePerGas}, at most ${chain.max_fee_per_gas} is allowed`);
    return { outcome: 'allow', rule: found.rule, spends: [], counters: [] };
  }
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

/**
 * An empty transaction to the wallet itself. Blobs stay, because nodes replace a transaction with blobs by another such alone. An authorisation
 * becomes one that revokes: it uses up the nonce of the first, which others could still bring to the chain.
 */
function emptied({ delegate, ...bumped }: PlannedTransaction, from: Hex): PlannedTransaction {
  const empty = { ...bumped, to: from, value: 0n, data: '0x' } as const;
  return delegate === undefined
    ? { ...empty, gas: PLAIN_GAS }
    : { ...empty, gas: PLAIN_GAS + AUTHORIZATION_GAS, delegate: NO_DELEGATE };
}

const raised = (fee: bigint, raise: bigint): bigint => (fee * raise) / 100n + 1n;
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
