/** What a relying party brings to a verification, and the same resolved once: presets by name, roots as anchors, the clock read. */

import {
  DEFAULT_POLICY,
  type Endorsements,
  type Expected,
  POLICY_PRESETS,
  type Policy,
  type PolicyPreset,
  policyUnder,
  type ResolvedTrust,
  resolveTrust,
  type Trust,
} from '@assay/attestation';
import { ClientError } from '../errors.ts';

/** Options of `verify` and of the verifiers of single kinds of files. */
export interface VerifyOptions {
  /** Epoch milliseconds at which the subject must be valid; the platform's clock by default. */
  readonly now?: number | undefined;
  /** A policy, or a preset's name. By default: strict about debugging and firmware, silent about measurements and age. */
  readonly policy?: Policy | PolicyPreset | undefined;
  /** Roots in addition to the vendors' pinned ones, as PEM, DER or SubjectPublicKeyInfo. A simulator named here is accepted, but not by `strict`. */
  readonly trust?: Trust | undefined;
  /** `fetch`: what is missing comes from the vendors' services. Otherwise the companions at hand, in any order. */
  readonly collateral?: 'fetch' | Endorsements | undefined;
  /** What this caller expects of the subject, such as the nonce that was sent. */
  readonly expected?: Expected | undefined;
  /** vkeys of log witnesses that the caller trusts (C2SP). */
  readonly witnesses?: readonly string[] | undefined;
  /** The code that a result file should be about, exact bytes. */
  readonly code?: Uint8Array | undefined;
}

/** {@link VerifyOptions} after everything in them was read. */
export interface ResolvedOptions {
  readonly now: number;
  /** With the named simulator accepted. */
  readonly policy: Policy;
  readonly trust: ResolvedTrust;
  readonly endorsements: Endorsements;
  readonly expected: Expected;
  readonly witnesses: readonly string[];
  readonly code: Uint8Array | null;
}

/**
 * @throws {AttestationError} `trust/not-a-root`, `trust/several-roots`; {ClientError} `client/unknown-preset`.
 * @example resolveOptions({ policy: 'moderate', trust: { simulatedRoot: pem } }).policy.simulatedRoots // one digest
 */
export function resolveOptions(options: VerifyOptions = {}): ResolvedOptions {
  const { now = Date.now(), collateral = [], expected = {}, witnesses = [], code = null } = options;
  const trust = resolveTrust(options.trust);
  const policy = policyUnder(policyOf(options.policy), trust);
  return { now, policy, trust, endorsements: collateral === 'fetch' ? [] : collateral, expected, witnesses, code };
}

/**
 * A policy as it is, or the preset of that name; the default policy for neither.
 * @throws {ClientError} `client/unknown-preset`.
 */
export function policyOf(policy: Policy | PolicyPreset | undefined): Policy {
  if (policy === undefined) return DEFAULT_POLICY;
  if (typeof policy !== 'string') return policy;
  if (Object.hasOwn(POLICY_PRESETS, policy)) return POLICY_PRESETS[policy];
  throw new ClientError(
    'client/unknown-preset',
    `policy: expected ${Object.keys(POLICY_PRESETS).join(', ')} or a policy, got ${JSON.stringify(String(policy).slice(0, 40))}; parse a policy file first`,
  );
}

/** The options without a nonce to compare: where it stands in a place of its own, which is compared there. */
export function withoutNonce(options: ResolvedOptions): ResolvedOptions {
  const { nonce: _, ...expected } = options.expected;
  return { ...options, expected };
}
