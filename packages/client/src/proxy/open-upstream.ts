/** Which kinds of upstream a verifying proxy knows; a new one is one file and one line here. */

import type { ConnectOptions } from '../connection/connect.ts';
import { openAciUpstream } from './aci-upstream.ts';
import type { VerifiedUpstream } from './upstream.ts';

export interface UpstreamKind {
  readonly name: string;
  /** Recognises the address; the first kind that does is used when none is named. */
  readonly matches: (url: URL) => boolean;
  readonly open: (url: URL, options: ConnectOptions) => Promise<VerifiedUpstream>;
}

export const UPSTREAM_KINDS: readonly UpstreamKind[] = [{ name: 'aci', matches: () => true, open: openAciUpstream }];

/**
 * Verifies the upstream at `url`.
 * @param kind one of {@link UPSTREAM_KINDS}; recognised by address when left out.
 * @throws {ClientError} when it is not authentic, or not what the policy wants.
 */
export async function openUpstream(url: URL, options: ConnectOptions, kind?: string): Promise<VerifiedUpstream> {
  const found = UPSTREAM_KINDS.find(({ name, matches }) => (kind === undefined ? matches(url) : name === kind));
  if (found === undefined)
    throw new RangeError(`expected one of ${UPSTREAM_KINDS.map(({ name }) => name).join(', ')}, got ${kind}`);
  return found.open(url, options);
}
