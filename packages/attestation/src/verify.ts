/**
 * The evidence road in one call: bytes → parsed → verified → appraised (RFC 9334 §3). `verify` never throws for what the evidence is
 * or lacks; it returns one of five outcomes with the error code kept. Callers that want the steps use the three functions below.
 *
 * Imports every TEE. For one TEE alone import its verifier and `appraise`, and the rest is shaken off.
 */

import { EncodingError } from '@assay/encoding/errors';
import { appraise } from './appraisal/appraise.ts';
import { AttestationError } from './errors.ts';
import { textLayers } from './evidence/armour.ts';
import { certificateEvidence, certificateKeyCheck } from './evidence/carriers/certificate-evidence.ts';
import { quotesInJson } from './evidence/dcap/quote-json.ts';
import { describeFile } from './evidence/kinds/file-kind.ts';
import { wrappedEndorsements, wrappedEvidence } from './evidence/wrapped.ts';
import type { Appraisal } from './model/appraisal.ts';
import { type Check, fail, notChecked } from './model/check.ts';
import type { Claims, EvidenceType, TcbStanding, VerifiedClaims } from './model/claims.ts';
import type { Endorsements } from './model/endorsements.ts';
import type { Expected, Policy } from './model/policy.ts';
import type { ParsedEvidence, TeeVerifier, VerifyOptions } from './model/verification.ts';
import { TEE_VERIFIERS } from './verifier/registry.ts';

/** `malformed`: not evidence. `not-authentic`: no pinned root vouches for it. `unavailable`: endorsements are missing.
 * `refused`: authentic, and the policy says no. */
export type VerificationOutcome = 'accepted' | 'refused' | 'malformed' | 'not-authentic' | 'unavailable';

export interface VerificationResult {
  readonly outcome: VerificationOutcome;
  /** `null` when the bytes were not recognised; of broken evidence the type whose reader took them for its own. */
  readonly type: EvidenceType | null;
  /** `null` unless the evidence is authentic. */
  readonly claims: Claims | null;
  readonly checks: readonly Check[];
  readonly tcb: TcbStanding | null;
  readonly error: { readonly code: string; readonly kind: AttestationError['kind']; readonly message: string } | null;
  /** `null` unless the evidence is authentic. */
  readonly appraisal: Appraisal | null;
}

export interface VerificationOptions extends VerifyOptions {
  /** Default policy when left out: strict about debug and firmware, silent about measurements and age. */
  readonly policy?: Policy;
  readonly expected?: Expected;
  /** The TEEs to try; all of them unless told. */
  readonly verifiers?: readonly TeeVerifier[];
}

/**
 * Parses `bytes` as the first kind of evidence that claims them; of JSON that none claims, the evidence inside it.
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
  const { verifier, evidence, companions } = recognise(bytes, options.verifiers ?? TEE_VERIFIERS);
  return verifier.verify(evidence, withCompanions(options, companions));
}

/**
 * Recognises, authenticates and appraises `bytes`.
 *
 * @returns the outcome with all checks; an error of the evidence is a value here.
 * @throws {AttestationError} of kind `misuse` only.
 * @example
 * const { outcome, checks, error } = await verify(bytes, { now: Date.now(), endorsements, policy: STRICT_POLICY });
 */
export async function verify(bytes: Uint8Array, options: VerificationOptions): Promise<VerificationResult> {
  let type: EvidenceType | null = null;
  try {
    const found = recognise(bytes, options.verifiers ?? TEE_VERIFIERS, (claimed) => {
      type = claimed;
    });
    type = found.evidence.type;
    const claims = await found.verifier.verify(found.evidence, withCompanions(options, found.companions));
    const appraised = appraise(claims, options);
    const carried = [...(found.wrapped ? [WRAPPED] : []), ...found.carrierChecks(claims)];
    const appraisal = carried.length === 0 ? appraised : { ...appraised, checks: [...appraised.checks, ...carried] };
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

/** Said of every file in which the evidence had to be looked for. */
const WRAPPED: Check = notChecked(
  'evidence.wrapper',
  'Assay',
  "only the evidence inside the file was verified; what stands around it is nobody's claim",
);

interface Recognised {
  readonly verifier: TeeVerifier;
  readonly evidence: ParsedEvidence;
  /** Endorsements that came around the evidence in the same file. */
  readonly companions: Endorsements;
  readonly wrapped: boolean;
  /** What the carrier claims beside the evidence, compared with what is authentic. */
  readonly carrierChecks: (claims: Claims) => readonly Check[];
}

const NO_CHECKS = (): readonly Check[] => [];

/** The largest evidence known, of eight GPUs and their switches, is a tenth of this. Readers take some ten times their input. */
const MAX_EVIDENCE_BYTES = 8 * 1024 * 1024;

/** @param claimed told the type of a reader that took the bytes for its own and found them broken. */
function recognise(
  bytes: Uint8Array,
  verifiers: readonly TeeVerifier[],
  claimed: (type: EvidenceType) => void = () => {},
): Recognised {
  if (bytes.length > MAX_EVIDENCE_BYTES)
    throw new AttestationError(
      'evidence/unrecognised',
      `expected evidence of at most ${MAX_EVIDENCE_BYTES} bytes, got ${bytes.length}; check the file`,
    );
  const readers = verifiers.filter(({ searches }) => searches !== true);
  const layers = textLayers(bytes);
  for (const layer of layers) {
    const whole = claim(layer, readers, claimed);
    if (whole !== null) return { ...whole, companions: [], wrapped: false, carrierChecks: NO_CHECKS };
  }
  const file = layers.at(-1) ?? bytes;
  let broken: unknown;
  for (const { inner, ...around } of layers.flatMap(carriedIn)) {
    try {
      const found = claim(inner, readers, broken === undefined ? claimed : () => {});
      if (found !== null) return { ...found, ...around, wrapped: true };
    } catch (error) {
      if (!AttestationError.is(error) && !EncodingError.is(error)) throw error;
      broken ??= error;
    }
  }
  const searched = claim(
    file,
    verifiers.filter(({ searches }) => searches === true),
    claimed,
  );
  if (searched !== null) {
    return { ...searched, companions: wrappedEndorsements(file), wrapped: false, carrierChecks: NO_CHECKS };
  }
  if (broken !== undefined) throw broken;
  const types = [...new Set(verifiers.map(({ type }) => type))].join(', ');
  const { what, advice } = describeFile(bytes);
  throw new AttestationError('evidence/unrecognised', `expected evidence of ${types}, got ${what}; ${advice}`, {
    details: { got: what },
  });
}

/** Evidence that lies in a certificate or in JSON of other APIs, with what stands around it. */
function carriedIn(
  file: Uint8Array,
): readonly (Pick<Recognised, 'companions' | 'carrierChecks'> & { readonly inner: Uint8Array })[] {
  const certificate = certificateEvidence(file);
  if (certificate === null) {
    const inside = wrappedEvidence(file);
    const companions = inside.length === 0 ? [] : wrappedEndorsements(file);
    return inside.map((inner) => ({ inner, companions, carrierChecks: NO_CHECKS }));
  }
  const log = certificate.eventLog;
  const companions: Endorsements = log === null ? [] : [{ kind: 'event-log', json: log }];
  const carrierChecks = ({ bindings }: Claims): readonly Check[] => [certificateKeyCheck(certificate, bindings.reportData)];
  return certificate.inner.flatMap((part) =>
    [...textLayers(part), ...wrappedEvidence(part), ...(quotesInJson(part) ?? []).map(({ quote }) => quote)].map((inner) => ({
      inner,
      companions,
      carrierChecks,
    })),
  );
}

function claim(
  bytes: Uint8Array,
  verifiers: readonly TeeVerifier[],
  claimed: (type: EvidenceType) => void,
): Pick<Recognised, 'verifier' | 'evidence'> | null {
  for (const verifier of verifiers) {
    try {
      const evidence = verifier.recognise(bytes);
      if (evidence !== null) return { verifier, evidence };
    } catch (error) {
      claimed(verifier.type);
      throw error;
    }
  }
  return null;
}

function withCompanions<Options extends VerifyOptions>(options: Options, companions: Endorsements): Options {
  return companions.length === 0 ? options : { ...options, endorsements: [...(options.endorsements ?? []), ...companions] };
}

const OUTCOMES = {
  malformed: 'malformed',
  untrusted: 'not-authentic',
  unavailable: 'unavailable',
} as const satisfies Readonly<Record<Exclude<AttestationError['kind'], 'misuse'>, VerificationOutcome>>;

function failed(type: EvidenceType | null, error: unknown): VerificationResult {
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
