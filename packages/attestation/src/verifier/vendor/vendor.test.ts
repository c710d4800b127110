/** Vendor commitments under keys made here: a sound promise, then one defect each. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject } from '@assay/encoding/json';
import { expectCode, FAKE_NOW, type FakeKey, fakeKey } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import { vendorVerifier } from './vendor.ts';

const ed25519 = await fakeKey('Ed25519', 'vendor');
const p256 = await fakeKey('P-256', 'vendor');
const iso = (offset: number) => new Date(FAKE_NOW + offset).toISOString();
const idOf = ({ spki }: FakeKey) => createHash('sha256').update(spki).digest('hex');

async function promise(change: object = {}, key = ed25519): Promise<JsonObject> {
  const unsigned = {
    ...{ type: 'assay.vendor-commitment/1', vendor: 'Acme', key_id: idOf(key) },
    algorithm: key.kind === 'Ed25519' ? 'Ed25519' : 'ES256',
    ...{ issued_at: iso(-1000), expires_at: iso(1000), nonce: 'ab', measurements: { model: 'cd' }, model: { name: 'm' } },
    ...change,
  };
  const signature = Buffer.from(await key.signRaw(utf8(canonicalJson(unsigned as never)))).toString('base64url');
  return { ...unsigned, signature } as never;
}

async function verify(document: JsonObject, keys: readonly FakeKey[] = [ed25519, p256]): Promise<VerifiedClaims> {
  const evidence = vendorVerifier.recognise(utf8(JSON.stringify(document, null, 2)));
  if (evidence === null) throw new Error('expected a commitment');
  const roots = keys.map(({ spki }) => ({ name: 'acme', spki, certificate: null, simulated: false }));
  return vendorVerifier.verify(evidence, { now: FAKE_NOW, trust: { roots } });
}

describe('a promise', () => {
  test.each([ed25519, p256])('by $kind is authentic and says that no hardware speaks', async (key) => {
    const claims = await verify(await promise({}, key));
    expect(claims).toMatchObject({
      type: 'vendor-commitment',
      measurements: { model: 'cd' },
      bindings: { nonce: 'ab' },
      identity: { vendor: 'Acme', 'vendor-key': idOf(key) },
      details: { assurance: 'low' },
    });
    expect(claims.checks.at(-1)).toMatchObject({ id: 'vendor.hardware', outcome: 'not-checked' });
  });

  test.each<[string, string, () => Promise<VerifiedClaims>]>([
    ['of an unknown vendor', 'vendor/key-not-trusted', async () => verify(await promise(), [p256])],
    ['that was changed', 'vendor/signature-invalid', async () => verify({ ...(await promise()), vendor: 'Other' })],
    [
      'by another key under a trusted id',
      'vendor/signature-invalid',
      async () => verify({ ...(await promise({ key_id: idOf(ed25519) }, p256)), algorithm: 'Ed25519' }),
    ],
    ['that has ended', 'vendor/expired', async () => verify(await promise({ expires_at: iso(0) }))],
    ['that has not begun', 'vendor/not-yet-valid', async () => verify(await promise({ issued_at: iso(1) }))],
    ['with an unknown member', 'vendor/malformed', async () => verify(await promise({ extra: 1 }))],
    ['with an unknown algorithm', 'vendor/malformed', async () => verify(await promise({ algorithm: 'none' }))],
    ['without a time', 'vendor/malformed', async () => verify(await promise({ issued_at: 'now' }))],
    [
      'with a day of no calendar',
      'vendor/malformed',
      async () => verify(await promise({ expires_at: '2027-02-30T00:00:00Z' })),
    ],
    ['with upper-case hex', 'vendor/malformed', async () => verify(await promise({ nonce: 'AB' }))],
    ['with a short signature', 'vendor/malformed', async () => verify({ ...(await promise()), signature: 'AA' })],
    ['with a measurement that is no hex', 'vendor/malformed', async () => verify(await promise({ measurements: { a: 1 } }))],
  ])('%s is refused', async (_, code, attempt) => {
    await expectCode(attempt, code);
  });
});

test('hostile documents give coded errors only', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('vendor', 'key_id', 'algorithm', 'signature', 'measurements'), fc.jsonValue()),
      (members) => {
        try {
          vendorVerifier.recognise(utf8(JSON.stringify({ ...members, type: 'assay.vendor-commitment/1' })));
        } catch (error) {
          if (!AttestationError.is(error)) throw error;
        }
      },
    ),
    { numRuns: 1000 },
  );
});
