/** Commitments that are written here are accepted by the verifier of `@assay/attestation`, and no changed one is. */

import { resolveTrust, verify } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { expectCode, expectRefusal } from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { type CommitmentFields, type CommitmentKey, sealCommitment } from './commitment.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const FIELDS: CommitmentFields = {
  vendor: 'Acme',
  issuedAt: NOW - 1000,
  expiresAt: NOW + 1000,
  nonce: 'ab'.repeat(32),
  model: { name: 'acme-1', version: '2026-11', digest: `sha256:${'cd'.repeat(32)}` },
  terms: { retention: 'none', region: ['EU'] },
};

async function newKey(algorithm: EcKeyGenParams | { readonly name: 'Ed25519' }): Promise<CommitmentKey> {
  const pair = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  return { privateKey: pair.privateKey, spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)) };
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' };

async function verified(commitment: object, { spki }: CommitmentKey) {
  const trust = { roots: resolveTrust({ roots: [spki] }).anchors };
  return verify(utf8(JSON.stringify(commitment)), { now: NOW, trust, expected: { nonce: 'ab'.repeat(32) } });
}

describe.each([
  ['Ed25519', { name: 'Ed25519' as const }],
  ['ES256', P256],
])('%s', (algorithm, parameters) => {
  it('is accepted with what it promises', async () => {
    const key = await newKey(parameters);
    const commitment = await sealCommitment(FIELDS, key);
    expect(commitment).toMatchObject({ algorithm, vendor: 'Acme', measurements: {} });
    expect(await verified(commitment, key)).toMatchObject({
      outcome: 'accepted',
      claims: { type: 'vendor-commitment', details: { model: FIELDS.model, terms: FIELDS.terms, assurance: 'low' } },
    });
  });

  it.each(['vendor', 'issued_at', 'expires_at', 'nonce', 'measurements', 'model', 'terms', 'signature'])(
    'a changed %s is refused',
    async (member) => {
      const key = await newKey(parameters);
      const changes: Readonly<Record<string, unknown>> = {
        vendor: 'Acmf',
        issued_at: new Date(NOW - 999).toISOString(),
        expires_at: new Date(NOW + 999).toISOString(),
        nonce: 'ac'.repeat(32),
        measurements: { x: 'ab' },
        model: { name: 'acme-2' },
        terms: { retention: 'forever' },
        signature: 'A'.repeat(86),
      };
      const changed = { ...(await sealCommitment(FIELDS, key)), [member]: changes[member] };
      expect(await verified(changed, key)).toMatchObject({
        outcome: 'not-authentic',
        error: { code: 'vendor/signature-invalid' },
      });
    },
  );
});

it('terms that are no object are refused by the verifier', async () => {
  const key = await newKey(P256);
  expect(await verified({ ...(await sealCommitment(FIELDS, key)), terms: 'none' }, key)).toMatchObject({
    outcome: 'malformed',
  });
});

it('is not written for impossible promises, or under keys of other kinds', async () => {
  const key = await newKey(P256);
  await expectRefusal(sealCommitment({ ...FIELDS, vendor: 'Ä' }, key), 'commitment/bad-field', ['ASCII']);
  await expectRefusal(sealCommitment({ ...FIELDS, expiresAt: NOW - 1000 }, key), 'commitment/bad-field', ['after']);
  await expectCode(sealCommitment(FIELDS, await newKey({ name: 'ECDSA', namedCurve: 'P-384' })), 'commitment/key-unsupported');
});
