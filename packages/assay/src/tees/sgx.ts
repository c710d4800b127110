/** Intel SGX quotes (DCAP v3 to v5). */

import type { SgxClaims } from '@assay/attestation';
import { sgxVerifier } from '@assay/attestation/verifier/dcap/sgx';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies Intel SGX quotes (DCAP v3 to v5). Pure: no clock, no network.
 * @example
 * const r = await verifySgx(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.mrenclave);
 */
export const verifySgx: VerifyTee<SgxClaims> = verifyTee<SgxClaims>([sgxVerifier]);
