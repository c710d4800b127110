/** Dstack attestations: a quote with its event log and compose file. */

import type { DstackClaims, TeeVerifier } from '@assay/attestation';
import { dstackVerifier } from '@assay/attestation/verifier/dstack/dstack';
import { type ParseTee, parseTee, type VerifyTee, verifyTee } from './verify-tee.ts';

export type { VerifyTeeOptions } from './verify-tee.ts';

/** For `createVerifier`, in the order in which they are tried. */
export const dstackVerifiers: readonly TeeVerifier<unknown, DstackClaims>[] = [dstackVerifier];

/**
 * Reads dstack attestations: a quote with its event log and compose file, and proves nothing.
 * @throws {AttestationError} `evidence/unrecognised`, or the `malformed` code of the part that is broken.
 * @example parseDstack(evidence).type
 */
export const parseDstack: ParseTee<DstackClaims> = /* @__PURE__ */ parseTee(dstackVerifiers);

/**
 * Verifies dstack attestations: a quote with its event log and compose file. Pure: no clock, no network.
 * @throws {AttestationError} of kind `misuse` only; errors of the evidence are in the result.
 * @example
 * const r = await verifyDstack(evidence, { now: Date.now(), policy: 'strict', collateral });
 * if (r.outcome === 'accepted') console.log(r.claims.identity);
 */
export const verifyDstack: VerifyTee<DstackClaims> = /* @__PURE__ */ verifyTee(dstackVerifiers);
