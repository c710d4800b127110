/** Intel TDX quotes (DCAP v4, v5), also from Azure. */

import type { TdxClaims } from '@assay/attestation';
import { azureTdxVerifier } from '@assay/attestation/verifier/azure/azure';
import { tdxVerifier } from '@assay/attestation/verifier/dcap/tdx';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies Intel TDX quotes (DCAP v4, v5), also from Azure. Pure: no clock, no network.
 * @example
 * const r = await verifyTdx(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements.mrtd);
 */
export const verifyTdx: VerifyTee<TdxClaims> = verifyTee<TdxClaims>([azureTdxVerifier, tdxVerifier]);
