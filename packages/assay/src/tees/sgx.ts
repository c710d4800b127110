/** Intel SGX quotes (DCAP v3 to v5). */

import type { SgxClaims, TeeVerifier } from '@assay/attestation';
import { sgxVerifier } from '@assay/attestation/verifier/dcap/sgx';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { INTEL_ROOTS } from '@assay/attestation/certificates/roots/intel';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const sgxVerifiers: readonly TeeVerifier<unknown, SgxClaims>[] = [sgxVerifier];

/**
 * Reads Intel SGX quotes (DCAP v3 to v5), and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseSgx(evidence).type
 */
export const parseSgx: ParseTee<SgxClaims> = /* @__PURE__ */ parseTee(sgxVerifiers);

/**
 * Verifies Intel SGX quotes (DCAP v3 to v5). Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifySgx(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.mrenclave);
 */
export const verifySgx: VerifyTee<SgxClaims> = /* @__PURE__ */ verifyTee(sgxVerifiers);
