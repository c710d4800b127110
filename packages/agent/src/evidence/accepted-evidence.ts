/** The evidence of a report for an answer of yes or no: authentic, accepted by the default policy, and without a member that was not read. */

import {
  type AgentEvidence,
  type AgentEvidenceOptions,
  AttestationError,
  appraise,
  DEFAULT_POLICY,
  policyUnder,
  UNREAD_MEMBERS,
  verifyAgentEvidence,
} from '@assay/attestation';
import type { JsonObject } from '@assay/encoding/json';

/**
 * @param evidence the report's `evidence` object.
 * @throws {AttestationError} `evidence/unrecognised` for members that are not known, `policy/refused`, and what the verifiers find.
 */
export async function acceptedEvidence(evidence: JsonObject, options: AgentEvidenceOptions): Promise<AgentEvidence> {
  const { time: now, trust } = options;
  const verified = await verifyAgentEvidence(evidence, options);
  const { claims } = verified;
  const unread = claims.checks.find(({ id }) => id === UNREAD_MEMBERS);
  if (unread !== undefined)
    throw new AttestationError(
      'evidence/unrecognised',
      `expected evidence with known members only, got others (${unread.actual}); verify the file with a newer version`,
    );
  const { outcome, scope } = appraise(claims, { now, policy: policyUnder(DEFAULT_POLICY, trust), expected: {} });
  if (outcome === 'refused')
    throw new AttestationError(
      'policy/refused',
      `expected evidence that the default policy accepts, got ${scope}; do not rely on the file`,
    );
  return verified;
}
