/** Version 1 attestations (MessagePack) of platforms that are not read here: refused by name, not taken for another. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectCode, expectRefusal } from '@assay/testing';
import { expect, test } from 'vitest';
import { looksLikeAttestation, parseDstackAttestation } from './attestation.ts';

type Packed = Uint8Array | string | number | readonly Packed[] | { readonly [name: string]: Packed };

/** Short values only: text below 32 bytes, lists and maps below 16 members, numbers below 128, bytes below 256. */
function pack(value: Packed): Uint8Array {
  if (typeof value === 'number') return Uint8Array.of(value);
  if (typeof value === 'string') return concatBytes(Uint8Array.of(0xa0 | value.length), utf8(value));
  if (value instanceof Uint8Array) return concatBytes(Uint8Array.of(0xc4, value.length), value);
  if (Array.isArray(value)) return concatBytes(Uint8Array.of(0x90 | value.length), ...value.map(pack));
  const members = Object.entries(value);
  return concatBytes(Uint8Array.of(0x80 | members.length), ...members.flatMap(([name, member]) => [pack(name), pack(member)]));
}

function attestationOf(kind: Packed): Uint8Array {
  return pack({
    version: 1,
    platform: { kind, data: { nsm_quote: new Uint8Array(200) } },
    stack: { kind: 'dstack', data: { runtime_events: [], report_data: new Uint8Array(64), config: '{}' } },
  });
}

test('a platform that is read', () => {
  const bytes = attestationOf('nitro-enclave');
  expect(looksLikeAttestation(bytes)).toBe(true);
  expect(parseDstackAttestation(bytes).carrier).toBe('nitro');
});

test.each<[string, Packed, string]>([
  ['of another maker', 'arm-cca', 'got "arm-cca"'],
  ['in other letters', 'TDX', 'got "TDX"'],
  ['by number', 3, 'got 3'],
])('dstack/carrier-unsupported: a platform %s', async (_, kind, word) => {
  const bytes = attestationOf(kind);
  expect(looksLikeAttestation(bytes)).toBe(true);
  const words = ['gcp-tdx', word, 'verify its parts'];
  await expectRefusal(() => parseDstackAttestation(bytes), 'dstack/carrier-unsupported', words);
});

test('dstack/attestation-malformed: the same, cut anywhere', async () => {
  const bytes = attestationOf('arm-cca');
  for (let length = 1; length < bytes.length; length += 1)
    await expectCode(() => parseDstackAttestation(bytes.subarray(0, length)), 'dstack/attestation-malformed');
});
