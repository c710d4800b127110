/** Attestation tokens (NRAS, Intel Trust Authority, Azure Attestation, Confidential Space). */

import type { TeeVerifier, TokenClaims } from '@assay/attestation';
import { tokenVerifier } from '@assay/attestation/verifier/token/token';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { GOOGLE_ROOTS } from '@assay/attestation/certificates/roots/google';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const tokenVerifiers: readonly TeeVerifier<unknown, TokenClaims>[] = [tokenVerifier];

/**
 * Reads attestation tokens (NRAS, Intel Trust Authority, Azure Attestation, Confidential Space), and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseToken(evidence).type
 */
export const parseToken: ParseTee<TokenClaims> = /* @__PURE__ */ parseTee(tokenVerifiers);

/**
 * Verifies attestation tokens (NRAS, Intel Trust Authority, Azure Attestation, Confidential Space). Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyToken(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.identity.issuer);
 */
export const verifyToken: VerifyTee<TokenClaims> = /* @__PURE__ */ verifyTee(tokenVerifiers);
