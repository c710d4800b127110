/** Which kinds of upstream a verifying proxy knows: attested services, which `@assay/upstream` lists, and agents. */

import { SERVICE_KINDS } from '@assay/upstream';
import { openAciUpstream } from './aci-upstream.ts';
import { openServiceUpstream } from './service-upstream.ts';
import type { UpstreamOptions, VerifiedUpstream } from './upstream.ts';

export interface UpstreamKind {
  readonly name: string;
  /** Recognises the address; the first kind that does is used when none is named. */
  readonly matches: (url: URL) => boolean;
  readonly open: (url: URL, options: UpstreamOptions) => Promise<VerifiedUpstream>;
}

export const UPSTREAM_KINDS: readonly UpstreamKind[] = [
  ...SERVICE_KINDS.map((kind) => ({
    name: kind.name,
    matches: kind.matches,
    open: (url: URL, options: UpstreamOptions) => openServiceUpstream(url, options, kind),
  })),
  { name: 'aci', matches: () => true, open: openAciUpstream },
];

/**
 * Verifies the upstream at `url`.
 * @param kind one of {@link UPSTREAM_KINDS}; recognised by address when left out.
 * @throws {ClientError} when it is not authentic, or not what the policy wants; {UpstreamError} when it gives no usable evidence.
 */
export async function openUpstream(url: URL, options: UpstreamOptions, kind?: string): Promise<VerifiedUpstream> {
  const found = UPSTREAM_KINDS.find(({ name, matches }) => (kind === undefined ? matches(url) : name === kind));
  if (found === undefined)
    throw new RangeError(`expected one of ${UPSTREAM_KINDS.map(({ name }) => name).join(', ')}, got ${kind}`);
  return found.open(url, options);
}
