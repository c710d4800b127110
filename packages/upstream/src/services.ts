/** The attested services that are known, by name; a new one is a line here, a new kind is a folder too. */

import { enclave } from './enclave/session.ts';
import type { ServiceKind } from './session.ts';
import { signingProxy } from './signing-proxy/session.ts';

export const SERVICE_KINDS: readonly ServiceKind[] = [
  // RedPill's gateway shows nodes behind it, whose TLS keys are those of other addresses.
  signingProxy({ name: 'redpill', domains: ['redpill.ai'], tlsKey: 'on-demand' }),
  signingProxy({ name: 'near-ai', domains: ['near.ai'], tlsKey: 'always' }),
  signingProxy({ name: 'dstack-vllm', domains: [], tlsKey: 'always' }),
  enclave({ name: 'tinfoil', domains: ['tinfoil.sh'] }),
];

/**
 * The kind of service at `url`, by its domain; `null` for an unknown one.
 * @example serviceAt(new URL('https://api.redpill.ai/v1'))
 */
export function serviceAt({ hostname }: URL): ServiceKind | null {
  const at = (domain: string): boolean => hostname === domain || hostname.endsWith(`.${domain}`);
  return SERVICE_KINDS.find(({ domains }) => domains.some(at)) ?? null;
}

/**
 * @throws {RangeError} for a name that is not listed.
 * @example const sessions = new AttestedSessions(serviceKind('redpill'), service)
 */
export function serviceKind(name: string): ServiceKind {
  const found = SERVICE_KINDS.find((kind) => kind.name === name);
  if (found === undefined)
    throw new RangeError(
      `expected one of ${SERVICE_KINDS.map((kind) => kind.name).join(', ')}, got ${name}; name one of these`,
    );
  return found;
}
