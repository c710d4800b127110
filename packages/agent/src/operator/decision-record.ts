/** A decision in its receipt, with the policy and the request beside it, so that anyone can decide again (spec/operator.md §11). */

import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import type { Caller, Decision, DecisionRequest, Hex } from '@assay/operator';
import { ServerError } from '../errors.ts';
import { isMoved, type Operator, type OperatorRequest } from './operator.ts';
import { openDraft, sealChangeRefusal, sealRefusal } from './owner-receipt.ts';

/** What was decided, and under what. */
export interface DecisionRecord {
  readonly decision: Exclude<Decision, { readonly outcome: 'deny' }>;
  readonly request: DecisionRequest;
  readonly approvers: readonly Hex[];
  /** Receipt of the prompt whose tool call asked. */
  readonly cause: string | null;
  /** Of one in place of another. No rule decides about a cancellation. */
  readonly action?: 'bump' | 'cancel' | undefined;
}

/** The event of a decision that is not about a transaction, or that denies. */
export function decisionEvent(
  { agentId, control }: Operator,
  {
    path,
    outcome,
    rule,
    reason,
    caller,
    cause,
  }: {
    readonly path: 'transaction' | 'message' | 'typed-data';
    readonly outcome: 'allow' | 'deny';
    readonly rule: string | null;
    readonly reason: string | null;
    /** `none`: it was refused before that was known. */
    readonly caller: Caller | 'none';
    readonly cause: string | null;
  },
) {
  const { value: policy, version } = control.policy;
  return {
    type: 'decision.made',
    agent_id: agentId,
    path,
    outcome,
    rule,
    reason,
    policy,
    policy_version: version,
    caller,
    cause,
  };
}

/** Who refuses, and the receipt of it. */
interface Refused {
  readonly operator: Operator;
  readonly draft: ReceiptDraft;
}

/** A denial and what it is about. */
interface Denial {
  readonly path: 'transaction' | 'message' | 'typed-data';
  readonly caller: Caller | 'none';
  readonly cause: string | null;
}

/**
 * The event of a refusal. It is there once what owners set, and the refusal was decided by, is committed; without that the draft is given up.
 * @throws {ServerError} `operator/state-moved`: decide again.
 */
async function denialEvent({ operator, draft }: Refused, about: Denial, error: unknown) {
  const { rule = null, reason = null } = (ServerError.is(error) ? error.details : {}) as {
    readonly rule?: string | null;
    readonly reason?: string | null;
  };
  const event = decisionEvent(operator, { ...about, outcome: 'deny', rule, reason });
  if (!isCoded(error) || isMoved(error)) return event;
  try {
    await operator.requireCommitted(operator.control);
  } catch (moved) {
    await operator.ledger.discard(draft);
    throw moved;
  }
  return event;
}

/**
 * Seals why a signature was refused. Nothing is signed, so that no row holds the receipt to the policy: it waits for a policy on its way.
 * @throws {ServerError} `operator/state-moved` when that policy never came to be: decide again.
 */
export async function sealDenial(refused: Refused, about: Denial, error: unknown): Promise<void> {
  const { operator, draft } = refused;
  await sealRefusal(operator.ledger, draft, await denialEvent(refused, about, error), error);
}

/** A request for a signature before it is decided. */
interface Undecided {
  readonly operator: Operator;
  /** Of the receipt. */
  readonly task: 'transaction' | 'signature';
  readonly path: 'transaction' | 'message' | 'typed-data';
  readonly request: OperatorRequest;
}

/**
 * What `admit` gives. A request that it refuses gets a receipt as well; those without a key are limited, so that strangers cannot let the log
 * grow. Without a refusal nothing is awaited before `admit` has run.
 * @throws what `admit` throws, once its receipt is sealed.
 */
export async function orSealed<Admitted>(
  { operator, task, path, request }: Undecided,
  admit: () => Admitted,
): Promise<Admitted> {
  try {
    return admit();
  } catch (error) {
    const draft = openDraft(operator.ledger, task, request);
    const about = { path, caller: request.access === null ? 'none' : 'key', cause: null } as const;
    const event = await denialEvent({ operator, draft }, about, error);
    if (request.access === null) await sealChangeRefusal(operator, draft, event, error);
    else await sealRefusal(operator.ledger, draft, event, error);
    throw error;
  }
}

/** Appends `decision.made` and keeps policy and request. */
export function recordDecision({ control, agentId, policyBytes }: Operator, draft: ReceiptDraft, record: DecisionRecord): void {
  const { decision, request, approvers, cause, action = null } = record;
  const document = utf8(canonicalJson(requestDocument(request)));
  draft.payload('policy.json', 'application/json', policyBytes);
  draft.append({
    type: 'decision.made',
    agent_id: agentId,
    path: 'transaction',
    outcome: decision.outcome,
    rule: decision.rule,
    policy: control.policy.value,
    policy_version: control.policy.version,
    request_hash: draft.payload('decision-request.json', 'application/json', document),
    counters: decision.counters.map(({ asset, before, after, cap }) => `${asset} ${before} ${after} ${cap}`),
    approvers: [...approvers],
    caller: request.caller,
    cause,
    action,
  });
}

/** What a request has that only the newer types have. */
function carriedOf({ delegate, blobs }: DecisionRequest): JsonObject {
  if (delegate !== undefined) return { delegate };
  return blobs === undefined ? {} : { blob_hashes: [...blobs.versionedHashes], fee_per_blob_gas: String(blobs.feePerBlobGas) };
}

/** The request as its receipt keeps it; amounts are texts. */
function requestDocument(request: DecisionRequest): JsonObject {
  const { chainId, type, to, value, data, gas, feePerGas, caller, time } = request;
  return {
    ...carriedOf(request),
    chain_id: chainId,
    type,
    to,
    value: String(value),
    data,
    gas: String(gas),
    fee_per_gas: String(feePerGas),
    caller,
    time,
  };
}
