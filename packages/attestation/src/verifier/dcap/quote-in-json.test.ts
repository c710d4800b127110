/** Quotes as attestation APIs hand them out, and as Open Enclave wraps them. */

import { encodeBase64, encodeBase64Url } from '@assay/encoding/base64';
import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import { type FakeDcap, fakeDcap } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import type { VerificationResult } from '../../model/result.ts';
import { verify } from '../../verify.ts';

const tdx = await fakeDcap();
const sgx = await fakeDcap({ tee: 'sgx' });
const base64 = encodeBase64(tdx.quote);

function verified(file: Uint8Array | string, { now, endorsements, anchors }: FakeDcap = tdx): Promise<VerificationResult> {
  const bytes = typeof file === 'string' ? utf8(file) : file;
  return verify(bytes, { now, endorsements, trust: { roots: anchors } });
}

describe('a quote inside JSON', () => {
  test.each<[string, unknown]>([
    ['alone', { quote: base64 }],
    ['as hex with 0x', { tdx_quote: `0x${encodeHex(tdx.quote)}` }],
    ['as base64url, with runtime data', { quote: encodeBase64Url(tdx.quote), runtimeData: { data: 'e30', dataType: 'JSON' } }],
    ['as numbers', { quote: [...tdx.quote] }],
    ['below other members', { result: { attestation: { quote: base64, id: 7 } } }],
    ['in a list', [{ quote: base64 }]],
    ['as JSON text', { evidence: JSON.stringify({ quote: base64, cc_eventlog: null }) }],
    ['as base64 of JSON', { evidence: encodeBase64Url(utf8(JSON.stringify({ quote: base64 }))) }],
    ['twice the same', { quote: base64, raw: encodeHex(tdx.quote) }],
  ])('%s is that quote', async (_, json) => {
    const result = await verified(JSON.stringify(json));
    expect(result).toMatchObject({ type: 'tdx', claims: expect.anything(), tcb: { status: 'UpToDate' } });
    expect(result.checks).toContainEqual(expect.objectContaining({ id: 'tdx.unread', outcome: 'not-checked' }));
  });

  test('of an enclave is an SGX quote', async () => {
    expect(await verified(JSON.stringify({ quote: encodeBase64(sgx.quote) }), sgx)).toMatchObject({
      type: 'sgx',
      claims: expect.anything(),
    });
  });

  test('that was changed is not authentic', async () => {
    const forged = tdx.quote.slice();
    forged.set([1], 600);
    expect(await verified(JSON.stringify({ quote: encodeBase64(forged) }))).toMatchObject({
      outcome: 'not-authentic',
      error: { code: 'dcap/quote-signature-invalid' },
    });
  });

  test('next to another one is neither: which one is meant is not known', async () => {
    const text = JSON.stringify({ quote: base64, other: encodeBase64(sgx.quote) });
    expect(await verified(text)).toMatchObject({ outcome: 'malformed', error: { code: 'evidence/unrecognised' } });
  });
});

describe('Open Enclave', () => {
  const report = (quote: Uint8Array): Uint8Array => {
    const header = new Uint8Array(16);
    new DataView(header.buffer).setUint32(0, 1, true);
    new DataView(header.buffer).setUint32(4, 2, true);
    new DataView(header.buffer).setUint32(8, quote.length, true);
    return concatBytes(header, quote);
  };
  const evidence = (body: Uint8Array): Uint8Array => {
    const header = new Uint8Array(32).fill(0xee, 4, 20);
    header[0] = 3;
    new DataView(header.buffer).setUint32(24, body.length, true);
    return concatBytes(header, body);
  };
  test.each<[string, Uint8Array | string]>([
    ['a report', report(sgx.quote)],
    ['a report in base64', encodeBase64(report(sgx.quote))],
    ['a report in hex', encodeHex(report(sgx.quote))],
    ['evidence', evidence(sgx.quote)],
    ['evidence around a report', encodeBase64(evidence(report(sgx.quote)))],
  ])('%s is an SGX quote', async (_, file) => {
    expect(await verified(file, sgx)).toMatchObject({ type: 'sgx', claims: expect.anything() });
  });

  const claims = utf8('custom claims');
  const withClaims = async (): Promise<FakeDcap> => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', claims));
    const fake = await fakeDcap({ tee: 'sgx', body: (body) => body.fill(0, 320).set(hash, 320) });
    return { ...fake, quote: concatBytes(fake.quote, claims) };
  };

  test('custom claims behind the quote are vouched for by their hash', async () => {
    const fake = await withClaims();
    const result = await verified(fake.quote, fake);
    expect(result).toMatchObject({ type: 'sgx', claims: expect.anything() });
    expect(result.claims?.details).toMatchObject({ customClaims: encodeHex(claims) });
    expect(result.checks).toContainEqual(expect.objectContaining({ id: 'dcap.custom-claims', outcome: 'pass' }));
  });

  test('other bytes behind the quote are refused', async () => {
    const fake = await withClaims();
    fake.quote.set([0x78], fake.quote.length - 1);
    expect(await verified(fake.quote, fake)).toMatchObject({ outcome: 'malformed', error: { code: 'dcap/quote-malformed' } });
  });
});
