/**
 * Attestation results as an EAT Attestation Result: EAT (RFC 9711) with the EAR profile (draft-ietf-rats-ear-04) and the AR4SI
 * trustworthiness vector, signed as a JWT. For relying parties that read EAR rather than our own result.
 *
 * Not stated: file-system, storage and sourced-data claims, about which no evidence here speaks (AR4SI 0, "no claim").
 */

import { type CryptoKey, type JWK, SignJWT } from 'jose';
import type { Appraisal } from '../model/appraisal.ts';
import type { Check } from '../model/check.ts';
import type { NamedClaims } from '../model/claims.ts';
import type { VerificationResult } from '../model/result.ts';

const EAR_PROFILE = 'tag:ietf.org,2026:rats/ear#04';

/** AR4SI tiers (draft-ietf-rats-ar4si §2.3): no claim, affirming, warning, contraindicated. */
const TIER = { none: 0, affirming: 2, warning: 32, contraindicated: 96 } as const;
type Tier = (typeof TIER)[keyof typeof TIER];
/** AR4SI: a cryptographic validation of evidence failed. */
const CRYPTO_FAILED = 99;

const STATUS = { 0: 'none', 2: 'affirming', 32: 'warning', 96: 'contraindicated' } as const;

export interface EarOptions {
  /** Epoch milliseconds at which the result is made. */
  readonly now: number;
  /** Who verified: `ear_verifier_id`. */
  readonly verifier: { readonly developer: string; readonly build: string };
  /** Seconds the result may be used; no `exp` when left out. */
  readonly lifetimeSeconds?: number;
  /** The relying party's nonce (8 to 88 characters, RFC 9711 §4.1), echoed as `eat_nonce`. */
  readonly nonce?: string;
}

/**
 * The EAR claims set of a result; one submodule a part, `main` for the whole. Simulated evidence is at best a warning.
 *
 * @example
 * const claims = earClaims(await verify(bytes, options), { now, verifier: { developer: 'example.org', build: 'assay 0.1.0' } });
 */
export function earClaims(result: VerificationResult, options: EarOptions): Readonly<Record<string, unknown>> {
  const issued = Math.floor(options.now / 1000);
  return {
    eat_profile: EAR_PROFILE,
    iat: issued,
    ...(options.lifetimeSeconds === undefined ? {} : { exp: issued + options.lifetimeSeconds }),
    ...(options.nonce === undefined ? {} : { eat_nonce: options.nonce }),
    ear_verifier_id: { ...options.verifier },
    submods: submodules(result),
  };
}

/**
 * The EAR as a signed JWT.
 *
 * @param key private key as WebCrypto key or JWK; `algorithm` its JOSE name, e.g. `ES256`, `EdDSA`.
 * @example
 * const jwt = await signEar(result, { now, verifier, key, algorithm: 'ES256', keyId: 'verifier-1' });
 */
export async function signEar(
  result: VerificationResult,
  options: EarOptions & { readonly key: CryptoKey | JWK | Uint8Array; readonly algorithm: string; readonly keyId?: string },
): Promise<string> {
  const header = { alg: options.algorithm, typ: 'eat+jwt', ...(options.keyId === undefined ? {} : { kid: options.keyId }) };
  return new SignJWT({ ...earClaims(result, options) }).setProtectedHeader(header).sign(options.key);
}

function submodules(result: VerificationResult): Readonly<Record<string, unknown>> {
  if (result.claims === undefined) {
    const forged = result.outcome === 'not-authentic';
    return {
      main: {
        ear_status: forged ? STATUS[TIER.contraindicated] : STATUS[TIER.none],
        ...(forged ? { ear_trustworthiness_vector: { 'instance-identity': CRYPTO_FAILED } } : {}),
        'assay.error': result.error.code,
      },
    };
  }
  return Object.fromEntries(
    parts('', result.claims).map(([prefix, part]) => [name(prefix), submodule(prefix, part, result.appraisal)]),
  );
}

function parts(prefix: string, claims: NamedClaims): readonly (readonly [string, NamedClaims])[] {
  const below = Object.entries(claims.submodules).flatMap(([part, inner]) => parts(`${prefix}${part}/`, inner));
  return [[prefix, claims], ...below];
}

function name(prefix: string): string {
  return prefix === '' ? 'main' : prefix.slice(0, -1);
}

function submodule(prefix: string, claims: NamedClaims, appraisal: Appraisal): Readonly<Record<string, unknown>> {
  const own = appraisal.checks.filter(({ id }) => id.startsWith(prefix) && !id.slice(prefix.length).includes('/'));
  const vector = {
    'instance-identity': tier(
      own,
      prefix,
      ['policy.simulated', 'policy.root', 'policy.identity', 'policy.public-key', 'policy.report-data'],
      claims,
    ),
    configuration: tier(own, prefix, ['policy.debug'], claims),
    executables: tier(own, prefix, ['policy.measurements'], claims),
    hardware: tier(own, prefix, ['policy.tcb-', 'policy.product', 'policy.gpu'], claims),
  };
  const failed = own.some(({ outcome }) => outcome === 'fail');
  const worst = Math.max(failed ? TIER.contraindicated : TIER.affirming, ...Object.values(vector)) as Exclude<Tier, 0>;
  return {
    ear_status: STATUS[worst],
    ear_trustworthiness_vector: vector,
    ear_appraisal_policy_ids: [appraisal.policy],
    'assay.type': claims.type,
    'assay.simulated': claims.simulated,
    'assay.measurements': claims.measurements,
    'assay.tcb': claims.tcb,
    'assay.not-checked': own.filter(({ outcome }) => outcome === 'not-checked').map(({ id }) => id),
  };
}

/** Contraindicated when a check of the group failed, affirming when one passed, otherwise no claim. */
function tier(checks: readonly Check[], prefix: string, group: readonly string[], claims: NamedClaims): Tier {
  const asked = checks.filter(({ id }) => group.some((start) => id.startsWith(`${prefix}${start}`)));
  if (asked.some(({ outcome }) => outcome === 'fail')) return TIER.contraindicated;
  if (!asked.some(({ outcome }) => outcome === 'pass')) return TIER.none;
  return claims.simulated || claims.debug === true ? TIER.warning : TIER.affirming;
}
