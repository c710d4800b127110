/**
 * Which node of a policy is a second one (spec/operator.md §10). Hosts and ports are compared, for what stands behind them is one operator's; two host
 * names of one node are not found.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';

const PLAIN_PORTS: readonly string[] = ['', '80', '443'];
const MAPPED = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/;

/**
 * Whether two addresses are one node: the same host and port, however they are spelled. Scheme, path, query and credentials make no other node, the ports of
 * http and https are one, and so are the names of this machine.
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

/**
 * This machine under each of its names: `localhost` and below it (RFC 6761 §6.3), the names that hosts files give it, 127.0.0.0/8,
 * `::1`, and the unspecified addresses, to which a connection reaches this machine.
 */
const LOOPBACK =
  /^(?:(?:.*\.)?localhost|localhost\.localdomain|ip6-(?:localhost|loopback)|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])$/;

/** The host, all names of this machine being one. */
function hostOf(hostname: string): string {
  const host = addressOf(hostname);
  return LOOPBACK.test(host) ? 'localhost' : host;
}

/** An IPv4 address as its IPv6 form names it is that address (RFC 4291 §2.5.5.2). */
function addressOf(hostname: string): string {
  const mapped = MAPPED.exec(hostname);
  if (mapped === null) return withoutTrailing(hostname, '.');
  const [, high = '', low = ''] = mapped;
  const value = Number.parseInt(high, 16) * 0x1_0000 + Number.parseInt(low, 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}
