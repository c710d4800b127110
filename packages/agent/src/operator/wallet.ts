/**
 * The wallet: one road for every transaction (spec/operator.md §12). Ask the node, decide by the policy, reserve, sign, seal; only then
 * send. Between the decision and the reservation there is no await, so caps and nonces are exact however many ask at once.
 */

import { createHash, randomBytes } from 'node:crypto';
import type { ReceiptDraft } from '@assay/ledger';
import {
  authorizedSigners,
  type Caller,
  type ChainSettings,
  type Decision,
  type DecisionRequest,
  decide,
  type Hex,
  OperatorError,
  ownerMessageHash,
  refuseForeign,
  type SigningPolicy,
  type TransactionType,
  versionedHashes,
} from '@assay/operator';
import { ServerError } from '../errors.ts';
import { type ChainFacts, ChainNode } from './chain-node.ts';
import { orSealed, recordDecision, sealDenial } from './decision-record.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { type Anchor, type OutsideHead, recordAnchors, rollbackWords } from './outside-head.ts';
import { openDraft } from './owner-receipt.ts';
import { PendingApprovals } from './pending-approvals.ts';
import type { RowChange } from './sealed-state.ts';
import type { BookedTransaction, TransactionBook } from './transaction-book.ts';
import type { TransactionOutcomes } from './transaction-outcomes.ts';
import { carryingType, readTransactionRequest, type TransactionRequest } from './transaction-request.ts';
import { carriedIn, type PlannedTransaction, receiverOf, recordSigned, signPlanned } from './transaction-signing.ts';
import type { Variables } from './variables.ts';
import {
  type CallingPrompt,
  callerOf,
  denied,
  readIfBehind,
  refuseBehind,
  refuseOtherBody,
  refusePaused,
  refuseUnlessPrompt,
} from './wallet-refusals.ts';

/** What a caller gets. */
export type SignAnswer =
  | {
      readonly outcome: 'signed';
      readonly transaction: BookedTransaction;
      /** Whether a node took it; else why not. It is sent again until one does. */
      readonly sent: boolean;
      readonly reason: string | null;
    }
  /** Owners must approve first. */
  | {
      readonly outcome: 'pending';
      readonly hash: Hex;
      readonly chainId: number;
      readonly needed: number;
      readonly expiry: number;
      readonly receiptId: string;
    };

/** A request with everything that its decision needs. */
interface Asked {
  readonly request: TransactionRequest;
  readonly caller: Caller;
  readonly access: string | null;
  readonly chainId: number;
  readonly chain: ChainSettings;
  readonly policy: SigningPolicy;
  readonly node: ChainNode;
  readonly facts: ChainFacts;
  readonly type: TransactionType;
  readonly anchors: readonly Anchor[];
}

/** What signs with the wallet's key works with. */
export interface WalletParts {
  readonly operator: Operator;
  readonly variables: Variables;
  readonly book: TransactionBook;
  readonly outcomes: TransactionOutcomes;
  readonly head: OutsideHead;
}

export class Wallet {
  readonly #operator: Operator;
  readonly #variables: Variables;
  readonly #book: TransactionBook;
  readonly #outcomes: TransactionOutcomes;
  readonly #pending: PendingApprovals;
  readonly #head: OutsideHead;
  readonly #inFlight = new Map<string, { readonly body: string; readonly answer: Promise<SignAnswer> }>();

  constructor({ operator, variables, book, outcomes, head }: WalletParts) {
    this.#operator = operator;
    this.#variables = variables;
    this.#book = book;
    this.#outcomes = outcomes;
    this.#head = head;
    this.#pending = new PendingApprovals(operator);
  }

  get pending(): PendingApprovals {
    return this.#pending;
  }

  /**
   * Signs and sends a transaction that the policy allows.
   * @throws {ServerError} `http/unauthorized`, `operator/denied`, `operator/wallet-absent`, `operator/state-behind`, `operator/state-moved`,
   * `operator/idempotency-mismatch`, `operator/approval-mismatch`, `operator/node-unreachable`, `operator/node-refused`, `task/bad-input`;
   * {OperatorError} `operator/paused` and those of approvals.
   */
  async sign(request: OperatorRequest, idempotencyKey: string | null, tool: CallingPrompt | null = null): Promise<SignAnswer> {
    const admitted = await orSealed(
      { operator: this.#operator, task: 'transaction', path: 'transaction', request },
      // In the turn in which it is found to be new, so that a second request with the key finds it.
      () => this.#admit(request, idempotencyKey, tool),
    );
    return admitted.answer;
  }

  /** Reads a request and begins its work, or finds what an earlier one with its idempotency key came to. */
  #admit(
    request: OperatorRequest,
    idempotencyKey: string | null,
    tool: CallingPrompt | null,
  ): { readonly answer: Promise<SignAnswer> | SignAnswer } {
    const read = readTransactionRequest(request.bytes);
    const asked = tool === null ? read : { ...read, prompt_receipt: tool.receiptId };
    const { secret_token: token, prompt_receipt: cause = null } = asked;
    const caller = tool === null ? callerOf(this.#variables, request.access, token, cause) : 'tool';
    const key = idempotencyKey ?? asked.idempotency_key ?? null;
    if (key === null) return { answer: this.#sign(asked, caller, request, null) };
    const id = createHash('sha256')
      .update(`${request.access ?? caller}\n${key}`)
      .digest('hex');
    const body = createHash('sha256').update(request.bytes).digest('hex');
    const running = this.#inFlight.get(id);
    if (running !== undefined) {
      refuseOtherBody(running.body, body);
      return { answer: running.answer };
    }
    const before = this.#book.idempotent(id);
    if (before !== null) {
      refuseOtherBody(before.body, body);
      const transaction = this.#book.find(before.hash);
      if (transaction !== null)
        return {
          answer: { outcome: 'signed', transaction, sent: transaction.state !== 'signed', reason: transaction.reason },
        };
    }
    const answer = this.#sign(asked, caller, request, { id, body }).finally(() => this.#inFlight.delete(id));
    this.#inFlight.set(id, { body, answer });
    return { answer };
  }

  async #sign(
    request: TransactionRequest,
    caller: Caller,
    from: OperatorRequest,
    idempotency: { readonly id: string; readonly body: string } | null,
  ): Promise<SignAnswer> {
    const { ledger } = this.#operator;
    const draft = openDraft(ledger, 'transaction', from);
    let signed: BookedTransaction | SignAnswer;
    try {
      const asked = await this.#ask(request, caller, from);
      signed = await this.#decideAndSeal(asked, draft, idempotency);
    } catch (error) {
      const cause = request.prompt_receipt ?? null;
      await sealDenial({ operator: this.#operator, draft }, { path: 'transaction', caller, cause }, error);
      throw error;
    }
    if ('outcome' in signed) return signed;
    // Durable: from here on the transaction is answered, whatever the node says. Its nonce holds on the chain, so the witness need not be waited for.
    void this.#head.noted();
    const outcome = await this.#outcomes.send(signed);
    return { outcome: 'signed', transaction: signed, sent: outcome.sent, reason: outcome.sent ? null : outcome.reason };
  }

  /** Everything that must be asked of others before the decision. */
  async #ask(request: TransactionRequest, caller: Caller, { access, checkpoint = null }: OperatorRequest): Promise<Asked> {
    const { wallet, control, policy } = this.#operator;
    if (wallet === null)
      throw new ServerError(
        'operator/wallet-absent',
        'this platform keeps no wallet key; run on one that does, or let the manifest take an ephemeral wallet',
      );
    refusePaused(control.paused.value);
    const { to, value, data, gas, gas_price: gasPrice, max_fee_per_blob_gas: blobFee, type: asked } = request.transaction;
    const found = Object.entries(policy?.chains ?? {}).find(([, { rpc_urls: urls }]) => urls.includes(request.rpc_url));
    if (policy === null) throw denied(null, 'no policy is in force');
    if (found === undefined) throw denied(null, 'rpc_url is on no list of the policy');
    if (request.prompt_receipt !== undefined) await refuseUnlessPrompt(this.#operator, request.prompt_receipt, access);
    const chainId = Number(found[0]);
    const chain = found[1];
    const compatible = this.#operator.manifest.compatibility !== null;
    const plain = compatible || gasPrice !== undefined || chain.fees === 'legacy' ? 'legacy' : 'eip1559';
    const type = carryingType(request.transaction) ?? asked ?? plain;
    const anchors = await this.#head.guard(checkpoint);
    const node = ChainNode.at(request.rpc_url);
    const call = { from: wallet.address, to: to ?? null, value, data, gas: gas ?? null };
    const facts = await node.facts(chainId, chain, call, type);
    await readIfBehind(this.#operator, this.#book, { chainId, confirmedNonce: facts.confirmedNonce });
    return {
      request,
      caller,
      access,
      chainId,
      chain,
      policy,
      node,
      facts: { ...facts, feePerGas: gasPrice ?? facts.feePerGas, feePerBlobGas: blobFee ?? facts.feePerBlobGas },
      type,
      anchors,
    };
  }

  /** Decides, reserves and signs in one turn; resolves when receipt and row are durable. */
  async #decideAndSeal(
    asked: Asked,
    draft: ReceiptDraft,
    idempotency: { readonly id: string; readonly body: string } | null,
  ): Promise<BookedTransaction | SignAnswer> {
    const { request, chainId, facts, caller, type } = asked;
    const { delegate, sidecar } = request.transaction;
    const { wallet, control, now } = this.#operator;
    if (wallet === null) throw new Error('checked before');
    refusePaused(control.paused.value); // again: the node took its time
    refuseBehind(this.#book, { chainId, confirmedNonce: facts.confirmedNonce });
    const time = this.#book.time(now);
    const decisionRequest: DecisionRequest = {
      chainId,
      type,
      to: request.transaction.to ?? null,
      value: request.transaction.value,
      data: request.transaction.data,
      gas: facts.gas,
      feePerGas: facts.feePerGas,
      delegate,
      blobs:
        sidecar === undefined
          ? undefined
          : { versionedHashes: versionedHashes(sidecar.commitments), feePerBlobGas: facts.feePerBlobGas },
      caller,
      time,
    };
    const decision = decide(this.#operator.policy, decisionRequest, this.#book.usage);
    if (decision.outcome === 'deny') throw denied(decision.rule, decision.reason);
    const rows: RowChange[] = [];
    let approvers: readonly Hex[] = [];
    if (decision.outcome === 'approve' && request.approval === null)
      return this.#askOwners(decisionRequest, decision, asked, draft);
    if (request.approval !== null) {
      const approved = this.#approved(decisionRequest, request.approval);
      approvers = approved.signers;
      rows.push(...approved.rows);
    }
    if (sidecar !== undefined) this.#book.refuseFull();
    const many = delegate === undefined ? 1 : 2; // the authorisation uses one up
    const nonce = this.#book.nonces.take(chainId, many);
    if (request.transaction.nonce !== undefined && request.transaction.nonce !== nonce) {
      for (let taken = 0; taken < many; taken += 1) this.#book.nonces.giveBack(chainId, nonce + taken);
      throw new ServerError('task/bad-input', `transaction.nonce: expected ${nonce}, the next one; leave it out`);
    }
    const planned: PlannedTransaction = {
      ...decisionRequest,
      nonce,
      priorityFeePerGas: type === 'legacy' ? 0n : smaller(facts.priorityFeePerGas, facts.feePerGas),
    };
    const parts = signPlanned(planned, wallet);
    const transaction: BookedTransaction = {
      chainId,
      nonce,
      rpcUrl: request.rpc_url,
      signed: parts.signed,
      hash: parts.hash,
      to: null,
      ...receiverOf(planned, wallet.address),
      ...carriedIn(planned),
      value: String(planned.value),
      rule: decision.rule,
      spends: decision.spends.map(({ asset, amount }) => ({ asset, amount: String(amount) })),
      time,
      state: 'signed',
      reason: null,
      receiptId: draft.receiptId,
      finalReceiptId: null,
      blockNumber: null,
      access: asked.access,
      approved: approvers.length > 0,
    };
    const reservation = this.#book.reserve(transaction);
    try {
      recordDecision(this.#operator, draft, {
        decision,
        request: decisionRequest,
        approvers,
        cause: request.prompt_receipt ?? null,
      });
      recordSigned(draft, parts, {
        from: wallet.address,
        policy: control.policy.value,
        simulation: facts.simulation,
        rollback: rollbackWords(asked.anchors, true),
        kept: this.#operator.kept,
      });
      recordAnchors(draft, asked.anchors);
      rows.push(this.#book.row(transaction));
      if (sidecar !== undefined) rows.push(this.#book.sidecarRow(transaction, sidecar));
      if (idempotency !== null) rows.push(this.#book.idempotencyRow(idempotency.id, idempotency.body, transaction.hash));
      await this.#operator.seal(draft, rows);
    } catch (error) {
      reservation.release();
      throw error;
    }
    return transaction;
  }

  /** Keeps the request until owners approve it. */
  async #askOwners(
    request: DecisionRequest,
    decision: Exclude<Decision, { readonly outcome: 'deny' }>,
    asked: Asked,
    draft: ReceiptDraft,
  ): Promise<SignAnswer> {
    const { control } = this.#operator;
    const { hash, expiry, rows } = this.#pending.add(request, randomBytes(32).toString('hex'), asked.access);
    const { prompt_receipt: cause } = asked.request;
    recordDecision(this.#operator, draft, { decision, request, approvers: [], cause: cause ?? null });
    draft.append({
      type: 'approval.requested',
      approval: hash,
      chain_id: String(request.chainId),
      needed: control.owners.value.threshold,
    });
    await this.#operator.seal(draft, rows);
    return {
      outcome: 'pending',
      hash,
      chainId: request.chainId,
      needed: control.owners.value.threshold,
      expiry,
      receiptId: draft.receiptId,
    };
  }

  /** Checks that owners approved this very request, once. */
  #approved(
    request: DecisionRequest,
    { message, signatures }: NonNullable<TransactionRequest['approval']>,
  ): { readonly signers: readonly Hex[]; readonly rows: readonly RowChange[] } {
    const { control, agentId, now } = this.#operator;
    if (message.type !== 'ApproveTransaction')
      throw new OperatorError(
        'operator/message-malformed',
        `approval: expected ApproveTransaction, got ${message.type}; see docs/operator.md`,
      );
    refuseForeign(message.fields, { agentId, now });
    const rows = this.#pending.take(message.fields.transactionHash, request, message.fields.chainId);
    const owners = control.owners.value;
    return { signers: authorizedSigners(ownerMessageHash(message), signatures, owners, owners.threshold), rows };
  }
}

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
