/** AMD SEV-SNP reports, also from Azure. */

import type { SevSnpClaims, TeeVerifier } from '@assay/attestation';
import { azureSnpVerifier } from '@assay/attestation/verifier/azure/azure';
import { snpVerifier } from '@assay/attestation/verifier/snp/snp';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { AMD_ROOTS } from '@assay/attestation/certificates/roots/amd';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const snpVerifiers: readonly TeeVerifier<unknown, SevSnpClaims>[] = [azureSnpVerifier, snpVerifier];

/**
 * Reads AMD SEV-SNP reports, also from Azure, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseSnp(evidence).type
 */
export const parseSnp: ParseTee<SevSnpClaims> = /* @__PURE__ */ parseTee(snpVerifiers);

/**
 * Verifies AMD SEV-SNP reports, also from Azure. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifySnp(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.measurement);
 */
export const verifySnp: VerifyTee<SevSnpClaims> = /* @__PURE__ */ verifyTee(snpVerifiers);
