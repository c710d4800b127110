/** Combined reports of CPU and GPUs (RedPill, NEAR AI, Tinfoil). */

import type { CombinedClaims, TeeVerifier } from '@assay/attestation';
import { combinedVerifier } from '@assay/attestation/verifier/combined/combined';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const combinedVerifiers: readonly TeeVerifier<unknown, CombinedClaims>[] = [combinedVerifier];

/**
 * Reads combined reports of CPU and GPUs (RedPill, NEAR AI, Tinfoil), and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseCombined(evidence).type
 */
export const parseCombined: ParseTee<CombinedClaims> = /* @__PURE__ */ parseTee(combinedVerifiers);

/**
 * Verifies combined reports of CPU and GPUs (RedPill, NEAR AI, Tinfoil). Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyCombined(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.submodules);
 */
export const verifyCombined: VerifyTee<CombinedClaims> = /* @__PURE__ */ verifyTee(combinedVerifiers);
