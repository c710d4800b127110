/** NVIDIA GPU and switch evidence. */

import type { NvidiaClaims } from '@assay/attestation';
import { nvidiaGpuVerifier, nvidiaSwitchVerifier } from '@assay/attestation/verifier/nvidia/nvidia';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies NVIDIA GPU and switch evidence. Pure: no clock, no network.
 * @example
 * const r = await verifyNvidia(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.measurements);
 */
export const verifyNvidia: VerifyTee<NvidiaClaims> = verifyTee<NvidiaClaims>([nvidiaGpuVerifier, nvidiaSwitchVerifier]);
