/**
 * IANA's special-purpose address registries, IPv4 and IPv6 (RFC 6890, RFC 8190; state of 2025-10-09), with the neighbours that they
 * leave to other registries (multicast, deprecated site-local addresses) and the addresses where clouds serve metadata.
 *
 * `internal`: somebody's own network, so a person may mean it and must write it out. `never`: no host that a program may be sent to.
 * Prefixes that IANA calls globally reachable (AS112, AMT, anycast relays) stand here too: what answers there is infrastructure.
 */

/** Prefix, what it is, where that is written, and how it is treated. */
export type SpecialPrefix = readonly [prefix: string, name: string, source: string, kind: 'internal' | 'never'];

/** The longest prefix that holds an address decides. */
export const SPECIAL_PREFIXES: readonly SpecialPrefix[] = [
  ['0.0.0.0/8', 'this network', 'RFC 791', 'never'],
  ['10.0.0.0/8', 'private use', 'RFC 1918', 'internal'],
  ['100.64.0.0/10', 'shared address space', 'RFC 6598', 'internal'],
  ['100.100.100.200/32', 'metadata of Alibaba Cloud', 'vendor', 'never'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122', 'internal'],
  ['168.63.129.16/32', 'wire server of Azure', 'vendor', 'never'],
  ['169.254.0.0/16', 'link-local, metadata of most clouds', 'RFC 3927', 'never'],
  ['172.16.0.0/12', 'private use', 'RFC 1918', 'internal'],
  ['192.0.0.0/24', 'IETF protocol assignments, metadata of Oracle Cloud', 'RFC 6890', 'never'],
  ['192.0.2.0/24', 'documentation, TEST-NET-1', 'RFC 5737', 'internal'],
  ['192.31.196.0/24', 'AS112', 'RFC 7535', 'never'],
  ['192.52.193.0/24', 'AMT', 'RFC 7450', 'never'],
  ['192.88.99.0/24', 'deprecated 6to4 relay anycast', 'RFC 7526', 'never'],
  ['192.168.0.0/16', 'private use', 'RFC 1918', 'internal'],
  ['192.175.48.0/24', 'direct delegation AS112', 'RFC 7534', 'never'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544', 'internal'],
  ['198.51.100.0/24', 'documentation, TEST-NET-2', 'RFC 5737', 'internal'],
  ['203.0.113.0/24', 'documentation, TEST-NET-3', 'RFC 5737', 'internal'],
  ['224.0.0.0/4', 'multicast', 'RFC 5771', 'never'],
  ['240.0.0.0/4', 'reserved, limited broadcast', 'RFC 1112', 'never'],

  ['::/128', 'unspecified', 'RFC 4291', 'never'],
  ['::1/128', 'loopback', 'RFC 4291', 'internal'],
  ['64:ff9b:1::/48', 'local-use IPv4/IPv6 translation', 'RFC 8215', 'never'],
  ['100::/64', 'discard only', 'RFC 6666', 'never'],
  ['100:0:0:1::/64', 'dummy prefix', 'RFC 9780', 'never'],
  ['2001::/23', 'IETF protocol assignments: Teredo, ORCHID, AMT, drone remote ID …', 'RFC 2928', 'never'],
  ['2001:db8::/32', 'documentation', 'RFC 3849', 'internal'],
  ['2620:4f:8000::/48', 'direct delegation AS112', 'RFC 7534', 'never'],
  ['3fff::/20', 'documentation', 'RFC 9637', 'internal'],
  ['5f00::/16', 'segment routing SIDs', 'RFC 9602', 'never'],
  ['fc00::/7', 'unique local', 'RFC 4193', 'internal'],
  ['fd00:ec2::/32', 'metadata of AWS', 'vendor', 'never'],
  ['fd20:ce::/32', 'metadata of Google Cloud', 'vendor', 'never'],
  ['fe80::/10', 'link-local', 'RFC 4291', 'never'],
  ['fec0::/10', 'deprecated site-local', 'RFC 3879', 'internal'],
  ['ff00::/8', 'multicast', 'RFC 4291', 'never'],
];

/**
 * Where IPv6 carries IPv4: the 16 bytes begin with `prefix`, and the IPv4 address begins at byte `offset`. `reach` is what a public
 * IPv4 address inside makes of it: NAT64 is how networks without IPv4 reach the rest, the other forms have no use on today's Internet.
 */
export const IPV4_CARRIERS: readonly {
  readonly prefix: string;
  readonly offset: number;
  readonly source: string;
  readonly reach: 'public' | 'never';
}[] = [
  { prefix: '::ffff:0:0/96', offset: 12, source: 'RFC 4291 §2.5.5.2, mapped', reach: 'public' },
  { prefix: '64:ff9b::/96', offset: 12, source: 'RFC 6052, NAT64', reach: 'public' },
  { prefix: '::ffff:0:0:0/96', offset: 12, source: 'RFC 7915, translated', reach: 'never' },
  { prefix: '::/96', offset: 12, source: 'RFC 4291 §2.5.5.1, compatible (deprecated)', reach: 'never' },
  { prefix: '2002::/16', offset: 2, source: 'RFC 3056, 6to4', reach: 'never' },
];
