/**
 * The answer of an appraisal (RATS: Attestation Result): every question that was put to authentic evidence, and one outcome.
 */

import type { Check } from './check.ts';

export interface Appraisal {
  /** `refused` when any check failed; `accepted` says only what `scope` says. */
  readonly outcome: 'accepted' | 'refused';
  /** Verification steps and policy questions of the whole and of its parts; ids of parts begin with `<part>/`. */
  readonly checks: readonly Check[];
  /** What a careful reader should know although nothing failed. One sentence each. */
  readonly warnings: readonly string[];
  /** What was appraised, and when. */
  readonly subject: string;
  /** One sentence, computed from the checks: which failed, and what the outcome covers. */
  readonly scope: string;
  /** What the outcome does not prove. One sentence each. */
  readonly limits: readonly string[];
  /** Evidence under a simulator's root: proves nothing about hardware. */
  readonly simulated: boolean;
  /** Name of the policy that was applied. */
  readonly policy: string;
}
