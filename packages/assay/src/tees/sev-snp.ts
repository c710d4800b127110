/** AMD SEV-SNP reports, also from Azure. */

import type { SevSnpClaims } from '@assay/attestation';
import { azureSnpVerifier } from '@assay/attestation/verifier/azure/azure';
import { snpVerifier } from '@assay/attestation/verifier/snp/snp';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies AMD SEV-SNP reports, also from Azure. Pure: no clock, no network.
 * @example
 * const r = await verifySevSnp(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.measurement);
 */
export const verifySevSnp: VerifyTee<SevSnpClaims> = verifyTee<SevSnpClaims>([azureSnpVerifier, snpVerifier]);
