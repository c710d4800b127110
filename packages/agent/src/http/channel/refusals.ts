/**
 * What the encrypted channel answers, as problem documents (RFC 9457), to requests that it does not take. Most go out in clear: they
 * never say which cryptographic step failed.
 */

import { ChannelError } from '@assay/channel';
import { problemMembers } from '../../error-status.ts';
import type { Claim } from '../../identity/channel-keys.ts';
import { retryAfterHeader, retryAfterOf } from '../../retry-after.ts';

/** @param type of the problem, where a protocol names one; default: the code's own URN. */
export function problem(status: number, code: string, detail: string, type?: string): Response {
  const members = { ...problemMembers(code, detail, status), success: false, error: detail };
  return new Response(JSON.stringify(type === undefined ? members : { ...members, type }), {
    status,
    headers: { 'content-type': 'application/problem+json', ...retryAfterHeader(retryAfterOf({ code })) },
  });
}

/** The answer to a request whose encapsulated key was not accepted; `null` for one that was. */
export function claimRefusal(claim: Claim): Response | null {
  switch (claim) {
    case 'fresh':
      return null;
    case 'replayed':
      return problem(409, 'channel/replayed', 'this request was answered before; look for its receipt, or make a new one');
    case 'exhausted':
      return problem(
        503,
        'channel/key-exhausted',
        'the channel key took all requests it may take; verify the attestation again in a moment',
      );
  }
}

/**
 * The answer to a request that cannot be opened.
 * @param expected what the protocol wants, for errors that carry no words of their own.
 * @param keyProblem the protocol's type for a key that is not in use.
 */
export function openingRefusal(error: unknown, expected: string, keyProblem: string): Response {
  if (!ChannelError.is(error)) return problem(400, 'channel/message-malformed', `expected ${expected}, got something else`);
  // Key ids begin again with every boot: what does not decrypt is most often sealed to a key from before a restart.
  if (error.code === 'channel/decryption-failed' || error.code === 'channel/key-unknown')
    return problem(422, 'channel/key-unknown', 'this key is not in use; fetch and verify the attestation again', keyProblem);
  return problem(error.code === 'channel/oversize' ? 413 : 400, error.code, error.message);
}
