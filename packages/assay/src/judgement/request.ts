/** What a relying party brings to a judgement. */

import type { Endorsements, Expected, Policy, TrustAnchor } from '@assay/attestation';

export interface JudgeRequest {
  /** The instant of the judgement, epoch milliseconds. */
  readonly now: number;
  /** Default policy when left out. */
  readonly policy?: Policy;
  readonly expected?: Expected;
  /** Companions, in any order. */
  readonly endorsements?: Endorsements;
  /** Roots besides the pinned ones; a simulator's must also be named by the policy. */
  readonly additionalAnchors?: readonly TrustAnchor[];
  /** vkeys of log witnesses the caller trusts. */
  readonly trustedWitnesses?: readonly string[];
  /** The code that a result file should be about, exact bytes. */
  readonly code?: Uint8Array;
}
