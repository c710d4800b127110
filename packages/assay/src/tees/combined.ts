/** Combined reports of CPU and GPUs (RedPill, NEAR AI, Tinfoil). */

import type { CombinedClaims } from '@assay/attestation';
import { combinedVerifier } from '@assay/attestation/verifier/combined/combined';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies combined reports of CPU and GPUs (RedPill, NEAR AI, Tinfoil). Pure: no clock, no network.
 * @example
 * const r = await verifyCombined(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.submodules);
 */
export const verifyCombined: VerifyTee<CombinedClaims> = verifyTee<CombinedClaims>([combinedVerifier]);
