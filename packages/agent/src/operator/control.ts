/** Owners, policy and pause: changed by owners alone, each change a receipt (spec/operator.md §5). */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import type { SealedReceipt } from '@assay/ledger';
import {
  acceptControl,
  authorizedSigners,
  type ChainHead,
  type ControlMessage,
  type Hex,
  OperatorError,
  type OwnerMessage,
  ownerMessageHash,
  policyHash,
  refuseMisplaced,
  type SigningPolicy,
  UNCHANGED,
  ZERO_HASH,
} from '@assay/operator';
import type { Operator, OperatorRequest } from './operator.ts';
import { coverAnswer, openDraft, sealChangeRefusal } from './owner-receipt.ts';
import type { RowChange } from './sealed-state.ts';
import type { TransactionBook } from './transaction-book.ts';

/** A control message as it came. */
export interface ControlEntry {
  readonly message: ControlMessage;
  readonly signatures: readonly Hex[];
  /** The policy that a SetPolicy names by its hash; left out to take the policy away. */
  readonly policy?: SigningPolicy | undefined;
}

/** Owners know that the chain has seen more of the wallet than the state has. */
export interface AcknowledgeEntry {
  readonly message: Extract<OwnerMessage, { readonly type: 'AcknowledgeState' }>;
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
  { message, signatures, policy }: ControlEntry,
  request: OperatorRequest,
): Promise<SealedReceipt> {
  const { ledger, control, agentId, now } = operator;
  const draft = openDraft(ledger, 'operator_change', { ...request, access: null });
  let accepted: ReturnType<typeof acceptControl>;
  try {
    accepted = acceptControl(control, message, signatures, { agentId, now });
    if (message.type === 'SetPolicy') matchPolicy(message.fields.policyHash, policy);
  } catch (error) {
    await sealChangeRefusal(operator, draft, { type: 'operator.refused', message: message.type }, error);
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
  draft.payload('agent.json', 'application/json', operator.document);
  const kept = { ...message, signatures: [...signatures] };
  draft.payload('change.json', 'application/json', utf8(canonicalJson(kept)));
  const rows: RowChange[] = [operator.controlRow(next)];
  if (message.type === 'SetPolicy') {
    const document = (policy ?? null) as JsonObject | null;
    if (document !== null) draft.payload('policy.json', 'application/json', utf8(canonicalJson(document)));
    rows.push(operator.policyRow(document));
  }
  coverAnswer(draft, request);
  return operator.seal(draft, rows);
}

/**
 * Lets the wallet go on after its state was put back (spec/operator.md §12): the next nonce of a chain is the one that owners name.
 * @throws {OperatorError} those of `refuseMisplaced` and `authorizedSigners`; the ledger's errors.
 */
export function acknowledgeState(
  operator: Operator,
  book: TransactionBook,
  { message, signatures }: AcknowledgeEntry,
  request: OperatorRequest,
): Promise<SealedReceipt> {
  return operator.inTurn(async () => {
    const { ledger, agentId, now, control, state } = operator;
    const { chainId, nonce, version } = message.fields;
    const draft = openDraft(ledger, 'operator_change', { ...request, access: null });
    const key = `acknowledged/${chainId}`;
    const current = (state.get(key) as unknown as ChainHead | undefined) ?? UNCHANGED;
    const changeHash = ownerMessageHash(message);
    let signers: readonly Hex[];
    try {
      refuseMisplaced(message.fields, current, { agentId, now });
      signers = authorizedSigners(changeHash, signatures, control.owners.value, control.owners.value.threshold);
    } catch (error) {
      await sealChangeRefusal(operator, draft, { type: 'operator.refused', message: message.type }, error);
      throw error;
    }
    const links = { version, change: changeHash, previous: current.changeHash, signers: [...signers] };
    draft.append({ type: 'state.acknowledged', agent_id: agentId, ...links, chain_id: String(chainId), account_nonce: nonce });
    draft.payload('change.json', 'application/json', utf8(canonicalJson({ ...message, signatures: [...signatures] })));
    coverAnswer(draft, request);
    const sealed = await operator.seal(draft, [{ key, value: { version, changeHash, nonce } }]);
    book.nonces.usedBelow(chainId, nonce);
    return sealed;
  });
}

/** @throws {OperatorError} `operator/value-mismatch` when the policy is not the one that was signed. */
function matchPolicy(signed: Hex, policy: SigningPolicy | undefined): void {
  const given = policy === undefined ? ZERO_HASH : policyHash(policy);
  if (given !== signed)
    throw new OperatorError(
      'operator/value-mismatch',
      `expected the policy with the hash ${signed}, got one with ${given}; send the policy that was signed`,
    );
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
