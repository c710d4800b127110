/**
 * Messages and typed data under the wallet key (spec/operator.md §12): decided by the same policy, counted by the same counters, each a
 * receipt. What a signature lets others spend is counted for good, because nothing shows that it will not be used.
 */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import {
  bytesOf,
  type Caller,
  decideSignature,
  type Hex,
  parseTypedData,
  personalDigest,
  type SignatureRequest,
  type TypedData,
} from '@assay/operator';
import { digestBytes } from '@assay/receipt';
import { z } from 'zod';
import { ServerError } from '../errors.ts';
import { decisionEvent, orSealed, sealDenial } from './decision-record.ts';
import type { Operator, OperatorRequest } from './operator.ts';
import { type Anchor, type OutsideHead, recordAnchors, rollbackWords } from './outside-head.ts';
import { openDraft } from './owner-receipt.ts';
import type { TransactionBook } from './transaction-book.ts';
import type { Variables } from './variables.ts';
import type { WalletParts } from './wallet.ts';
import {
  type CallingPrompt,
  callerOf,
  denied,
  refusePaused,
  refuseSignedElsewhere,
  refuseUnlessPrompt,
} from './wallet-refusals.ts';

const MAX_TEXT = 64 * 1024; // characters

const bodySchema = z
  .strictObject({
    message: z.string().max(MAX_TEXT).optional(),
    typed_data: z.record(z.string(), z.json()).optional(),
    secret_token: z.string().max(1000).optional(),
    prompt_receipt: z
      .string()
      .regex(/^rcpt_[0-9a-f]{32}$/, 'expected rcpt_ and 32 hex characters')
      .optional(),
  })
  .refine(
    ({ message, typed_data: data }) => (message === undefined) !== (data === undefined),
    'expected either message or typed_data',
  );

/** A signature with the receipt it stands in. */
export interface SignedMessage {
  readonly scheme: 'eip191' | 'eip712';
  readonly signature: Hex;
  readonly digest: Hex;
  readonly signer: Hex;
  readonly receiptId: string;
}

/** What is to be signed, read. */
interface Asked {
  readonly content:
    | { readonly path: 'message'; readonly text: string }
    | { readonly path: 'typed-data'; readonly data: TypedData };
  readonly digest: Hex;
  /** The bytes that the receipt keeps. */
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly caller: Caller;
  readonly cause: string | null;
}

export class WalletSignatures {
  readonly #operator: Operator;
  readonly #variables: Variables;
  readonly #book: TransactionBook;
  readonly #head: OutsideHead;

  constructor({ operator, variables, book, head }: Omit<WalletParts, 'outcomes'>) {
    this.#operator = operator;
    this.#variables = variables;
    this.#book = book;
    this.#head = head;
  }

  /**
   * Signs a message or typed data that the policy allows. The receipt is durable when this resolves, and under a head that the witness of
   * the manifest cosigned; a signature that it does not cosign is counted, and not given out.
   * @throws {ServerError} `http/bad-json`, `http/unauthorized`, `task/bad-input`, `operator/denied`, `operator/wallet-absent`,
   * `operator/state-moved`, `operator/state-behind`, `operator/witness-unreachable`; {OperatorError} `operator/message-malformed`, `operator/paused`.
   */
  async sign(request: OperatorRequest, tool: CallingPrompt | null = null): Promise<SignedMessage> {
    const asked = await orSealed({ operator: this.#operator, task: 'signature', path: 'message', request }, () =>
      this.#read(request, tool),
    );
    const draft = openDraft(this.#operator.ledger, 'signature', request);
    let signed: SignedMessage;
    try {
      if (tool === null && asked.cause !== null) await refuseUnlessPrompt(this.#operator, asked.cause, request.access);
      const anchors = await this.#head.guard(request.checkpoint ?? null);
      signed = await this.#decideAndSeal(asked, draft, anchors, request.access);
    } catch (error) {
      const { path } = asked.content;
      await sealDenial({ operator: this.#operator, draft }, { path, caller: asked.caller, cause: asked.cause }, error);
      throw error;
    }
    // No chain counts signatures, so one leaves only when a head over it is remembered outside.
    await this.#head.sealed();
    return signed;
  }

  #read(request: OperatorRequest, tool: CallingPrompt | null): Asked {
    let value: unknown;
    try {
      value = parseJson(request.bytes, { maxDepth: 32 });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : 'malformed';
      throw new ServerError('http/bad-json', `the body is not valid JSON: ${why}`, { cause });
    }
    const checked = bodySchema.safeParse(value);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw new ServerError(
        'task/bad-input',
        `${z.core.toDotPath(issue?.path ?? []) || 'body'}: ${issue?.message ?? 'malformed'}`,
      );
    }
    const { message, typed_data: data, secret_token: token, prompt_receipt: prompt } = checked.data;
    const cause = tool?.receiptId ?? prompt ?? null;
    const caller = tool === null ? callerOf(this.#variables, request.access, token, cause) : 'tool';
    if (message !== undefined)
      return {
        content: { path: 'message', text: message },
        digest: personalDigest(message),
        bytes: utf8(message),
        mediaType: 'text/plain',
        caller,
        cause,
      };
    const read = parseTypedData(data);
    return {
      content: { path: 'typed-data', data: read },
      digest: read.digest,
      bytes: utf8(canonicalJson(data as JsonObject)),
      mediaType: 'application/json',
      caller,
      cause,
    };
  }

  /** Decides, counts and signs in one turn; resolves when receipt and row are durable. */
  async #decideAndSeal(
    asked: Asked,
    draft: ReceiptDraft,
    anchors: readonly Anchor[],
    access: string | null,
  ): Promise<SignedMessage> {
    const { wallet, control, policy, now } = this.#operator;
    const { content, digest, bytes, mediaType, caller, cause } = asked;
    if (wallet === null)
      throw new ServerError(
        'operator/wallet-absent',
        'this platform keeps no wallet key; run on one that does, or let the manifest take an ephemeral wallet',
      );
    refusePaused(control.paused.value);
    refuseSignedElsewhere(this.#book);
    const time = this.#book.time(now);
    const request: SignatureRequest = { ...content, caller, time };
    const decision = decideSignature(policy, request, this.#book.usage);
    if (decision.outcome === 'deny') throw denied(decision.rule, decision.reason);
    const signature = wallet.signDigest(bytesOf(digest));
    const counted = { id: draft.receiptId, rule: decision.rule, time, spends: decision.spends, access };
    const reservation = this.#book.reserveSignature(counted);
    try {
      draft.payload('policy.json', 'application/json', this.#operator.policyBytes);
      const kept = draft.payload('signed-message', mediaType, bytes);
      const counters = decision.counters.map(({ asset, before, after, cap }) => `${asset} ${before} ${after} ${cap}`);
      const { path } = content;
      draft.append({
        ...decisionEvent(this.#operator, { path, outcome: 'allow', rule: decision.rule, reason: null, caller, cause }),
        request_hash: kept,
        counters,
      });
      const scheme = path === 'message' ? 'eip191' : 'eip712';
      draft.append({
        type: 'message.signed',
        scheme,
        signer: wallet.address,
        message_hash: kept,
        signature_hash: digestBytes(bytesOf(signature)),
        // Messages have no nonce on a chain that would show that the state was put back.
        rollback: rollbackWords(anchors, false),
      });
      recordAnchors(draft, anchors);
      await this.#operator.seal(draft, [this.#book.signatureRow(counted)]);
      return { scheme, signature, digest, signer: wallet.address, receiptId: draft.receiptId };
    } catch (error) {
      reservation.release();
      throw error;
    }
  }
}
