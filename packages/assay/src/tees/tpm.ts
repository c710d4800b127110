/** TPM 2.0 quotes under a named attestation key. */

import type { TpmClaims } from '@assay/attestation';
import { tpmVerifier } from '@assay/attestation/verifier/tpm/tpm';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies TPM 2.0 quotes under a named attestation key. Pure: no clock, no network.
 * @example
 * const r = await verifyTpm(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements);
 */
export const verifyTpm: VerifyTee<TpmClaims> = verifyTee<TpmClaims>([tpmVerifier]);
