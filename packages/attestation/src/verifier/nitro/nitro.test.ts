/** AWS Nitro documents: one defect at a time on fake ones; the genuine ones are in tests/vectors/nitro.test.ts. */

import { encodeBase64 } from '@assay/encoding/base64';
import { concatBytes } from '@assay/encoding/bytes';
import { type CborValue, encodeCbor } from '@assay/encoding/cbor';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import {
  expectCode,
  FAKE_NOW,
  type FakeNitroOptions,
  fakeChain,
  fakeCrl,
  fakeNitroDocument,
  NITRO_DEFECTS,
  nitroDocumentWith,
} from '@assay/testing';
import { describe, expect, it } from 'vitest';
import { VerificationCache } from '../../certificates/verification-cache.ts';
import { AttestationError } from '../../errors.ts';
import type { NamedClaims } from '../../model/claims.ts';
import type { VerifyOptions } from '../../model/verification.ts';
import { nitroVerifier } from './nitro.ts';

/** Shared, so that whatever is remembered is remembered. */
const cache = new VerificationCache();

function verify(document: Uint8Array, options: Partial<VerifyOptions> = {}): Promise<NamedClaims> {
  const evidence = nitroVerifier.recognise(document);
  if (evidence === null) throw new Error('expected a nitro document, got something else');
  return nitroVerifier.verify(evidence, { now: FAKE_NOW, cache, ...options });
}

async function verifyFake(options: FakeNitroOptions = {}, verifyOptions: Partial<VerifyOptions> = {}): Promise<NamedClaims> {
  const { document, anchor } = await fakeNitroDocument(options);
  return verify(document, { trust: { roots: [anchor] }, ...verifyOptions });
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);
const pcrs = (...entries: readonly [CborValue, CborValue][]): { pcrs: CborValue } => ({ pcrs: new Map(entries) });

describe('nitroVerifier.recognise', () => {
  it('takes binary, base64, base64url and hex, tagged or not', async () => {
    for (const tagged of [false, true]) {
      const { document, anchor } = await fakeNitroDocument({ tagged });
      const texts = [
        encodeHex(document),
        encodeHex(document).toUpperCase(),
        encodeBase64(document),
        `${encodeBase64(document)}\n`,
      ];
      for (const file of [document, ...texts.map((text) => new TextEncoder().encode(text))]) {
        expect((await verify(file, { trust: { roots: [anchor] } })).type).toBe('nitro');
      }
    }
  });

  it.each([
    ['nothing', ''],
    ['a quote', '04000200810000000000000093 9a7233f79c4ca9940a0db3957f0607'],
    ['another cbor array', '83010203'],
    ['json', Buffer.from('{"a":1}').toString('hex')],
    ['text', Buffer.from('hello there').toString('hex')],
  ])('leaves %s to others', (_, hex) => {
    expect(nitroVerifier.recognise(decodeHex(hex.replace(' ', '')))).toBeNull();
  });
});

describe('nitroVerifier.verify', () => {
  it('gives every claim of a sound document', async () => {
    const { document, anchor, chain } = await fakeNitroDocument({
      fields: {
        public_key: bytes(91, 4),
        user_data: concatBytes(decodeHex('1220'), bytes(32, 5), decodeHex('1220'), bytes(32, 6)),
      },
    });
    const claims = await verify(document, { trust: { roots: [anchor] } });
    expect(claims).toMatchObject({
      type: 'nitro',
      simulated: true,
      debug: false,
      issuedAt: FAKE_NOW,
      identity: { 'module-id': 'i-0fake-enc0fake' },
      bindings: { reportData: null, nonce: '09'.repeat(32), publicKey: '04'.repeat(91) },
      validity: { notBefore: FAKE_NOW - 86_400_000, notAfter: FAKE_NOW + 86_400_000 },
      root: encodeHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(chain.root.key.spki)))),
      details: { nitriding: { tlsKeyHash: '05'.repeat(32), appKeyHash: '06'.repeat(32) }, unknownFields: [] },
    });
    expect(claims.measurements).toMatchObject({ pcr0: '01'.repeat(48), pcr2: '03'.repeat(48), pcr15: '00'.repeat(48) });
    expect(JSON.parse(JSON.stringify(claims.details))).toEqual(claims.details);
    expect(claims.checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
      'nitro.syntax pass',
      'nitro.algorithm pass',
      'nitro.chain pass',
      'nitro.root pass',
      'nitro.validity pass',
      'nitro.signature pass',
      'nitro.revocation not-checked',
    ]);
  });

  it.each([
    ['all three zero', [0, 0, 0], true],
    ['pcr0 zero alone', [0, 2, 3], true],
    ['pcr2 zero alone', [1, 2, 0], true],
    ['none zero', [1, 2, 3], false],
  ])('reads debug mode from pcr0 to pcr2: %s', async (_, fills, debug) => {
    const claims = await verifyFake({
      fields: pcrs(...fills.map((fill, index): [number, Uint8Array] => [index, bytes(48, fill)])),
    });
    expect(claims.debug).toBe(debug);
  });

  it('cannot tell debug mode without pcr0 to pcr2', async () => {
    expect((await verifyFake({ fields: pcrs([4, bytes(48)]) })).debug).toBeNull();
  });

  it('accepts what AWS allows at its limits', async () => {
    const most = { public_key: bytes(1024), user_data: bytes(1024), nonce: bytes(1024) };
    await verifyFake({
      fields: { ...most, ...pcrs(...Array.from({ length: 32 }, (_, index): [number, Uint8Array] => [index, bytes(64)])) },
    });
    await verifyFake({ fields: { public_key: undefined, user_data: bytes(0), nonce: undefined, ...pcrs([31, bytes(32)]) } });
    expect((await verifyFake({ fields: { future: 1 } })).details.unknownFields).toEqual(['future']);
  });

  it('accepts payload maps of indefinite length, as some NSMs write them', async () => {
    const { document, anchor } = await nitroDocumentWith((payload) =>
      concatBytes(Uint8Array.of(0xbf), payload.subarray(1), Uint8Array.of(0xff)),
    );
    const claims = await verify(document, { trust: { roots: [anchor] } });
    expect(claims.issuedAt).toBe(FAKE_NOW);
  });

  it.each(NITRO_DEFECTS)('refuses %s: %s', async (_, code, make) => {
    const { document, anchor } = await make();
    await expectCode(async () => verify(document, { trust: { roots: [anchor] } }), code);
  });

  it('consults the crls it is given', async () => {
    const chain = await fakeChain();
    const crl = async (issuer: 'root' | 'intermediate', ...revoked: readonly Uint8Array[]) =>
      ({ kind: 'crl', der: await fakeCrl({ issuer: chain[issuer], revoked }) }) as const;
    const outcomeWith = async (...endorsements: NonNullable<VerifyOptions['endorsements']>) =>
      (await verifyFake({ chain }, { endorsements })).checks.find(({ id }) => id === 'nitro.revocation')?.outcome;
    expect(await outcomeWith(await crl('root'), await crl('intermediate'))).toBe('pass');
    expect(await outcomeWith(await crl('intermediate'))).toBe('not-checked');
    await expectCode(outcomeWith(await crl('intermediate', Uint8Array.of(0xf3))), 'certificate/revoked');
    await expectCode(outcomeWith({ kind: 'crl', der: bytes(9) }), 'certificate/crl-malformed');
  });

  it('refuses a sample of one-bit flips', async () => {
    const { document, anchor } = await fakeNitroDocument();
    for (let bit = 0; bit < document.length * 8; bit += 13) {
      const flipped = document.slice();
      flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7));
      const outcome = await Promise.resolve()
        .then(() => verify(flipped, { trust: { roots: [anchor] } }))
        .then(
          () => 'accepted',
          (error: unknown) => (AttestationError.is(error) ? 'refused' : String(error)),
        );
      expect(['refused', 'Error: expected a nitro document, got something else'], `bit ${bit}`).toContain(outcome);
    }
  });
});

describe('NitroTPM documents', () => {
  const registers = new Map(Array.from({ length: 24 }, (_, index): [CborValue, CborValue] => [index, bytes(48, index)]));
  const fields = { pcrs: undefined as never, nitrotpm_pcrs: registers, module_id: 'i-0fake-tpm0' };

  it('are tpm evidence under registers of their own, never an enclave', async () => {
    const claims = await verifyFake({ fields });
    expect(claims).toMatchObject({
      type: 'tpm',
      debug: null,
      identity: { 'module-id': 'i-0fake-tpm0' },
      details: { module: 'tpm', unknownFields: [] },
    });
    expect(claims.bindings.nonce).toBe('09'.repeat(32));
    expect(claims.measurements['nitrotpm-pcr4']).toBe('04'.repeat(48));
    expect(Object.keys(claims.measurements).some((name) => name.startsWith('pcr'))).toBe(false);
  });

  it("do not carry an enclave's registers too", async () => {
    await expectCode(() => verifyFake({ fields: { nitrotpm_pcrs: registers } }), 'nitro/malformed');
    await expectCode(() => verifyFake({ fields: { ...fields, nitrotpm_pcrs: new Map() } }), 'nitro/malformed');
  });
});

describe("the NSM's whole answer", () => {
  it('is opened', async () => {
    const { document, anchor } = await fakeNitroDocument();
    const answer = encodeCbor(new Map([['Attestation', new Map([['document', document]])]]));
    expect((await verify(answer, { trust: { roots: [anchor] } })).type).toBe('nitro');
    expect((await verify(new TextEncoder().encode(encodeHex(answer)), { trust: { roots: [anchor] } })).type).toBe('nitro');
    for (const other of [
      answer.subarray(0, -1),
      encodeCbor(new Map([['Attestation', document]])),
      encodeCbor(new Map([['Attestation', new Map([['document', bytes(9)]])]])),
    ]) {
      expect(nitroVerifier.recognise(other)).toBeNull();
    }
  });
});
