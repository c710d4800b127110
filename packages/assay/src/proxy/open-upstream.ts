/** Which kinds of upstream a verifying proxy knows: attested services, which `@assay/upstream` lists, and `aci/1` agents. */

import { SERVICE_KINDS, serviceAt } from '@assay/upstream';
import { openAciUpstream } from './aci-upstream.ts';
import { openServiceUpstream } from './service-upstream.ts';
import type { UpstreamOptions, VerifiedUpstream } from './upstream.ts';

const AGENT = 'aci';

/** Names that {@link openUpstream} takes. */
export const UPSTREAM_KINDS: readonly string[] = [...SERVICE_KINDS.map(({ name }) => name), AGENT];

/**
 * Verifies the upstream at `url`.
 * @param name one of {@link UPSTREAM_KINDS}; recognised by address when left out.
 * @throws {ClientError} when it is not authentic, or not what the policy wants; {UpstreamError} when it gives no usable evidence.
 * @example const upstream = await openUpstream(new URL('https://agent.example'), { policy: 'strict' });
 */
export async function openUpstream(url: URL, options: UpstreamOptions, name?: string): Promise<VerifiedUpstream> {
  if (name !== undefined && !UPSTREAM_KINDS.includes(name))
    throw new RangeError(`expected one of ${UPSTREAM_KINDS.join(', ')}, got ${name}; leave it out to have it recognised`);
  const kind = name === undefined ? serviceAt(url) : (SERVICE_KINDS.find((each) => each.name === name) ?? null);
  return kind === null ? openAciUpstream(url, options) : openServiceUpstream(url, options, kind);
}
