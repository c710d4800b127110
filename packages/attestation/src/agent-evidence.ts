/**
 * The evidence inside an agent's report (spec/keyset.md §4): finds and parses it once, hands companions along, verifies CPU and GPUs, and
 * returns the slot that must hold the statement. Which member carries the bytes depends on the TEE; all members are tried by content. A member
 * that is not known is never passed over in silence: the check `report.evidence-members` names it.
 */

import { utf8 } from '@assay/encoding/bytes';
import { isCoded } from '@assay/encoding/coded-error';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import type { Json, JsonObject } from '@assay/encoding/json';
import type { ResolvedTrust } from './certificates/trust.ts';
import { AttestationError } from './errors.ts';
import { collectEndorsements } from './evidence/endorsement-files.ts';
import { nvidiaEvidenceOfJson } from './evidence/nvidia/evidence-file.ts';
import type { VerifiedClaims } from './model/claims.ts';
import type { Endorsements } from './model/endorsements.ts';
import type { RecognisedEvidence } from './recognise.ts';
import { attachGpus } from './verifier/nvidia/attached.ts';
import { withUnreadMembers } from './verifier/unread-members.ts';
import { recogniseEvidence, verifyEvidence } from './verify.ts';

const STATEMENT_LENGTH = 32; // bytes

/** Members that hold evidence or its companions, of every attester and of dstack; the rest of a report vouches for none of them. */
const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  ...['document', 'quote', 'report', 'auxblob', 'certificates', 'collateral', 'simulated'],
  ...['event_log', 'app_compose', 'vm_config', 'tcb_info', 'report_data'],
]);

export interface AgentEvidenceOptions {
  /** Epoch milliseconds at which certificates must be valid. */
  readonly time: number;
  readonly endorsements: Endorsements;
  readonly trust: ResolvedTrust;
}

export interface AgentEvidence {
  /** The slot for the statement: 64 bytes of report data, or 32 of user data. */
  readonly reportData: Uint8Array;
  /** Only for TEEs with a slot of its own for the nonce; `null` where it is empty. */
  readonly nonce?: Uint8Array | null;
  readonly claims: VerifiedClaims;
}

/**
 * Authenticates CPU and GPUs. GPUs must have answered the statement in the slot: the check `nvidia.statement`.
 * @param evidence the report's `evidence` object: bytes as base64 or hex text, with companions.
 * @throws {AttestationError} `report/evidence-missing`, and what the verifiers find.
 * @example const { reportData, claims } = await verifyAgentEvidence(report.evidence, { time, endorsements, trust: resolveTrust() })
 */
export async function verifyAgentEvidence(
  evidence: JsonObject,
  { time, endorsements, trust }: AgentEvidenceOptions,
): Promise<AgentEvidence> {
  const { nvidia, ...cpu } = evidence;
  const text = JSON.stringify(cpu);
  const companions = collectEndorsements([{ name: 'evidence.json', bytes: utf8(text) }]);
  const question = { now: time, endorsements: [...companions, ...endorsements], trust: { roots: trust.anchors } };
  const ofCpu = await verifyEvidence(findEvidence(cpu, text), question);
  const { reportData, userData, nonce } = ofCpu.bindings;
  const slot = reportData ?? userData;
  if (slot === null)
    throw new AttestationError(
      'report/evidence-missing',
      `expected a slot for the keyset in ${ofCpu.type} evidence, got none; it binds nothing, do not trust its keys`,
    );
  const claims = withUnreadMembers(ofCpu, unreadMembers(ofCpu, cpu));
  return {
    reportData: decodeHex(slot),
    ...(reportData === null ? { nonce: nonce === null ? null : decodeHex(nonce) } : {}),
    claims: nvidia === undefined ? claims : await withGpus(claims, nvidia, { slot, ...question }),
  };
}

/** Every GPU must have answered the statement that the slot holds, its first 32 bytes. */
async function withGpus(
  claims: VerifiedClaims,
  nvidia: Json,
  { slot, ...question }: { readonly slot: string } & Parameters<typeof attachGpus>[2],
): Promise<VerifiedClaims> {
  const gpus = nvidiaEvidenceOfJson(nvidia);
  if (gpus === null)
    throw new AttestationError(
      'report/evidence-missing',
      'expected evidence of GPUs in the member nvidia of the report, got something else; do not trust what it says about GPUs',
    );
  return attachGpus(claims, { gpus, statement: encodeHex(decodeHex(slot).subarray(0, STATEMENT_LENGTH)) }, question);
}

/** A vendor's commitment is one signed object, so every member of it is read. */
function unreadMembers({ type }: VerifiedClaims, evidence: JsonObject): readonly string[] {
  return type === 'vendor-commitment' ? [] : Object.keys(evidence).filter((name) => !KNOWN_MEMBERS.has(name));
}

function findEvidence(evidence: JsonObject, text: string): RecognisedEvidence {
  const values = Object.values(evidence).filter((value): value is string => typeof value === 'string' && value.length >= 64);
  for (const candidate of [text, ...values.toSorted((a, b) => b.length - a.length)]) {
    const found = recognised(utf8(candidate));
    if (found !== null) return found;
  }
  throw new AttestationError(
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

function membersOf(evidence: JsonObject): string {
  const names = Object.keys(evidence);
  return names.length === 0 ? 'no members' : `members ${names.join(', ').slice(0, 200)}`;
}
