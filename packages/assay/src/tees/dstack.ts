/** Dstack attestations: a quote with its event log and compose file. */

import type { DstackClaims } from '@assay/attestation';
import { dstackVerifier } from '@assay/attestation/verifier/dstack/dstack';
import { type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/**
 * Verifies dstack attestations: a quote with its event log and compose file. Pure: no clock, no network.
 * @example
 * const r = await verifyDstack(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.identity);
 */
export const verifyDstack: VerifyTee<DstackClaims> = verifyTee<DstackClaims>([dstackVerifier]);
