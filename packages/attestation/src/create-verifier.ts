/**
 * A verifier (RFC 9334): an object that holds whom it trusts and what it remembers. The evidence road in one call: bytes → parsed → verified → appraised.
 * Nothing is thrown for what the evidence is or lacks: that is the result.
 */

import { EncodingError } from '@assay/encoding/errors';
import { appraise } from './appraisal/appraise.ts';
import { DEFAULT_POLICY } from './appraisal/presets.ts';
import { policyUnder, type ResolvedTrust, resolveTrust } from './certificates/trust.ts';
import { VerificationCache } from './certificates/verification-cache.ts';
import { AttestationError } from './errors.ts';
import type { Appraisal } from './model/appraisal.ts';
import { type Check, fail } from './model/check.ts';
import { checksBefore } from './model/checks-before.ts';
import type { Claims, EvidenceType, VerifiedClaims } from './model/claims.ts';
import type { Endorsements } from './model/endorsements.ts';
import type { Expected, Policy } from './model/policy.ts';
import type { RefusedResult, VerificationResult } from './model/result.ts';
import type { TeeVerifier, Trust } from './model/verification.ts';
import { type RecognisedEvidence, recogniseIn } from './recognise.ts';

export interface VerifierOptions<Of extends Claims = Claims> {
  /** Roots in addition to the vendors' pinned ones. */
  readonly trust?: Trust | undefined;
  /** What it remembers; a memory of its own where none is given. */
  readonly cache?: VerificationCache | undefined;
  /** The TEEs to try, in order. */
  readonly verifiers: readonly TeeVerifier<unknown, Of>[];
}

/** When and with what evidence is verified. */
export interface EvidenceQuestion {
  /** The instant at which certificates and collateral must be valid, epoch milliseconds. Never read from a clock here. */
  readonly now: number;
  /** Vendor and operator companions. */
  readonly endorsements?: Endorsements | undefined;
}

/** What the relying party wants of it besides. */
export interface VerificationQuestion extends EvidenceQuestion {
  /** Default policy when left out: strict about debug and firmware, silent about measurements and age. */
  readonly policy?: Policy | undefined;
  readonly expected?: Expected | undefined;
}

/** Verifies evidence under one set of roots; keep it, and platforms seen before cost one signature check. */
export interface Verifier<Of extends Claims = Claims> {
  readonly trust: ResolvedTrust;
  /**
   * The evidence in a file, parsed. Give it to the other two instead of the file, and it is parsed once.
   * @throws {AttestationError} `evidence/unrecognised`, or the type's own `malformed` codes.
   */
  recognise(file: Uint8Array): RecognisedEvidence<Of>;
  /**
   * Authenticates evidence.
   * @throws {AttestationError} `malformed`, `untrusted` or `unavailable`.
   */
  authenticate(evidence: Uint8Array | RecognisedEvidence<Of>, question: EvidenceQuestion): Promise<VerifiedClaims<Of>>;
  /**
   * Authenticates and appraises evidence.
   * @throws {AttestationError} of kind `misuse` only.
   */
  verify(evidence: Uint8Array | RecognisedEvidence<Of>, question: VerificationQuestion): Promise<VerificationResult<Of>>;
}

/**
 * @throws {AttestationError} `trust/not-a-root`, `trust/several-roots`.
 * @example
 * const verifier = createVerifier({ trust: { simulatedRoot: pem }, verifiers: [tdxVerifier] });
 * const { outcome, checks } = await verifier.verify(quote, { now: Date.now(), endorsements, policy: STRICT_POLICY });
 */
export function createVerifier<Of extends Claims>(options: VerifierOptions<Of>): Verifier<Of> {
  const trust = resolveTrust(options.trust);
  const { verifiers, cache = new VerificationCache() } = options;

  const authenticate = (evidence: RecognisedEvidence<Of>, { now, endorsements = [] }: EvidenceQuestion) => {
    const { companions } = evidence;
    return evidence.verifier.verify(evidence, {
      now,
      endorsements: companions.length === 0 ? endorsements : [...endorsements, ...companions],
      trust: { roots: trust.anchors },
      cache,
    });
  };

  const recognise = (file: Uint8Array): RecognisedEvidence<Of> => {
    const found = recogniseIn(file, verifiers);
    if ('fault' in found) throw found.fault;
    return found;
  };

  return {
    trust,
    recognise,
    authenticate: async (evidence, question) =>
      authenticate(evidence instanceof Uint8Array ? recognise(evidence) : evidence, question),
    async verify(evidence, question) {
      const found = evidence instanceof Uint8Array ? recogniseIn(evidence, verifiers) : evidence;
      if ('fault' in found) return failure(found.type, found.fault);
      let claims: VerifiedClaims<Of>;
      let carried: readonly Check[];
      try {
        claims = await authenticate(found, question);
        carried = await found.carrierChecks(claims);
      } catch (error) {
        return failure(found.type, error);
      }
      const policy = policyUnder(question.policy ?? DEFAULT_POLICY, trust);
      const { now, expected = {} } = question;
      const appraised = appraise(claims, { now, policy, expected });
      return authentic(claims, { ...appraised, checks: [...appraised.checks, ...carried] });
    },
  };
}

function authentic<Of extends Claims>(claims: VerifiedClaims<Of>, appraisal: Appraisal): VerificationResult<Of> {
  const { checks } = appraisal;
  const shared = { type: claims.type, claims, checks, tcb: claims.tcb, appraisal };
  if (appraisal.outcome === 'accepted') return { ...shared, outcome: 'accepted' };
  return { ...shared, outcome: 'refused', error: refusalOf(appraisal) };
}

function refusalOf({ checks, policy }: Appraisal): RefusedResult['error'] {
  const failed = checks.filter(({ outcome }) => outcome === 'fail');
  const [first] = failed;
  const more = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
  return new AttestationError(
    'policy/refused',
    `expected ${first?.expected ?? 'what the policy wants'}, got ${first?.actual ?? 'something else'} (${first?.id}${more}, policy ${policy}); ` +
      'use other evidence, or change the policy if you accept that',
    { details: { failed } },
  ) as RefusedResult['error'];
}

/** @throws what is no fault of the evidence. */
function failure(type: EvidenceType | null, error: unknown): VerificationResult<never> {
  if (!AttestationError.is(error) && !EncodingError.is(error)) throw error;
  const checks = [...checksBefore(error), fail(error.code.replace('/', '.'), 'docs/errors.md', null, error.message)];
  switch (error.kind) {
    case 'malformed':
      return { outcome: 'malformed', type, checks, error } as VerificationResult<never>;
    case 'untrusted':
      return { outcome: 'not-authentic', type, checks, error } as VerificationResult<never>;
    case 'unavailable':
      return { outcome: 'unavailable', type, checks, error } as VerificationResult<never>;
    default:
      throw error;
  }
}
