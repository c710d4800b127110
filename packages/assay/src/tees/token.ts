/** Attestation tokens (NRAS, Intel Trust Authority, Azure Attestation, Confidential Space). */

import type { TokenClaims } from '@assay/attestation';
import { tokenVerifier } from '@assay/attestation/verifier/token/token';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies attestation tokens (NRAS, Intel Trust Authority, Azure Attestation, Confidential Space). Pure: no clock, no network.
 * @example
 * const r = await verifyToken(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.identity.issuer);
 */
export const verifyToken: VerifyTee<TokenClaims> = verifyTee<TokenClaims>([tokenVerifier]);
