/** AWS Nitro attestation documents: of enclaves, and of NitroTPM. */

import type { NitroClaims, TpmClaims } from '@assay/attestation';
import { nitroVerifier } from '@assay/attestation/verifier/nitro/nitro';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies AWS Nitro attestation documents: of enclaves, and of NitroTPM. Pure: no clock, no network.
 * @example
 * const r = await verifyNitro(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.type);
 */
export const verifyNitro: VerifyTee<NitroClaims | TpmClaims> = verifyTee<NitroClaims | TpmClaims>([nitroVerifier]);
