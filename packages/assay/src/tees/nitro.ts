/** AWS Nitro attestation documents, of enclaves and of NitroTPM. */

import type { NitroClaims, TeeVerifier, TpmClaims } from '@assay/attestation';
import { nitroVerifier } from '@assay/attestation/verifier/nitro/nitro';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { AWS_NITRO_ROOTS } from '@assay/attestation/certificates/roots/aws';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const nitroVerifiers: readonly TeeVerifier<unknown, NitroClaims | TpmClaims>[] = [nitroVerifier];

/**
 * Reads AWS Nitro attestation documents, of enclaves and of NitroTPM, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseNitro(evidence).type
 */
export const parseNitro: ParseTee<NitroClaims | TpmClaims> = /* @__PURE__ */ parseTee(nitroVerifiers);

/**
 * Verifies AWS Nitro attestation documents, of enclaves and of NitroTPM. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyNitro(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.type);
 */
export const verifyNitro: VerifyTee<NitroClaims | TpmClaims> = /* @__PURE__ */ verifyTee(nitroVerifiers);
