/**
 * The evidence inside an agent's report (spec/keyset.md §4): finds the bytes, hands companions along, verifies, and returns the slot
 * that must hold the statement. Which member carries the bytes depends on the TEE; all members are tried by content.
 */

import {
  collectEndorsements,
  type Endorsements,
  recogniseEvidence,
  type TrustAnchor,
  type VerifiedClaims,
  verifyEvidence,
} from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex } from '@assay/encoding/hex';
import type { Report, VerifiedEvidence } from '@assay/receipt';
import { ClientError } from '../errors.ts';

export interface AgentEvidenceOptions {
  /** Epoch milliseconds at which certificates must be valid. */
  readonly time: number;
  readonly endorsements: Endorsements;
  readonly additionalAnchors: readonly TrustAnchor[];
}

/**
 * @param evidence the report's `evidence` object: bytes as base64 or hex text, companions beside them.
 * @throws {ClientError} `report/evidence-missing`; {AttestationError} whatever the verifier finds.
 */
export async function verifyAgentEvidence(
  evidence: Report['evidence'],
  options: AgentEvidenceOptions,
): Promise<VerifiedEvidence<VerifiedClaims>> {
  const text = JSON.stringify(evidence);
  const companions = collectEndorsements([{ name: 'evidence.json', bytes: utf8(text) }]);
  const claims = await verifyEvidence(findEvidence(evidence, text), {
    now: options.time,
    endorsements: [...companions, ...options.endorsements],
    trust: { roots: options.additionalAnchors },
  });
  const { reportData, userData, nonce } = claims.bindings;
  const slot = reportData ?? userData;
  if (slot === null)
    throw new ClientError(
      'report/evidence-missing',
      `expected a slot for the keyset in ${claims.type} evidence, got none; it binds nothing, do not trust its keys`,
    );
  return {
    reportData: decodeHex(slot),
    ...(reportData === null ? { nonce: nonce === null ? null : decodeHex(nonce) } : {}),
    claims,
  };
}

function findEvidence(evidence: Report['evidence'], text: string): Uint8Array {
  const values = Object.values(evidence).filter((value): value is string => typeof value === 'string' && value.length >= 64);
  const candidates = [text, ...values.toSorted((a, b) => b.length - a.length)].map(utf8);
  const found = candidates.find((bytes) => {
    try {
      recogniseEvidence(bytes);
      return true;
    } catch {
      return false;
    }
  });
  if (found === undefined) {
    throw new ClientError(
      'report/evidence-missing',
      `expected evidence of a known TEE in the report, got ${membersOf(evidence)}; the agent may be newer than this verifier`,
    );
  }
  return found;
}

function membersOf(evidence: Report['evidence']): string {
  const names = Object.keys(evidence);
  return names.length === 0 ? 'no members' : `members ${names.join(', ').slice(0, 200)}`;
}
