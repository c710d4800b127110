/** What every upstream with evidence of its own is verified by, and the errors that come of it under codes of this package. */

import { AttestationError } from '@assay/attestation';
import { isLoopbackName } from '@assay/channel';
import { withoutTrailing } from '@assay/encoding/text-ends';
import { type AttestedService, UpstreamError } from '@assay/upstream';
import { trustOf } from '../connection/attestation.ts';
import { ClientError } from '../errors.ts';
import type { Verdict } from '../judgement/verdict.ts';
import type { UpstreamOptions } from './upstream.ts';

/** The service at `url` as the options want it verified. @throws {ClientError} `client/channel-unbound` for a key over plain HTTP. */
export async function serviceOf(url: URL, options: UpstreamOptions): Promise<AttestedService> {
  const { policy, anchors } = await trustOf(options);
  const { apiKey = null } = options;
  if (apiKey !== null && url.protocol !== 'https:' && !isLoopbackName(url.hostname.replace(/^\[|\]$/g, '')))
    throw new ClientError(
      'client/channel-unbound',
      `expected https to send a key to ${url.host}, got ${url.protocol.slice(0, -1)}; this kind of service takes it beside the sealed prompt`,
    );
  return {
    base: `${url.origin}${withoutTrailing(url.pathname, '/').replace(/\/v1$/, '')}`,
    apiKey,
    keyBeforeVerdict: options.keyBeforeVerdict,
    fetch: options.dialer?.open ?? options.fetch ?? ((input, init) => fetch(input, init)),
    now: options.now ?? Date.now,
    policy,
    additionalAnchors: anchors,
    endorsements: options.endorsements ?? [],
    collateral: options.collateral ?? {},
  };
}

/** The refusal that a verdict other than `accepted` means. */
export function refusedBy(verdict: Verdict, who: string): ClientError {
  const failed = verdict.checks.find(({ outcome }) => outcome === 'fail');
  const reason = verdict.error?.message ?? `${failed?.id}: expected ${failed?.expected}, got ${failed?.actual}`;
  return new ClientError('client/attestation-refused', `${who} is ${verdict.outcome}: ${reason}. No prompt was sent to it.`, {
    details: { verdict },
  });
}

/** Errors of the evidence under a code of this package; what cannot be reached keeps its meaning. */
export async function coded<Value>(
  code: 'client/attestation-refused' | 'client/not-sealable' | 'client/proof-refused',
  work: () => Promise<Value>,
): Promise<Value> {
  try {
    return await work();
  } catch (cause) {
    if (!UpstreamError.is(cause) && !AttestationError.is(cause)) throw cause;
    const away = cause.code === 'service/unreachable' || (cause.code === 'service/refused' && code !== 'client/proof-refused');
    throw new ClientError(away ? 'client/agent-unreachable' : code, `${cause.code}: ${cause.message}`, {
      cause,
      details: { code: cause.code },
    });
  }
}
