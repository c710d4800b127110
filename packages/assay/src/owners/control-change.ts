/**
 * What else owners sign: a policy, a pause, another set of owners (spec/operator.md §5). Each message follows the last of its kind, as the
 * agent shows it.
 */

import { type Hex, type OwnerMessage, policyHash, type SigningPolicy, ZERO_HASH } from '@assay/operator';

/** Where a message stands: for which agent, after which change, good until when. */
export interface ControlPlace {
  readonly agentId: Hex;
  /** As `/api/v1/config` shows it now. */
  readonly current: { readonly version: number; readonly change_hash: Hex };
  /** Epoch seconds. */
  readonly expiry: number;
}

/** A message that changes control. */
type ControlMessage<Type extends OwnerMessage['type']> = Extract<OwnerMessage, { readonly type: Type }>;

/** The members of a body of `POST /api/v1/control`, signatures aside. */
export interface PolicyEntry {
  readonly message: ControlMessage<'SetPolicy'>;
  /** Left out where the policy is taken away. */
  readonly policy?: SigningPolicy;
}

/**
 * Sets the policy, or with `null` takes it away: nothing is signed then. Either ends every approval that waits.
 * @example const { message, policy } = policyEntry({ agentId, current: config.control.policy, expiry }, parseSigningPolicy(text));
 */
export function policyEntry(place: ControlPlace, policy: SigningPolicy | null): PolicyEntry {
  const hash = policy === null ? ZERO_HASH : policyHash(policy);
  const message = { type: 'SetPolicy', fields: { ...linksOf(place), policyHash: hash } } as const;
  return policy === null ? { message } : { message, policy };
}

/**
 * Stops signing, or lets it go on.
 * @example const message = pauseMessage({ agentId, current, expiry }, true)
 */
export function pauseMessage(place: ControlPlace, paused: boolean): ControlMessage<'SetPaused'> {
  return { type: 'SetPaused', fields: { ...linksOf(place), paused } };
}

/**
 * Another set of owners.
 * @param threshold how many of them must sign from then on.
 * @example const message = ownersMessage({ agentId, current, expiry }, { owners, threshold: 2 })
 */
export function ownersMessage(
  place: ControlPlace,
  { owners, threshold }: { readonly owners: readonly Hex[]; readonly threshold: number },
): ControlMessage<'SetOwners'> {
  return { type: 'SetOwners', fields: { ...linksOf(place), owners: [...owners], threshold } };
}

function linksOf({ agentId, current, expiry }: ControlPlace) {
  return { agentId, version: current.version + 1, previousHash: current.change_hash, expiry };
}
