/**
 * A request that is sent again (spec/channel.md §6). A client whose request was refused in clear cannot know whether that refusal was the
 * enclave's word, or whether somebody in between let the request through as well. It says inside the channel which request it repeats;
 * the enclave answers only when the first one was not accepted, and from then on refuses that one.
 */

import { RESEND_HEADER } from '@assay/channel';
import { problemMembers } from '../../error-status.ts';
import type { ChannelKeys } from './channel-keys.ts';

/** A refusal to answer twice, to be sealed like any answer; `null` when the request may be answered. */
export function resendRefusal(value: string | null, keys: ChannelKeys): Response | null {
  if (value === null) return null;
  const [, keysetDigest = '', id = ''] = /^(sha256:[0-9a-f]{64});([0-9a-f]{64})$/.exec(value) ?? [];
  const standing = keysetDigest === '' ? 'unknown' : keys.settle(keysetDigest, id);
  if (standing === 'fresh') return null;
  if (standing === 'exhausted')
    return problem(503, 'channel/key-exhausted', 'the channel key took all requests it may take; try again in a moment');
  return standing === 'replayed'
    ? problem(409, 'channel/replayed', 'this request was answered before; look for its receipt')
    : problem(409, 'channel/resend-unsettled', `expected ${RESEND_HEADER} to name a request to a keyset of this boot`);
}

function problem(status: number, code: string, detail: string): Response {
  return new Response(JSON.stringify(problemMembers(code, detail, status)), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  });
}
