/** TPM quotes of a fake TPM: what a sound one says, then one defect each, then hostile bytes. */

import { createHash } from 'node:crypto';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { expectCode, FAKE_NOW, type FakeTpmOptions, fakeKey, fakeSnp, fakeTpmQuote } from '@assay/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AttestationError } from '../../errors.ts';
import type { VerifiedClaims } from '../../model/claims.ts';
import type { Endorsement } from '../../model/endorsements.ts';
import type { TrustAnchor } from '../../model/verification.ts';
import { tpmVerifier } from './tpm.ts';

async function verify(
  document: object,
  anchors: readonly TrustAnchor[],
  endorsements: readonly Endorsement[] = [],
): Promise<VerifiedClaims> {
  const evidence = tpmVerifier.recognise(utf8(JSON.stringify(document)));
  if (evidence === null) throw new Error('expected a tpm quote');
  return tpmVerifier.verify(evidence, { now: FAKE_NOW, endorsements, trust: { roots: anchors } });
}

describe('a sound quote', () => {
  test('by an ECDSA key tells PCRs and nonce', async () => {
    const { document, chain } = await fakeTpmQuote();
    const claims = await verify(document, [chain.anchor]);
    expect(claims).toMatchObject({ type: 'tpm', simulated: true, bindings: { nonce: '4e'.repeat(32) } });
    expect(claims.measurements).toMatchObject({ pcr0: '01'.repeat(32), pcr4: '05'.repeat(32), pcr7: '08'.repeat(32) });
    expect(claims.checks.map(({ id, outcome }) => [id, outcome])).toEqual([
      ['tpm.attestation-key', 'pass'],
      ['tpm.signature', 'pass'],
      ['tpm.pcrs', 'pass'],
      ['tpm.endorsement-key', 'not-checked'],
    ]);
  });

  test('may come without PCR values, and with its certificate among the endorsements', async () => {
    const { document, chain } = await fakeTpmQuote({ bare: true });
    const beside = [chain.leaf, chain.intermediate].map(({ der }): Endorsement => ({ kind: 'certificate', der }));
    const claims = await verify({ ...document, pcrs: {} }, [chain.anchor], beside);
    expect(Object.keys(claims.measurements)).toEqual(['pcr-digest']);
  });

  test('by the key that an SNP report vouches for (Azure)', async () => {
    const signer = await fakeKey('RSA', 'azure ak');
    const key = await crypto.subtle.importKey(
      'spki',
      Uint8Array.from(signer.spki),
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
      true,
      ['verify'],
    );
    const { n, e } = await crypto.subtle.exportKey('jwk', key);
    const azure = async (kid: string) => {
      const runtime = utf8(JSON.stringify({ keys: [{ kid, kty: 'RSA', n, e }] }));
      const hash = createHash('sha256').update(runtime).digest();
      const fake = await fakeSnp({ edit: (report) => report.set(concatBytes(hash, new Uint8Array(32)), 0x50) });
      const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
      const hcl = concatBytes(u32(0x414c4348, 2, 0, 0, 0, 0, 0, 0), fake.report, u32(0, 0, 2, 1, runtime.length), runtime);
      const endorsements = fake.chain.map((der): Endorsement => ({ kind: 'certificate', der }));
      return { hcl_report: Buffer.from(hcl).toString('base64'), endorsements, anchor: fake.anchor };
    };
    const { document } = await fakeTpmQuote({ signer, bare: true });
    const { hcl_report, endorsements, anchor } = await azure('HCLAkPub');
    const claims = await verify({ ...document, hcl_report }, [anchor], endorsements);
    expect(claims.submodules.cpu?.type).toBe('sev-snp');
    const other = await azure('HCLEkPub');
    await expectCode(
      verify({ ...document, hcl_report: other.hcl_report }, [other.anchor], other.endorsements),
      'tpm/key-unbound',
    );
    const ecdsa = (await fakeTpmQuote({ bare: true })).document;
    await expectCode(verify({ ...ecdsa, hcl_report }, [anchor], endorsements), 'certificate/unsupported-algorithm');
  });
});

const stranger = await fakeKey('P-384', 'tpm stranger');
const flip = (at: number) => (bytes: Uint8Array) => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

const DEFECTS: readonly [string, string, FakeTpmOptions, object?][] = [
  ['another signer', 'tpm/signature-invalid', { signer: stranger }],
  ['a changed signature', 'tpm/signature-invalid', { editSignature: flip(20) }],
  ['another attestation than a quote', 'tpm/malformed', { edit: flip(5) }],
  ['bytes after the quote', 'tpm/malformed', { edit: (bytes) => concatBytes(bytes, Uint8Array.of(0)) }],
  ['a quote cut short', 'tpm/malformed', { edit: (bytes) => bytes.subarray(0, -1) }],
  ['an unknown bank', 'tpm/algorithm-unsupported', { edit: (bytes) => flip(bytes.length - (2 + 48) - 5)(bytes) }],
  ['an unknown signature scheme', 'tpm/algorithm-unsupported', { editSignature: (bytes) => bytes.with(1, 0x1b) }],
  ['a hash of 1993', 'tpm/algorithm-unsupported', { editSignature: (bytes) => bytes.with(3, 0x04) }],
  [
    'a PCR of another value',
    'tpm/pcr-digest-mismatch',
    {},
    { pcrs: { sha256: { 0: '00'.repeat(32), 4: '05'.repeat(32), 7: '08'.repeat(32) } } },
  ],
  ['a PCR left out', 'tpm/pcr-digest-mismatch', {}, { pcrs: { sha256: { 0: '01'.repeat(32) } } }],
  ['PCRs that are no hex', 'tpm/malformed', {}, { pcrs: { sha256: { 0: 'x' } } }],
  ['no certificate', 'tpm/key-missing', { bare: true }],
  ['a report that is none', 'tpm/key-unbound', { bare: true }, { hcl_report: '00' }],
];

describe('one defect', () => {
  test.each(DEFECTS)('%s', async (_, code, options, extra = {}) => {
    const { chain } = await fakeTpmQuote();
    const { document } = await fakeTpmQuote(options);
    await expectCode(() => verify({ ...document, ...extra }, [chain.anchor]), code);
  });

  test('a chain to an unknown root', async () => {
    await expectCode(verify((await fakeTpmQuote()).document, []), 'certificate/root-not-trusted');
  });
});

test('hostile bytes give coded errors only', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.jsonValue(),
      (rest, signature, pcrs) => {
        const message = Buffer.from([0xff, 0x54, 0x43, 0x47, 0x80, 0x18, ...rest]).toString('hex');
        try {
          tpmVerifier.recognise(utf8(JSON.stringify({ message, signature: Buffer.from(signature).toString('hex'), pcrs })));
        } catch (error) {
          if (!AttestationError.is(error)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});
