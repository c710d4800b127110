/**
 * The evidence road in one call: bytes → parsed → verified → appraised (RFC 9334 §3). `attest` never throws for what the evidence is
 * or lacks; it returns one of five outcomes with the error code kept. Callers that want the steps use the three functions below.
 *
 * Imports every TEE. For one TEE alone import its verifier and `appraise`, and the rest is shaken off.
 */

import { EncodingError } from '@assay/encoding/errors';
import { appraise } from './appraisal/appraise.ts';
import { AttestationError } from './errors.ts';
import type { Appraisal } from './model/appraisal.ts';
import { type Check, fail } from './model/check.ts';
import type { Claims, EvidenceType, TcbStanding, VerifiedClaims } from './model/claims.ts';
import type { Expected, Policy } from './model/policy.ts';
import type { ParsedEvidence, TeeVerifier, VerifyOptions } from './model/verification.ts';
import { TEE_VERIFIERS } from './verifier/registry.ts';

/** `malformed`: not evidence. `not-authentic`: no pinned root vouches for it. `unavailable`: endorsements are missing.
 * `refused`: authentic, and the policy says no. */
export type AttestationOutcome = 'accepted' | 'refused' | 'malformed' | 'not-authentic' | 'unavailable';

export interface AttestationResult {
  readonly outcome: AttestationOutcome;
  /** `null` when the bytes were not recognised. */
  readonly type: EvidenceType | null;
  /** `null` unless the evidence is authentic. */
  readonly claims: Claims | null;
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly error: { readonly code: string; readonly kind: AttestationError['kind']; readonly message: string } | null;
  /** `null` unless the evidence is authentic. */
  readonly appraisal: Appraisal | null;
}

export interface AttestOptions extends VerifyOptions {
  /** Default policy when left out: strict about debug and firmware, silent about measurements and age. */
  readonly policy?: Policy;
  readonly expected?: Expected;
  /** The TEEs to try; all of them unless told. */
  readonly verifiers?: readonly TeeVerifier[];
}

/**
 * Parses `bytes` as the first kind of evidence that claims them.
 *
 * @throws {AttestationError} `evidence/unrecognised`, or the type's own `malformed` codes.
 * @example
 * recogniseEvidence(document).type; // 'nitro'
 */
export function recogniseEvidence(bytes: Uint8Array, verifiers: readonly TeeVerifier[] = TEE_VERIFIERS): ParsedEvidence {
  return recognise(bytes, verifiers).evidence;
}

/**
 * Recognises and authenticates `bytes`.
 *
 * @throws {AttestationError} `malformed`, `untrusted` or `unavailable`.
 * @example
 * const claims = await verifyEvidence(quote, { now: Date.now(), endorsements });
 */
export async function verifyEvidence(
  bytes: Uint8Array,
  options: VerifyOptions & { readonly verifiers?: readonly TeeVerifier[] },
): Promise<VerifiedClaims> {
  const { verifier, evidence } = recognise(bytes, options.verifiers ?? TEE_VERIFIERS);
  return verifier.verify(evidence, options);
}

/**
 * Recognises, authenticates and appraises `bytes`.
 *
 * @returns the outcome with all checks; an error of the evidence is a value here.
 * @throws {AttestationError} of kind `misuse` only.
 * @example
 * const { outcome, checks, error } = await attest(bytes, { now: Date.now(), endorsements, policy: STRICT_POLICY });
 */
export async function attest(bytes: Uint8Array, options: AttestOptions): Promise<AttestationResult> {
  let type: EvidenceType | null = null;
  try {
    const { verifier, evidence } = recognise(bytes, options.verifiers ?? TEE_VERIFIERS);
    type = evidence.type;
    const claims = await verifier.verify(evidence, options);
    const appraisal = appraise(claims, options);
    return {
      outcome: appraisal.outcome,
      type: claims.type,
      claims,
      checks: appraisal.checks,
      tcb: claims.tcb,
      error: null,
      appraisal,
    };
  } catch (error) {
    return failed(type, error);
  }
}

function recognise(bytes: Uint8Array, verifiers: readonly TeeVerifier[]): { verifier: TeeVerifier; evidence: ParsedEvidence } {
  for (const verifier of verifiers) {
    const evidence = verifier.recognise(bytes);
    if (evidence !== null) return { verifier, evidence };
  }
  throw new AttestationError(
    'evidence/unrecognised',
    `expected evidence of ${[...new Set(verifiers.map(({ type }) => type))].join(', ')}, got ${bytes.length} bytes of something else; check the file`,
  );
}

const OUTCOMES = {
  malformed: 'malformed',
  untrusted: 'not-authentic',
  unavailable: 'unavailable',
} as const satisfies Readonly<Record<Exclude<AttestationError['kind'], 'misuse'>, AttestationOutcome>>;

function failed(type: EvidenceType | null, error: unknown): AttestationResult {
  const known = AttestationError.is(error) || EncodingError.is(error);
  if (!known || error.kind === 'misuse') throw error;
  const { code, kind, message } = error;
  return {
    outcome: OUTCOMES[kind],
    type,
    claims: null,
    checks: [fail(code.replace('/', '.'), 'docs/errors.md', null, message)],
    tcb: null,
    error: { code, kind, message },
    appraisal: null,
  };
}
