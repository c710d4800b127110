/** How the way to a service is bound to its TEE, as checks and limits of the verdict: a binding that was not made reads `not-checked`. */

import type { Check } from '@assay/attestation';
import { ClientError } from '../errors.ts';
import type { Verdict } from '../judgement/verdict.ts';
import type { ChannelDemand } from './upstream.ts';

export interface ChannelStanding {
  /** Hex SHA-256 of the TLS key that every connection with a prompt must show; `null` when none is pinned. */
  readonly pin: string | null;
  /** Hex of the key that prompts are encrypted to; `null` when they are not. */
  readonly sealedTo: string | null;
  /** Why no TLS key is pinned, for people. */
  readonly unpinned: string;
}

const OPEN_CONNECTION =
  'That nobody reads prompts on the way: the report vouches for the key that signs answers, not for the connection.';

/** @throws {ClientError} `client/channel-unbound` when the demand is not met; nothing was sent then. */
export function requireChannel(demand: ChannelDemand, { pin, sealedTo, unpinned }: ChannelStanding, origin: string): void {
  const met = { any: true, bound: pin !== null || sealedTo !== null, sealed: sealedTo !== null }[demand];
  if (met) return;
  const lack = demand === 'sealed' ? 'its report shows no key to encrypt prompts to' : unpinned;
  throw new ClientError(
    'client/channel-unbound',
    `expected a ${demand} channel to ${origin}: ${lack}. No prompt was sent to it.`,
  );
}

/** The verdict with what is enforced on the way. */
export function withChannel(verdict: Verdict, standing: ChannelStanding): Verdict {
  const { pin, sealedTo, unpinned } = standing;
  const bound = pin !== null || sealedTo !== null;
  return {
    ...verdict,
    checks: [...verdict.checks, enforced('channel.tls-key', pin, 'RFC 7469', unpinned), sealedCheck(sealedTo)],
    limits: [...verdict.limits, ...(bound ? [] : [OPEN_CONNECTION])],
  };
}

function sealedCheck(sealedTo: string | null): Check {
  return enforced('channel.sealed', sealedTo, 'docs/settings.md', 'prompts are not encrypted beyond TLS');
}

function enforced(id: string, key: string | null, spec: string, why: string): Check {
  return key === null
    ? { id, outcome: 'not-checked', expected: null, actual: why, spec }
    : { id, outcome: 'pass', expected: key, actual: key, spec };
}
