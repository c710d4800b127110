/**
 * One call for a piece of evidence of any TEE. Who verifies often makes a verifier ({@link createVerifier}) and keeps it.
 *
 * Imports every TEE. For one alone give {@link createVerifier} its verifier, and the rest is shaken off.
 */

import { createVerifier, type EvidenceQuestion, type VerificationQuestion, type VerifierOptions } from './create-verifier.ts';
import type { Claims, VerifiedClaims } from './model/claims.ts';
import type { VerificationResult } from './model/result.ts';
import type { TeeVerifier } from './model/verification.ts';
import type { RecognisedEvidence } from './recognise.ts';
import { TEE_VERIFIERS } from './verifier/registry.ts';

/** Whom to trust, and the TEEs to try: all of them by default. */
type Choice = Partial<VerifierOptions>;

export type EvidenceOptions = EvidenceQuestion & Choice;
export type VerificationOptions = VerificationQuestion & Choice;

/**
 * The evidence in a file, parsed: bare, under text, wrapped, or anywhere in JSON.
 *
 * @throws {AttestationError} `evidence/unrecognised`, or the type's own `malformed` codes.
 * @example
 * recogniseEvidence(document).type; // 'nitro'
 */
export function recogniseEvidence(file: Uint8Array, verifiers: readonly TeeVerifier[] = TEE_VERIFIERS): RecognisedEvidence {
  return createVerifier({ verifiers }).recognise(file);
}

/**
 * Recognises and authenticates evidence.
 *
 * @throws {AttestationError} `malformed`, `untrusted` or `unavailable`.
 * @example
 * const claims = await verifyEvidence(quote, { now: Date.now(), endorsements });
 */
export async function verifyEvidence(
  evidence: Uint8Array | RecognisedEvidence,
  { trust, cache, verifiers = TEE_VERIFIERS, ...question }: EvidenceOptions,
): Promise<VerifiedClaims> {
  return createVerifier<Claims>({ trust, cache, verifiers }).authenticate(evidence, question);
}

/**
 * Recognises, authenticates and appraises evidence.
 *
 * @returns one of five outcomes with all checks; an error of the evidence is a value here.
 * @throws {AttestationError} of kind `misuse` only.
 * @example
 * const result = await verify(bytes, { now: Date.now(), endorsements, policy: STRICT_POLICY });
 * if (result.outcome !== 'accepted') throw result.error;
 * if (result.claims.type === 'tdx') console.log(result.claims.measurements.mrtd);
 */
export async function verify(
  evidence: Uint8Array | RecognisedEvidence,
  { trust, cache, verifiers = TEE_VERIFIERS, ...question }: VerificationOptions,
): Promise<VerificationResult> {
  return createVerifier<Claims>({ trust, cache, verifiers }).verify(evidence, question);
}
