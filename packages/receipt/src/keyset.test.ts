// Keyset, statement, report and receipt arithmetic against the published aci/1 vectors (private-ai-gateway spec/test-vectors.md §1, §2, §4).
import { utf8 } from '@assay/encoding/bytes';
import { decodeHex, encodeHex } from '@assay/encoding/hex';
import { canonicalJson } from '@assay/encoding/json';
import { expectCode, fakeReport } from '@assay/testing';
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Digest } from './digest.ts';
import { verifyEd25519, verifyWithoutWebCrypto } from './ed25519.ts';
import { type Keyset, keysetDigest, parseKeyset, signingKey } from './keyset.ts';
import { parseReceipt, receiptSigningInput } from './receipt.ts';
import { parseReport } from './report.ts';
import { sealReceipt } from './seal.ts';
import { carriesStatement, paddedReportData, resultStatementText, statementDigest, statementText } from './statement.ts';
import { verifyReceiptSignature } from './verify-receipt.ts';

const SEED = new Uint8Array(32).fill(2);
const KEYSET: Keyset = {
  e2ee_public_keys: [
    {
      algo: 'x25519-aes-256-gcm-hkdf-sha256',
      key_id: 'e2ee-1',
      public_key: '5dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef22',
    },
  ],
  not_after: 1_800_000_000,
  receipt_signing_keys: [
    { algo: 'ed25519', key_id: 'receipt-1', public_key: '8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394' },
  ],
  subject: 'dstack-app://example-app',
  tls_public_keys: [{ domain: 'api.example.com', spki_sha256: 'c0'.repeat(32) }],
};
const DIGEST = 'sha256:53a5cd44b30dcc51999754c719f2628a041f174ecbf9662a6f8e898a10cd9371';
const NONCE = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const BODY = 'sha256:94d809bf47380d8a2eab0eb6e126d4dda9364b0b4725cdf7ead52dd70b2aa87b';
const RECEIPT = {
  api_version: 'aci/1',
  chat_id: 'chatcmpl-123',
  endpoint: '/v1/chat/completions',
  event_log: [
    { body_hash: BODY, type: 'request.received' },
    { body_hash: BODY, type: 'request.forwarded' },
    {
      model_id: 'demo-model',
      required: true,
      result: 'verified',
      session_id: '95ad1cb4dd25445808c2e9d116caf420b05703730b506395e8fc1ca6faeae28f',
      type: 'upstream.verified',
    },
    { body_hash: 'sha256:dedfffe5b14d031b8e2c01996d021a15293cb7c63b56be7e4be9e89b6f0a5f61', type: 'response.returned' },
  ],
  key_id: 'receipt-1',
  method: 'POST',
  model: 'demo-model',
  receipt_id: 'rcpt-0001',
  served_at: 1_750_000_000,
  signature:
    'd5b005e093bde3b577faf270b7184b09e169cacb0ecb206b103bd2581f997db03da616175454b063323a23ac1dc68f1ce506c2a6eba8aa0561d5e724f0b80c03',
  workload_keyset_digest: DIGEST,
};

describe('aci/1 vectors', () => {
  test('keyset digest', () => {
    expect(keysetDigest(parseKeyset(KEYSET))).toBe(DIGEST);
  });
  test('statement and report data, with a nonce and without', () => {
    expect(statementText(DIGEST, NONCE)).toBe(
      `{"keyset_digest":"${DIGEST}","nonce":"${NONCE}","purpose":"aci.report_data.v1"}`,
    );
    expect(encodeHex(statementDigest(DIGEST, NONCE))).toBe('df2174d28130852b413646a3786927b93e94c11d770268b65def8bdba45cb49e');
    expect(encodeHex(statementDigest(DIGEST, null))).toBe('0633919ca3f00e97bafaa3304278eb22420cc3ff0d19f87dfca2d3f7508150bc');
    expect(paddedReportData(statementDigest(DIGEST, NONCE))).toBe(
      `df2174d28130852b413646a3786927b93e94c11d770268b65def8bdba45cb49e${'0'.repeat(64)}`,
    );
  });
  test('receipt signing input and signature', async () => {
    const receipt = parseReceipt(RECEIPT);
    expect(encodeHex(sha256(receiptSigningInput(receipt)))).toBe(
      '1bd328e6880a5a12b3915af95ea32111310e04ab9e21ac3d71ce268e33b965c9',
    );
    await verifyReceiptSignature(receipt, KEYSET);
    const { signature, key_id: _, ...content } = receipt;
    expect(sealReceipt(content, { keyId: 'receipt-1', sign: (message) => ed25519.sign(message, SEED) }).signature).toBe(
      signature,
    );
  });
});

describe('a keyset is refused when', () => {
  const key = KEYSET.receipt_signing_keys[0]!;
  test.each([
    ['it has an unknown member', { ...KEYSET, extra: 1 }],
    ['a member is missing', (({ subject: _, ...rest }) => rest)(KEYSET)],
    ['not_after is a fraction', { ...KEYSET, not_after: 1.5 }],
    ['not_after is negative', { ...KEYSET, not_after: -1 }],
    ['a key id stands twice', { ...KEYSET, receipt_signing_keys: [key, { ...key, public_key: 'aa' }] }],
    ['a key has two roles', { ...KEYSET, e2ee_public_keys: [{ ...key, key_id: 'other' }] }],
    ['a key has an unknown member', { ...KEYSET, receipt_signing_keys: [{ ...key, use: 'sig' }] }],
    ['an SPKI digest is upper case', { ...KEYSET, tls_public_keys: [{ spki_sha256: 'C0'.repeat(32) }] }],
    ['it is a list', []],
    ['it is null', null],
  ])('%s', async (_, value) => {
    await expectCode(() => parseKeyset(value), 'keyset/malformed');
  });
  test('its key is asked for under another algorithm or id', async () => {
    await expectCode(() => signingKey(KEYSET, 'receipt-1', 'assay-leaf-ed25519'), 'keyset/key-missing');
    await expectCode(() => signingKey(KEYSET, 'receipt-2', 'ed25519'), 'keyset/key-missing');
    const short = { ...KEYSET, receipt_signing_keys: [{ ...key, public_key: 'aabb' }] };
    await expectCode(() => signingKey(short, 'receipt-1', 'ed25519'), 'keyset/malformed');
  });
});

describe('the statement', () => {
  test.each(['AB'.repeat(32), 'ab'.repeat(31), `${'ab'.repeat(32)} `, '', 'x'.repeat(64)])(
    'refuses the nonce %j',
    async (nonce) => {
      await expectCode(() => statementText(DIGEST, nonce), 'statement/malformed');
    },
  );
  test.each(['ab'.repeat(32), 'sha256:ab', ''])('refuses the digest %j, of a keyset and of a result', async (digest) => {
    await expectCode(() => statementText(digest as Digest, NONCE), 'statement/malformed');
    await expectCode(() => resultStatementText(DIGEST, NONCE, digest as Digest), 'statement/malformed');
  });
  test('stands in the slot to the byte, zeros included', () => {
    const digest = statementDigest(DIGEST, NONCE);
    const padded = decodeHex(paddedReportData(digest));
    expect([carriesStatement(digest, digest), carriesStatement(padded, digest)]).toEqual([true, true]);
    for (let i = 0; i < 64; i++) {
      const flipped = padded.slice();
      flipped[i]! ^= 1;
      expect(carriesStatement(flipped, digest)).toBe(false);
    }
    for (const length of [0, 31, 33, 63, 65]) expect(carriesStatement(new Uint8Array(length), digest)).toBe(false);
    expect(carriesStatement(padded, digest.slice(0, 31))).toBe(false);
  });
});

describe('a report is refused when', () => {
  const { report } = fakeReport(KEYSET.receipt_signing_keys);
  const attestation = report.attestation as Record<string, unknown>;
  test.each([
    ['the version is another', { ...report, api_version: 'aci/2' }, 'report/malformed'],
    ['the keyset digest is another', { ...report, workload_keyset_digest: DIGEST }, 'report/mismatch'],
    ['report_data is another', { ...report, attestation: { ...attestation, report_data: '00'.repeat(32) } }, 'report/mismatch'],
    ['the keyset was changed', { ...report, attestation: { ...attestation, workload_keyset: KEYSET } }, 'report/mismatch'],
    ['there is no evidence', { ...report, attestation: { ...attestation, evidence: null } }, 'report/malformed'],
    ['there is no attestation', { ...report, attestation: 7 }, 'report/malformed'],
  ])('%s: %s', async (_, value, code) => {
    await expectCode(() => parseReport(value, null), code);
  });
  test('it is for another nonce', async () => {
    await expectCode(() => parseReport(report, NONCE), 'report/mismatch');
    expect(parseReport(fakeReport(KEYSET.receipt_signing_keys, { nonce: NONCE }).report, NONCE).nonce).toBe(NONCE);
  });
});

describe('a receipt is refused when', () => {
  const edit = (change: object) => ({ ...RECEIPT, ...change });
  test.each([
    ['the version is another', edit({ api_version: 'aci/2' }), 'receipt/malformed'],
    ['a member is missing', (({ method: _, ...rest }) => rest)(RECEIPT), 'receipt/malformed'],
    ['the first event is another', edit({ event_log: RECEIPT.event_log.slice(1) }), 'receipt/malformed'],
    ['there are no events', edit({ event_log: [] }), 'receipt/malformed'],
    ['the signature is upper case', edit({ signature: RECEIPT.signature.toUpperCase() }), 'receipt/malformed'],
    ['the first event has no hash', edit({ event_log: [{ type: 'request.received' }] }), 'receipt/malformed'],
    ['served_at is a text', edit({ served_at: '1750000000' }), 'receipt/malformed'],
    [
      'an event is nested',
      edit({ event_log: [...RECEIPT.event_log, { type: 'a.b', c: { d: 1 } }] }),
      'receipt/event-malformed',
    ],
    ['an event has no type', edit({ event_log: [...RECEIPT.event_log, { c: 1 }] }), 'receipt/event-malformed'],
    [
      'a hash is no digest',
      edit({ event_log: [...RECEIPT.event_log, { type: 'a.b', c_hash: 'x' }] }),
      'receipt/event-malformed',
    ],
    [
      'a field is an unsafe integer',
      edit({ event_log: [...RECEIPT.event_log, { type: 'a.b', c: 2 ** 60 }] }),
      'receipt/event-malformed',
    ],
  ])('%s: %s', async (_, value, code) => {
    await expectCode(() => parseReceipt(value), code);
  });
  test('any member of it changes, or the keyset is another or expired', async () => {
    const receipt = parseReceipt(RECEIPT);
    for (const change of [
      { served_at: 1 },
      { model: null },
      { endpoint: '/' },
      { extra: 1 },
      { event_log: receipt.event_log.slice(0, 3) },
    ])
      await expectCode(verifyReceiptSignature(parseReceipt({ ...RECEIPT, ...change }), KEYSET), 'receipt/signature-invalid');
    await expectCode(verifyReceiptSignature(receipt, { ...KEYSET, subject: null }), 'receipt/keyset-mismatch');
    const expired = { ...KEYSET, not_after: RECEIPT.served_at };
    await expectCode(
      verifyReceiptSignature({ ...receipt, workload_keyset_digest: keysetDigest(expired) }, expired),
      'keyset/expired',
    );
  });
});

test('WebCrypto and the fallback agree on every flipped bit of a signature, and on random ones', async () => {
  const message = utf8(canonicalJson(RECEIPT));
  const signature = ed25519.sign(message, SEED);
  const key = ed25519.getPublicKey(SEED);
  expect([await verifyEd25519(key, message, signature), await verifyWithoutWebCrypto(key, message, signature)]).toEqual([
    true,
    true,
  ]);
  for (let bit = 0; bit < 512; bit += 5) {
    const flipped = signature.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expect([await verifyEd25519(key, message, flipped), await verifyWithoutWebCrypto(key, message, flipped)]).toEqual([
      false,
      false,
    ]);
  }
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 60, maxLength: 68 }),
      fc.uint8Array({ minLength: 31, maxLength: 33 }),
      async (random, randomKey) => {
        expect([
          await verifyEd25519(randomKey, message, random),
          await verifyWithoutWebCrypto(randomKey, message, random),
        ]).toEqual([false, false]);
      },
    ),
    { numRuns: 50 },
  );
});

test('a keyset that was parsed cannot be changed under its digest; one that was not has the digest of what it is', () => {
  const keyset = parseKeyset(KEYSET);
  expect(keysetDigest(keyset)).toBe(keysetDigest(keyset));
  expect(() => Object.assign(keyset, { not_after: 1 })).toThrow(TypeError);
  expect(() => Object.assign(keyset.receipt_signing_keys[0] as object, { algo: 'none' })).toThrow(TypeError);
  expect(() => (keyset.e2ee_public_keys as unknown[]).pop()).toThrow(TypeError);
  expect(keysetDigest({ ...keyset, not_after: 1 })).not.toBe(keysetDigest(keyset));
  const loose = { ...KEYSET };
  const before = keysetDigest(loose);
  expect(keysetDigest(Object.assign(loose, { not_after: 1 }))).not.toBe(before);
});
