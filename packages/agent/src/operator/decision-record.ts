/** A decision in its receipt, with the policy and the request beside it, so that anyone can decide again (spec/operator.md §11). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { ReceiptDraft } from '@assay/ledger';
import type { Decision, DecisionRequest, Hex } from '@assay/operator';
import type { Operator } from './operator.ts';

/** What was decided, and under what. */
export interface DecisionRecord {
  readonly decision: Exclude<Decision, { readonly outcome: 'deny' }>;
  readonly request: DecisionRequest;
  readonly approvers: readonly Hex[];
  /** Receipt of the prompt whose tool call asked. */
  readonly cause: string | null;
}

/** Appends `decision.made` and keeps policy and request. */
export function recordDecision({ control, agentId, policyBytes }: Operator, draft: ReceiptDraft, record: DecisionRecord): void {
  const { decision, request, approvers, cause } = record;
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
  });
}

/** The request as its receipt keeps it; amounts are texts. */
function requestDocument({ chainId, type, to, value, data, gas, feePerGas, caller, time }: DecisionRequest): JsonObject {
  return {
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
