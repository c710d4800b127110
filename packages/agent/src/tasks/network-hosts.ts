/**
 * Which hosts the code of one request may reach. The operator's rule comes first: `none` closes the network, a list opens these
 * hosts and no others, and `requested` lets a request name public hosts itself. Requests that start work come from this machine
 * or carry the API key (http/authority.ts), so naming a host is the person's own word, not the model's.
 *
 * Addresses that a public name resolves to are checked by the sandbox's own host, which refuses private ones.
 */

import { isIPv4, isIPv6 } from 'node:net';

/** `requested`: hosts a request names itself, public addresses only; `listed`: these and no others; `none`: no network at all. */
export type HostRule =
  | { readonly mode: 'requested' | 'listed'; readonly hosts: readonly string[] }
  | { readonly mode: 'none'; readonly hosts: readonly string[] };

export interface HostPermit {
  readonly allowed: readonly string[];
  /** Wanted and not allowed, with the reason. */
  readonly refused: readonly { readonly host: string; readonly reason: string }[];
}

/** Applies the operator's rule to `host:port` entries. */
export function permitHosts(rule: HostRule, wanted: readonly string[]): HostPermit {
  const allowed: string[] = [];
  const refused: { host: string; reason: string }[] = [];
  for (const host of new Set(wanted.map((entry) => entry.toLowerCase()))) {
    if (rule.mode !== 'none' && rule.hosts.includes(host)) allowed.push(host);
    else if (rule.mode === 'none') refused.push({ host, reason: 'the operator closed the network (ASSAY_SANDBOX_ALLOW=none)' });
    else if (rule.mode === 'listed') refused.push({ host, reason: 'the operator has not listed it in ASSAY_SANDBOX_ALLOW' });
    else if (!isPublicName(host))
      refused.push({ host, reason: 'it is not a public host; the operator can list it in ASSAY_SANDBOX_ALLOW' });
    else allowed.push(host);
  }
  return { allowed, refused };
}

/** `host:port` of an `http:` or `https:` URL, `null` for anything else. */
export function hostOfUrl(text: unknown): string | null {
  if (typeof text !== 'string' || !URL.canParse(text)) return null;
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  return `${url.hostname}:${url.port || (url.protocol === 'https:' ? '443' : '80')}`.toLowerCase();
}

/** The hosts named by the `rpc` and `rpc_url` members of a context. */
export function hostsOfContext(context: Readonly<Record<string, unknown>> | null): readonly string[] {
  return [context?.rpc, context?.rpc_url].flatMap((value) => hostOfUrl(value) ?? []);
}

const PRIVATE_SUFFIX = /(?:^|\.)(?:localhost|local|internal|intranet|lan|home|corp|home\.arpa|test|invalid|onion)$/;

function isPublicName(hostAndPort: string): boolean {
  const host = hostAndPort.replace(/:[0-9]+$/, '').replace(/\.$/, '');
  if (host.startsWith('[') || isIPv4(host) || isIPv6(host)) return false; // an address as such says nothing about who it is
  return host.includes('.') && !PRIVATE_SUFFIX.test(host) && !/^[0-9.]+$/.test(host);
}
