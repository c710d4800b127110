/**
 * Builds the execution claim of one run and its digest. Format: spec/execution-claim.md.
 *
 * Not decided here: whether the run can be reproduced by anyone in particular; only what the facts allow to promise.
 */

import { createHash } from 'node:crypto';
import { canonicalJson } from '@assay/encoding/json';
import type { ExecutionClaim, Reproducibility } from '@assay/receipt';
import { byPath } from './files.ts';
import { transcriptDigest } from './network/transcript.ts';
import type { NetworkPolicy, NetworkTranscript } from './port.ts';

/** What a lane knows when a run is over. */
export interface ClaimFacts extends Omit<ExecutionClaim, 'v' | 'codeSha256' | 'network' | 'reproducibility'> {
  /** UTF-8 source that ran. */
  readonly code: string;
  /** The job's policy; `undefined` or an empty list is `off`. */
  readonly networkPolicy: NetworkPolicy | undefined;
  readonly transcript: NetworkTranscript;
}

/**
 * The claim and `sha256(JCS(claim))`, lower-case hex.
 *
 * @example
 * const { claim, claimDigest } = buildClaim({ ...facts, code: 'print(6 * 7)', networkPolicy: undefined, transcript: [] });
 */
export function buildClaim(facts: ClaimFacts): { readonly claim: ExecutionClaim; readonly claimDigest: string } {
  const { code, networkPolicy, transcript, inputs, outputs, ...rest } = facts;
  const claim: ExecutionClaim = {
    ...rest,
    v: 1,
    codeSha256: createHash('sha256').update(code, 'utf8').digest('hex'),
    inputs: [...inputs].sort(byPath),
    outputs: [...outputs].sort(byPath),
    network: networkAllowed(networkPolicy)
      ? { mode: 'record', transcriptSha256: transcriptDigest(transcript) }
      : { mode: 'off' },
    reproducibility: reproducibility(facts),
  };
  return { claim, claimDigest: digestClaim(claim) };
}

/** `sha256(JCS(claim))`, lower-case hex. */
export function digestClaim(claim: ExecutionClaim): string {
  return createHash('sha256').update(canonicalJson(claim)).digest('hex');
}

/** `sha256(JCS(environment))`, lower-case hex. */
export function digestEnvironment(environment: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(canonicalJson(environment)).digest('hex');
}

/** True when the code may reach any host, or is served recorded exchanges. */
export function networkAllowed(policy: NetworkPolicy | undefined): boolean {
  return policy !== undefined && (policy.allow.length > 0 || policy.replay !== undefined);
}

/**
 * `bit-exact`: wasm with frozen clock and seeded entropy. `cpu-dependent`: native code, whose floating point may differ by
 * CPU. `none`: host clock or entropy, or an end that depends on how fast the machine was.
 */
function reproducibility(facts: ClaimFacts): Reproducibility {
  if (facts.status !== 'ok' && facts.status !== 'error' && facts.status !== 'output-limit' && facts.status !== 'disk-limit')
    return 'none';
  if (facts.lane !== 'wasm') return 'cpu-dependent';
  return facts.clock.mode === 'frozen' && facts.entropy === 'seeded' ? 'bit-exact' : 'none';
}
