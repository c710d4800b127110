/**
 * What kind of address a name resolved to. Code in a sandbox must not reach the host's own services, its private network or a
 * cloud's metadata service through the host (server-side request forgery).
 */

import { BlockList, isIP } from 'node:net';

/** `never`: link-local (cloud metadata lives there), unspecified, multicast, reserved. `internal`: loopback and private networks. */
export type AddressKind = 'public' | 'internal' | 'never';

const NEVER = blockList([
  '0.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '192.0.0.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::/32',
]);
const INTERNAL = blockList([
  '127.0.0.0/8',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '::1/128',
  'fc00::/7',
  'fec0::/10',
  '2001:db8::/32',
]);

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', prefix = ''] = network.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/**
 * Kind of an IP literal. IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as the IPv4 address it carries; anything that is no
 * address is `never`.
 *
 * @example
 * addressKind('169.254.169.254'); // 'never'
 */
export function addressKind(address: string): AddressKind {
  const family = isIP(address);
  if (family === 0) return 'never';
  const inner = family === 6 ? carriedIpv4(address) : null;
  if (inner !== null) return addressKind(inner);
  const type = family === 6 ? 'ipv6' : 'ipv4';
  if (NEVER.check(address, type)) return 'never';
  return INTERNAL.check(address, type) ? 'internal' : 'public';
}

/** The IPv4 address inside `::ffff:0:0/96`, `::/96`, `64:ff9b::/96` and `2002::/16`, or `null`. */
function carriedIpv4(address: string): string | null {
  const words = expand(address);
  if (words === null) return null;
  const tail = (high: number | undefined, low: number | undefined): string =>
    [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join('.');
  const zeros = (from: number, to: number): boolean => words.slice(from, to).every((word) => word === 0);
  if (zeros(0, 5) && words[5] === 0xffff) return tail(words[6], words[7]);
  if (zeros(0, 6) && (words[6] !== 0 || (words[7] ?? 0) > 1)) return tail(words[6], words[7]);
  if (words[0] === 0x64 && words[1] === 0xff9b && zeros(2, 6)) return tail(words[6], words[7]);
  if (words[0] === 0x2002) return tail(words[1], words[2]);
  return null;
}

/** The eight 16-bit words of an IPv6 literal. */
function expand(address: string): readonly number[] | null {
  const [plain = ''] = address.split('%');
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : plain;
  const [before = '', after] = text.split('::');
  const words = (part: string): number[] => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16)));
  const head = words(before);
  const rear = after === undefined ? [] : words(after);
  const missing = 8 - head.length - rear.length;
  if (missing < 0 || (after === undefined && missing !== 0)) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...rear];
}
