/** The policy that a `SetPolicy` names by its hash (spec/operator.md §5): owners read it before they sign, and the agent takes no other. */

import { OperatorError } from './errors.ts';
import { type Hex, ZERO_HASH } from './hex.ts';
import { parseSigningPolicy, policyHash, type SigningPolicy } from './policy.ts';

/**
 * The policy that goes with a message, held against the hash that is signed.
 * @param given what stands in the member `policy`, parsed JSON; absent: the message takes the policy away.
 * @returns `null` for a message that takes the policy away.
 * @throws {OperatorError} `operator/value-mismatch` for another policy, and for a hash without its policy; `operator/policy-malformed`.
 * @example signedPolicy(message.fields.policyHash, change.policy) // what an owner has to read
 */
export function signedPolicy(signed: Hex, given: unknown): SigningPolicy | null {
  const policy = given === undefined || given === null ? null : parseSigningPolicy(JSON.stringify(given));
  const hash = policy === null ? ZERO_HASH : policyHash(policy);
  if (hash === signed) return policy;
  const came = policy === null ? 'none' : `one with ${hash}`;
  throw new OperatorError(
    'operator/value-mismatch',
    `expected the policy with the hash ${signed}, got ${came}; ask for the policy that is to be signed`,
  );
}
