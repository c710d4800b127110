/**
 * Which node of a policy is a second one (spec/operator.md §10). Hosts and ports are compared, for what stands behind them is one operator's; two host
 * names of one node are not found.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';

const PLAIN_PORTS: readonly string[] = ['', '80', '443'];
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * Whether two addresses are one node: the same host and port, however they are spelled. Scheme, path, query and credentials make no other node, and the
 * ports of http and https are one.
 * @example isOneNode('https://rpc.example/one', 'http://RPC.example:443/two') // true
 */
export function isOneNode(one: string, other: string): boolean {
  return nodeOf(one) === nodeOf(other);
}

/**
 * The address of the node that confirms what the node at `rpcUrl` says; `null`: there is none, or it is that node itself.
 * @example secondNodeOf({ confirming_rpc_url: 'https://b.example' }, 'https://a.example') // 'https://b.example'
 */
export function secondNodeOf(
  chain: { readonly confirming_rpc_url?: string | undefined } | undefined,
  rpcUrl: string,
): string | null {
  const second = chain?.confirming_rpc_url;
  return second === undefined || isOneNode(second, rpcUrl) ? null : second;
}

function nodeOf(address: string): string {
  if (!URL.canParse(address)) return address;
  const { hostname, port } = new URL(address);
  return `${hostOf(hostname)}:${PLAIN_PORTS.includes(port) ? '' : port}`;
}

/** An IPv4 address as its IPv6 form names it is that address (RFC 4291 §2.5.5.2). */
function hostOf(hostname: string): string {
  const mapped = MAPPED.exec(hostname);
  if (mapped === null) return withoutTrailing(hostname, '.');
  const [, high = '', low = ''] = mapped;
  const value = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}
