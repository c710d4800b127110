/**
 * The evidence inside an agent's report (spec/keyset.md §4): finds and parses it once, hands companions along, verifies, and returns the
 * slot that must hold the statement. Which member carries the bytes depends on the TEE; all members are tried by content.
 */

import {
  collectEndorsements,
  type Endorsements,
  type RecognisedEvidence,
  type ResolvedTrust,
  recogniseEvidence,
  type VerifiedClaims,
  verifyEvidence,
} from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex } from '@assay/encoding/hex';
import type { Report, VerifiedEvidence } from '@assay/receipt';
import { ClientError } from '../errors.ts';

export interface AgentEvidenceOptions {
  /** Epoch milliseconds at which certificates must be valid. */
  readonly time: number;
  readonly endorsements: Endorsements;
  readonly trust: ResolvedTrust;
}

/**
 * @param evidence the report's `evidence` object: bytes as base64 or hex text, companions beside them.
 * @throws {ClientError} `report/evidence-missing`; {AttestationError} whatever the verifier finds.
 */
export async function verifyAgentEvidence(
  evidence: Report['evidence'],
  { time, endorsements, trust }: AgentEvidenceOptions,
): Promise<VerifiedEvidence<VerifiedClaims>> {
  const text = JSON.stringify(evidence);
  const companions = collectEndorsements([{ name: 'evidence.json', bytes: utf8(text) }]);
  const claims = await verifyEvidence(findEvidence(evidence, text), {
    now: time,
    endorsements: [...companions, ...endorsements],
    trust: { roots: trust.anchors },
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

function findEvidence(evidence: Report['evidence'], text: string): RecognisedEvidence {
  const values = Object.values(evidence).filter((value): value is string => typeof value === 'string' && value.length >= 64);
  for (const candidate of [text, ...values.toSorted((a, b) => b.length - a.length)]) {
    const found = recognised(utf8(candidate));
    if (found !== null) return found;
  }
  throw new ClientError(
    'report/evidence-missing',
    `expected evidence of a known TEE in the report, got ${membersOf(evidence)}; the agent may be newer than this verifier`,
  );
}

function recognised(bytes: Uint8Array): RecognisedEvidence | null {
  try {
    return recogniseEvidence(bytes);
  } catch (error) {
    if (isCoded(error)) return null;
    throw error;
  }
}

function membersOf(evidence: Report['evidence']): string {
  const names = Object.keys(evidence);
  return names.length === 0 ? 'no members' : `members ${names.join(', ').slice(0, 200)}`;
}
