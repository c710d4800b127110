/** Owners, policy and pause: changed by owners alone, each change a receipt (spec/operator.md §5). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson } from '@assay/encoding/json';
import type { SealedReceipt } from '@assay/ledger';
import { acceptControl, type ControlMessage, type Hex, ownerMessageHash } from '@assay/operator';
import type { Operator, OperatorRequest } from './operator.ts';
import { openDraft, sealRefusal } from './owner-receipt.ts';

/** A control message as it came. */
export interface ControlEntry {
  readonly message: ControlMessage;
  readonly signatures: readonly Hex[];
}

const EVENTS = { SetOwners: 'owners.changed', SetPolicy: 'policy.changed', SetPaused: 'signing.paused' } as const;

/**
 * Makes one change of control.
 * @throws {OperatorError} those of `acceptControl`; the ledger's errors.
 */
export function changeControl(operator: Operator, entry: ControlEntry, request: OperatorRequest): Promise<SealedReceipt> {
  return operator.inTurn(() => change(operator, entry, request));
}

async function change(
  operator: Operator,
  { message, signatures }: ControlEntry,
  request: OperatorRequest,
): Promise<SealedReceipt> {
  const { ledger, control, agentId, now } = operator;
  const draft = openDraft(ledger, 'operator_change', { ...request, access: null });
  let accepted: ReturnType<typeof acceptControl>;
  try {
    accepted = acceptControl(control, message, signatures, { agentId, now });
  } catch (error) {
    await sealRefusal(ledger, draft, { type: 'operator.refused', agent_id: agentId, message: message.type }, error);
    throw error;
  }
  const { next, name, signers } = accepted;
  draft.append({
    type: EVENTS[message.type],
    agent_id: agentId,
    version: next[name].version,
    change: ownerMessageHash(message),
    previous: control[name].changeHash,
    signers: [...signers],
    ...summary(message),
  });
  const kept = { ...message, signatures: [...signatures] };
  draft.payload('change.json', 'application/json', utf8(canonicalJson(kept)));
  return operator.seal(draft, [operator.controlRow(next)]);
}

function summary(message: ControlMessage) {
  switch (message.type) {
    case 'SetOwners':
      return { owners: [...message.fields.owners], threshold: message.fields.threshold };
    case 'SetPolicy':
      return { policy: message.fields.policyHash };
    case 'SetPaused':
      return { paused: message.fields.paused };
  }
}
