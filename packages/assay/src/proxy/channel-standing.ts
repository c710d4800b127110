/** How the way to a service is bound to its TEE, as checks of the verdict: a binding that was not made reads `not-checked`. */

import type { Check } from '@assay/attestation';
import type { Channel } from '@assay/upstream';
import type { Verdict } from '../verification/verdict.ts';

/** The verdict with what is enforced on the way. */
export function withChannel(verdict: Verdict, { tlsKey, sealedTo, unpinned }: Channel): Verdict {
  const sealed = sealedTo?.publicKey ?? null;
  return {
    ...verdict,
    checks: [
      ...verdict.checks,
      enforced('channel.tls-key', tlsKey, 'RFC 7469', unpinned ?? 'no TLS key is pinned'),
      enforced('channel.sealed', sealed, 'docs/settings.md', 'prompts are not encrypted beyond TLS'),
    ],
  };
}

function enforced(id: string, key: string | null, spec: string, why: string): Check {
  return key === null
    ? { id, outcome: 'not-checked', expected: null, actual: why, spec }
    : { id, outcome: 'pass', expected: key, actual: key, spec };
}
