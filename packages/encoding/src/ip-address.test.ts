/** IP literals and the kind of network that they lead to: both registries row by row, carriers of IPv4, and odd spellings. */

import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressKind, parseIpAddress } from './ip-address.ts';
import { SPECIAL_PREFIXES } from './special-addresses.ts';

describe('no address of a special-purpose prefix is public', () => {
  it.each(SPECIAL_PREFIXES)('%s, %s', (prefix, _name, _source, kind) => {
    const [first = '', bits = ''] = prefix.split('/');
    expect(addressKind(first)).toBe(kind);
    expect(addressKind(lastOf(first, Number(bits)))).not.toBe('public');
  });
  it.each([
    ['::ffff:169.254.169.254', 'never'],
    ['::ffff:7f00:1', 'internal'],
    ['::ffff:0.0.0.0', 'never'],
    ['0:0:0:0:0:ffff:7f00:0001', 'internal'],
    ['0000:0000:0000:0000:0000:ffff:169.254.169.254', 'never'],
    ['::ffff:0:127.0.0.1', 'internal'],
    ['::ffff:0:a9fe:a9fe', 'never'],
    ['::ffff:0:8.8.8.8', 'never'],
    ['::127.0.0.1', 'internal'],
    ['::8.8.8.8', 'never'],
    ['::2', 'never'],
    ['64:ff9b::10.0.0.1', 'internal'],
    ['64:ff9b::a9fe:a9fe', 'never'],
    ['64:ff9b:1::7f00:1', 'never'],
    ['64:ff9b:1:fffe::169.254.169.254', 'never'],
    ['2002:7f00:1::', 'internal'],
    ['2002:808:808::1', 'never'],
    ['2001:0:7f00:1::1', 'never'],
    ['fe80::1%eth0', 'never'],
    ['4000::1', 'never'],
    ['e000::1', 'never'],
    ['200::1', 'never'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });
});

describe('a public address is public, beside every special one', () => {
  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '168.63.129.15',
    '169.253.255.255',
    '172.15.255.255',
    '172.32.0.0',
    '192.0.1.0',
    '192.167.255.255',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2a00:1450::1',
    '64:ff9b::8.8.8.8',
    '::ffff:8.8.8.8',
  ])('%s', (address) => {
    expect(addressKind(address)).toBe('public');
  });
});

describe('text that is no address is never reachable', () => {
  it.each([
    '',
    'localhost',
    '127.1',
    '2130706433',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '1.2.3.4.5',
    '256.1.1.1',
    '1.2.3.',
    ':::',
    '1::2::3',
  ])('%j', (text) => {
    expect(addressKind(text)).toBe('never');
  });
  it.each(['1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::1.2.3', '1.2.3.4::', ':1::2', 'g::', '[::1]', ' ::1'])(
    '%j',
    (text) => {
      expect(parseIpAddress(text)).toBeNull();
    },
  );
});

it('reads exactly what the platform takes for an address', () => {
  const part = fc.constantFrom('0', '1', 'ffff', '7f00', '10', '255', '256', '00', '1.2.3.4', '', '12345');
  const text = fc
    .array(part, { minLength: 1, maxLength: 9 })
    .chain((parts) => fc.constantFrom(parts.join(':'), parts.join('.'), parts.join('::')));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), text), (candidate) => {
      expect(parseIpAddress(candidate) !== null).toBe(isIP(candidate) !== 0);
    }),
  );
});

/** The last address of a prefix, in full form. */
function lastOf(first: string, bits: number): string {
  const bytes = parseIpAddress(first);
  if (bytes === null) throw new Error(first);
  for (let bit = bits; bit < bytes.length * 8; bit += 1) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  if (bytes.length === 4) return bytes.join('.');
  return Array.from({ length: 8 }, (_, i) => (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16)).join(':');
}
