/**
 * IP literals (RFC 791, RFC 4291 §2.2, RFC 5952) and what kind of network they lead to. A program that fetches on somebody's behalf
 * must not reach its host's own services, private networks or a cloud's metadata service (server-side request forgery).
 *
 * Not checked here: names; resolve first, then connect to the address that was checked.
 */

import { IPV4_CARRIERS, SPECIAL_PREFIXES } from './special-addresses.ts';

/** `internal`: loopback and somebody's own networks. `never`: link-local, cloud metadata, multicast, reserved, unallocated. */
export type AddressKind = 'public' | 'internal' | 'never';

/** IPv6 unicast that IANA allocates from; everything else is unallocated (RFC 4291 §2.4, IANA's IPv6 address space). */
const ALLOCATED = prefixOf('2000::/3');
const SPECIAL = SPECIAL_PREFIXES.map(([prefix, , , kind]) => ({ ...prefixOf(prefix), kind })).sort((a, b) => b.bits - a.bits);
const CARRIERS = IPV4_CARRIERS.map(({ prefix, offset, reach }) => ({ ...prefixOf(prefix), offset, reach }));

/**
 * Kind of an IP literal, by the longest special-purpose prefix that holds it. IPv4 inside IPv6 counts as the IPv4 address it carries;
 * a zone (`%eth0`) is ignored; text that is no address is `never`.
 * @example addressKind('169.254.169.254') // 'never'
 */
export function addressKind(address: string): AddressKind {
  const bytes = parseIpAddress(address);
  return bytes === null ? 'never' : kindOf(bytes);
}

function kindOf(bytes: Uint8Array): AddressKind {
  const special = SPECIAL.find((prefix) => holds(prefix, bytes));
  if (special !== undefined) return special.kind;
  if (bytes.length === 4) return 'public';
  const carrier = CARRIERS.find((prefix) => holds(prefix, bytes));
  if (carrier === undefined) return holds(ALLOCATED, bytes) ? 'public' : 'never';
  const inner = kindOf(bytes.subarray(carrier.offset, carrier.offset + 4));
  return inner === 'public' ? carrier.reach : inner;
}

interface Prefix {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

function prefixOf(text: string): Prefix {
  const slash = text.indexOf('/');
  const bytes = parseIpAddress(text.slice(0, slash));
  if (bytes === null) throw new RangeError(`expected a prefix like 10.0.0.0/8, got ${text}`);
  return { bytes, bits: Number(text.slice(slash + 1)) };
}

function holds(prefix: Prefix, address: Uint8Array): boolean {
  if (prefix.bytes.length !== address.length) return false;
  const whole = prefix.bits >> 3;
  const rest = prefix.bits & 7;
  for (let i = 0; i < whole; i += 1) if (prefix.bytes[i] !== address[i]) return false;
  return rest === 0 || ((prefix.bytes[whole] ?? 0) ^ (address[whole] ?? 0)) >> (8 - rest) === 0;
}

/**
 * The 4 or 16 bytes of an IP literal in network order; `null` for everything else, also for IPv4 in octal, hexadecimal or fewer parts.
 * @example parseIpAddress('::1')?.length // 16
 */
export function parseIpAddress(text: string): Uint8Array | null {
  if (text.length > 64) return null;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256)) return null;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | null {
  const zone = text.indexOf('%');
  const halves = (zone < 0 ? text : text.slice(0, zone)).split('::');
  if (halves.length > 2) return null;
  const parts = halves.map((half, i) => bytesOfHalf(half, i === halves.length - 1));
  const [head, tail] = parts;
  if (head === undefined || head === null || tail === null) return null;
  if (tail === undefined) return head.length === 16 ? Uint8Array.from(head) : null;
  const missing = 16 - head.length - tail.length;
  if (missing < 2) return null;
  return Uint8Array.from([...head, ...new Uint8Array(missing), ...tail]);
}

/** Bytes of groups between colons; the last of an address may be a dotted IPv4 address. */
function bytesOfHalf(half: string, last: boolean): readonly number[] | null {
  if (half === '') return [];
  const groups = half.split(':');
  const bytes: number[] = [];
  for (const [i, group] of groups.entries()) {
    const dotted = last && i === groups.length - 1 && group.includes('.') ? parseIpv4(group) : null;
    if (dotted !== null) bytes.push(...dotted);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group)) bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
    else return null;
  }
  return bytes;
}
