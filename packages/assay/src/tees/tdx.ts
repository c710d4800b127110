/** Intel TDX quotes (DCAP v4, v5), also from Azure. */

import type { TdxClaims, TeeVerifier } from '@assay/attestation';
import { azureTdxVerifier } from '@assay/attestation/verifier/azure/azure';
import { tdxVerifier } from '@assay/attestation/verifier/dcap/tdx';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { INTEL_ROOTS } from '@assay/attestation/certificates/roots/intel';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const tdxVerifiers: readonly TeeVerifier<unknown, TdxClaims>[] = [azureTdxVerifier, tdxVerifier];

/**
 * Reads Intel TDX quotes (DCAP v4, v5), also from Azure, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseTdx(evidence).type
 */
export const parseTdx: ParseTee<TdxClaims> = /* @__PURE__ */ parseTee(tdxVerifiers);

/**
 * Verifies Intel TDX quotes (DCAP v4, v5), also from Azure. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyTdx(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.mrtd);
 */
export const verifyTdx: VerifyTee<TdxClaims> = /* @__PURE__ */ verifyTee(tdxVerifiers);
