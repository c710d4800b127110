/** NVIDIA GPU and switch evidence. */

import type { NvidiaClaims, TeeVerifier } from '@assay/attestation';
import { nvidiaGpuVerifier, nvidiaSwitchVerifier } from '@assay/attestation/verifier/nvidia/nvidia';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export { NVIDIA_DEVICE_ROOTS, NVIDIA_RIM_ROOTS } from '@assay/attestation/certificates/roots/nvidia';
export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const nvidiaVerifiers: readonly TeeVerifier<unknown, NvidiaClaims>[] = [nvidiaGpuVerifier, nvidiaSwitchVerifier];

/**
 * Reads NVIDIA GPU and switch evidence, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseNvidia(evidence).type
 */
export const parseNvidia: ParseTee<NvidiaClaims> = /* @__PURE__ */ parseTee(nvidiaVerifiers);

/**
 * Verifies NVIDIA GPU and switch evidence. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyNvidia(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements);
 */
export const verifyNvidia: VerifyTee<NvidiaClaims> = /* @__PURE__ */ verifyTee(nvidiaVerifiers);
