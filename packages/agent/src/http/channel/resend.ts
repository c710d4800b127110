/**
 * A request that is sent again (spec/channel.md §6). A client whose request was refused in clear cannot know whether that refusal was the
 * enclave's word, or whether somebody in between let the request through as well. It says inside the channel which request it repeats;
 * the enclave answers only when the first one was not accepted, and from then on refuses that one.
 */

import { RESEND_HEADER } from '@assay/channel';
import type { ChannelKeys } from '../../identity/channel-keys.ts';
import { claimRefusal, problem } from './refusals.ts';

const MOST_NAMED = 8;

/** A refusal to answer twice, to be sealed like any answer; `null` when the request may be answered. */
export function resendRefusal(value: string | null, keys: ChannelKeys): Response | null {
  if (value === null) return null;
  const named = value.split(', ').map((each) => /^(sha256:[0-9a-f]{64});([0-9a-f]{64})$/.exec(each));
  if (named.length > MOST_NAMED) return unsettled();
  for (const match of named) {
    const [, keysetDigest = '', id = ''] = match ?? [];
    const standing = match === null ? 'unknown' : keys.settle(keysetDigest, id);
    if (standing === 'unknown') return unsettled();
    const refused = claimRefusal(standing);
    if (refused !== null) return refused;
  }
  return null;
}

function unsettled(): Response {
  return problem(
    409,
    'channel/resend-unsettled',
    `expected ${RESEND_HEADER} to name up to ${MOST_NAMED} requests to keysets of this boot; ask again only if that does no harm`,
  );
}
