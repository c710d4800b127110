/**
 * What the verify view shows. The verdict comes from the same library that the command line uses, run in this browser on the raw
 * bytes; the agent that served this page has no say in it.
 */

import type { Check, CheckOutcome } from '@assay/attestation';

export type Outcome = 'accepted' | 'refused' | 'malformed' | 'not-authentic' | 'unavailable';

export interface Verification {
  readonly outcome: Outcome;
  /** What the file turned out to be: `bundle`, `receipt`, `nitro`, `tdx`, … or `null`. */
  readonly type: string | null;
  readonly headline: string;
  /** What the verdict covers, and at which time. */
  readonly scope: string;
  readonly simulated: boolean;
  readonly checks: readonly Check[];
  readonly error: { readonly code: string; readonly kind: string; readonly message: string } | null;
  readonly notProven: readonly string[];
}

export type Tone = 'pass' | 'fail' | 'open';

export const CHECK_MARKS: Readonly<
  Record<CheckOutcome, { readonly mark: string; readonly tone: Tone; readonly word: string }>
> = {
  pass: { mark: '✓', tone: 'pass', word: 'pass' },
  fail: { mark: '✗', tone: 'fail', word: 'fail' },
  'not-checked': { mark: '○', tone: 'open', word: 'not checked' },
};

/** Green only for accepted, genuine evidence. A simulated TEE is never green. */
export function outcomeTone(verification: Verification): Tone {
  if (verification.outcome === 'unavailable') return 'open';
  if (verification.outcome !== 'accepted') return 'fail';
  return verification.simulated ? 'open' : 'pass';
}
