/** Which kinds of upstream a verifying proxy knows; a new one is one file and one line here. */

import { openAciUpstream } from './aci-upstream.ts';
import { openEnclaveUpstream } from './enclave-upstream.ts';
import { openSigningUpstream } from './signing-upstream.ts';
import type { UpstreamOptions, VerifiedUpstream } from './upstream.ts';

export interface UpstreamKind {
  readonly name: string;
  /** Recognises the address; the first kind that does is used when none is named. */
  readonly matches: (url: URL) => boolean;
  readonly open: (url: URL, options: UpstreamOptions) => Promise<VerifiedUpstream>;
}

const below = (...domains: readonly string[]) => {
  return ({ hostname }: URL): boolean => domains.some((domain) => hostname === domain || hostname.endsWith(`.${domain}`));
};
const signing = (name: string, matches: (url: URL) => boolean): UpstreamKind => ({
  name,
  matches,
  open: (url, options) => openSigningUpstream(url, options, name),
});

export const UPSTREAM_KINDS: readonly UpstreamKind[] = [
  signing('redpill', below('redpill.ai')),
  signing('near-ai', below('near.ai')),
  signing('dstack-vllm', () => false),
  { name: 'tinfoil', matches: below('tinfoil.sh'), open: (url, options) => openEnclaveUpstream(url, options, 'tinfoil') },
  { name: 'aci', matches: () => true, open: openAciUpstream },
];

/**
 * Verifies the upstream at `url`.
 * @param kind one of {@link UPSTREAM_KINDS}; recognised by address when left out.
 * @throws {ClientError} when it is not authentic, or not what the policy wants.
 */
export async function openUpstream(url: URL, options: UpstreamOptions, kind?: string): Promise<VerifiedUpstream> {
  const found = UPSTREAM_KINDS.find(({ name, matches }) => (kind === undefined ? matches(url) : name === kind));
  if (found === undefined)
    throw new RangeError(`expected one of ${UPSTREAM_KINDS.map(({ name }) => name).join(', ')}, got ${kind}`);
  return found.open(url, options);
}
