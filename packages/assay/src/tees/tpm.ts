/** TPM 2.0 quotes under a named attestation key. */

import type { TeeVerifier, TpmClaims } from '@assay/attestation';
import { tpmVerifier } from '@assay/attestation/verifier/tpm/tpm';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const tpmVerifiers: readonly TeeVerifier<unknown, TpmClaims>[] = [tpmVerifier];

/**
 * Reads TPM 2.0 quotes under a named attestation key, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseTpm(evidence).type
 */
export const parseTpm: ParseTee<TpmClaims> = /* @__PURE__ */ parseTee(tpmVerifiers);

/**
 * Verifies TPM 2.0 quotes under a named attestation key. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyTpm(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements);
 */
export const verifyTpm: VerifyTee<TpmClaims> = /* @__PURE__ */ verifyTee(tpmVerifiers);
