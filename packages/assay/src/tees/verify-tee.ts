/** Verification of one TEE's evidence: pure, at the time it is given, without a network. The claims have that TEE's type. */

import type {
  Claims,
  Endorsements,
  Expected,
  Policy,
  PolicyPreset,
  RecognisedEvidence,
  TeeVerifier,
  Trust,
  VerificationResult,
} from '@assay/attestation';
import { createVerifier } from '@assay/attestation/create-verifier';
import { policyOf } from '../verification/options.ts';

/** Options of `verifyTdx` and its like: no clock and no network stand behind them. */
export interface VerifyTeeOptions {
  /** Epoch milliseconds at which certificates and collateral must be valid. */
  readonly now: number;
  /** A policy, or a preset's name. */
  readonly policy?: Policy | PolicyPreset | undefined;
  /** Roots in addition to the vendor's pinned ones. */
  readonly trust?: Trust | undefined;
  /** Companions at hand, in any order: collateral, certificates, revocation lists. Nothing is fetched. */
  readonly collateral?: Endorsements | undefined;
  readonly expected?: Expected | undefined;
}

/** Verifies evidence of one kind of TEE, in bytes or parsed; anything else is `malformed`. Errors of the evidence are in the result. */
export type VerifyTee<Of extends Claims> = (
  evidence: Uint8Array | RecognisedEvidence<Of>,
  options: VerifyTeeOptions,
) => Promise<VerificationResult<Of>>;

/** Reads evidence of one kind of TEE: what it says before anything is proved. */
export type ParseTee<Of extends Claims> = (evidence: Uint8Array) => RecognisedEvidence<Of>;

/** The function that reads evidence for `verifiers`. */
export function parseTee<Of extends Claims>(verifiers: readonly TeeVerifier<unknown, Of>[]): ParseTee<Of> {
  return (evidence) => createVerifier({ verifiers }).recognise(evidence);
}

/** The function that verifies evidence that `verifiers` read. */
export function verifyTee<Of extends Claims>(verifiers: readonly TeeVerifier<unknown, Of>[]): VerifyTee<Of> {
  return async (evidence, { now, policy, trust, collateral, expected }) =>
    createVerifier({ trust, verifiers }).verify(evidence, {
      ...{ now, expected, endorsements: collateral },
      policy: policyOf(policy),
    });
}
