/** Every Nitro vector of ../shared/vectors: the manifest's verdicts, claims and codes, then every one-bit flip of a genuine document. */

import { type NamedClaims, VerificationCache, verify, verifyEvidence } from '@assay/attestation';
import { encodeBase64 } from '@assay/encoding/base64';
import { encodeHex } from '@assay/encoding/hex';
import { describe, expect, test } from 'vitest';
import { casesOf, haveVectors, vectorBytes } from './vectors.ts';

const cases = casesOf('aws-nitro');
const genuine = cases.filter(({ expect: wanted }) => wanted.verdict === 'valid');
const bad = cases.filter(({ expect: wanted }) => wanted.verdict === 'invalid');

/** The code each bad document must be refused with. */
const CODES: Readonly<Record<string, string>> = {
  'certificate-expired (leaf lives ~3 h)': 'certificate/expired',
  'COSE signature does not verify': 'nitro/signature-invalid',
  'PCR0 bit flipped: ES384 fails': 'nitro/signature-invalid',
  'last signature byte flipped': 'nitro/signature-invalid',
  'truncated CBOR': 'nitro/malformed',
  'cabundle root is not AWS G1 (fingerprint 024a7c97261ad34d)': 'certificate/root-not-trusted',
  'missing cabundle / not chained to root G1': 'nitro/malformed',
  'protected alg changed to ES512 (-36): must not verify / alg must be pinned to -35': 'nitro/algorithm-not-es384',
};

/** `npm run vectors` flips every bit, `npm test` a sample. */
const FLIP_STRIDE = process.env.ASSAY_EVERY_BIT === '1' ? 1 : 97;

const lengthOf = (hex: string | null): number | null => (hex === null ? null : hex.length / 2);

describe.skipIf(!haveVectors)('nitro vectors', () => {
  test('the manifest holds 34 genuine, 12 bad and 2 debatable ones', () => {
    expect([genuine.length, bad.length, cases.length]).toEqual([34, 12, 48]);
  });

  test.each(genuine)('$id is authentic', async ({ evidence, at, expect: wanted }) => {
    const claims: NamedClaims = await verifyEvidence(vectorBytes(evidence), { now: Date.parse(at) });
    expect(claims).toMatchObject({ type: 'nitro', simulated: false, debug: wanted.debug_mode_zero_pcr0_2 });
    expect(Object.keys(claims.measurements)).toHaveLength(wanted.pcr_count);
    if (wanted.pcr0 !== undefined) expect(claims.measurements.pcr0).toBe(wanted.pcr0);
    const { publicKey, userData, nonce } = claims.bindings;
    const lengths = { public_key_len: lengthOf(publicKey), user_data_len: lengthOf(userData), nonce_len: lengthOf(nonce) };
    for (const [name, length] of Object.entries(lengths))
      if (name in wanted) expect([name, length]).toEqual([name, wanted[name]]);
    expect(claims.checks.filter(({ outcome }) => outcome !== 'pass').map(({ id }) => id)).toEqual(['nitro.revocation']);
  });

  test.each(genuine.filter((_, index) => index % 6 === 0))('$id is authentic as text', async ({ evidence, at }) => {
    const bytes = vectorBytes(evidence);
    for (const text of [encodeHex(bytes), encodeBase64(bytes), `${encodeBase64(bytes)}\n`]) {
      await expect(verifyEvidence(new TextEncoder().encode(text), { now: Date.parse(at) })).resolves.toBeDefined();
    }
  });

  test.each(genuine.filter(({ expect: wanted }) => wanted.debug_mode_zero_pcr0_2 === true))(
    '$id, debug, is refused by default',
    async ({ evidence, at }) => {
      const { outcome } = await verify(vectorBytes(evidence), { now: Date.parse(at) });
      expect(outcome).toBe('refused');
    },
  );

  test.each(bad)('$id is refused: $expect.reason', async ({ evidence, at, expect: wanted }) => {
    const { outcome, error } = await verify(vectorBytes(evidence), { now: Date.parse(at) });
    expect(error?.code).toBe(CODES[wanted.reason]);
    expect(outcome).toBe(error?.kind === 'malformed' ? 'malformed' : 'not-authentic');
  });

  test('tag 18 in front is accepted, bytes behind are not', async () => {
    const now = Date.parse('2025-12-25T16:04:19Z');
    await expect(verifyEvidence(vectorBytes('negative/nitro-derived-tag18.cose'), { now })).resolves.toMatchObject({
      type: 'nitro',
    });
    await expect(verifyEvidence(vectorBytes('negative/nitro-derived-trailing.cose'), { now })).rejects.toMatchObject({
      code: 'nitro/malformed',
    });
  });

  test("nitriding's two hashes are read out of user data", async () => {
    const wanted = genuine.filter(({ expect: each }) => each.user_data_len === 68);
    expect(wanted.length).toBeGreaterThan(0);
    for (const { evidence, at } of wanted) {
      const { bindings, details }: NamedClaims = await verifyEvidence(vectorBytes(evidence), { now: Date.parse(at) });
      const { tlsKeyHash, appKeyHash } = details.nitriding as { readonly tlsKeyHash: string; readonly appKeyHash: string };
      expect(`1220${tlsKeyHash}1220${appKeyHash}`).toBe(bindings.userData);
    }
  });

  test('every one-bit flip of a genuine document is refused', async () => {
    const { evidence, at } = genuine[0] as (typeof genuine)[number];
    const bytes = vectorBytes(evidence);
    const now = Date.parse(at);
    const cache = new VerificationCache();
    await verifyEvidence(bytes, { now, cache });
    const accepted: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit += FLIP_STRIDE) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      const { claims } = await verify(flipped, { now, cache });
      if (claims !== undefined) accepted.push(bit);
    }
    expect(accepted).toEqual([]);
  });
});
