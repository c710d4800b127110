/**
 * Which node of a policy is a second one (spec/operator.md §10). Addresses are compared, not machines: two host names of one node are not found.
 */

import { withoutTrailing } from '@assay/encoding/text-ends';

/**
 * Whether two addresses are one node: the same host, port, path and query, however they are spelled. The scheme and credentials make no other node.
 * @example isOneNode('https://rpc.example', 'https://RPC.example:443/') // true
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
  const { hostname, port, pathname, search } = new URL(address);
  return `${withoutTrailing(hostname, '.')}:${port}${withoutTrailing(pathname, '/')}${search}`;
}
