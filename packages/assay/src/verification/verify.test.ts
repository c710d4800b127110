/** What a file is taken for, where two kinds share their members, and what is said of one that was changed. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import { FAKE_NOW, type FakeDstack, fakeDstack, fakeReport, fakeSnp } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { verify } from './verify.ts';

const ADDRESS = new Uint8Array(20).fill(0xad);
const NONCE = new Uint8Array(32).fill(0x4e);
const LEGACY = concatBytes(ADDRESS, new Uint8Array(12), NONCE);

function gatewayAnswer({ document }: FakeDstack, reportData: string): JsonObject {
  const { report } = fakeReport([], { nonce: encodeHex(NONCE) });
  const attestation = { ...(report.attestation as JsonObject), report_data: reportData };
  const { quote, event_log: log } = document;
  return {
    ...report,
    attestation: { ...attestation, evidence: { quote, event_log: log } },
    ...{ intel_quote: quote, signing_address: `0x${encodeHex(ADDRESS)}`, signing_algo: 'ecdsa' },
  };
}

describe("the private AI gateway's answer", () => {
  test('to older clients is evidence that binds an address', async () => {
    const fake = await fakeDstack({ reportData: LEGACY });
    const { now, endorsements, anchors } = fake;
    const bytes = utf8(JSON.stringify(gatewayAnswer(fake, encodeHex(LEGACY))));
    const verdict = await verify(bytes, { now, collateral: endorsements, trust: { roots: anchors } });
    expect(verdict).toMatchObject({ type: 'combined', outcome: 'refused' });
    expect(verdict.claims?.identity).toMatchObject({ 'signing-address': encodeHex(ADDRESS) });
  });

  test('is a report where its report data is that of a statement', async () => {
    const fake = await fakeDstack({ reportData: LEGACY });
    const answer = gatewayAnswer(fake, encodeHex(new Uint8Array(32)));
    const verdict = await verify(utf8(JSON.stringify(answer)), { now: fake.now, expected: { nonce: encodeHex(NONCE) } });
    expect(verdict).toMatchObject({ outcome: 'not-authentic', type: 'report', error: { code: 'report/mismatch' } });
  });
});

test('a changed byte of an SNP report is named in the words of its vendor, with what happened', async () => {
  const { report, chain, root } = await fakeSnp();
  const changed = report.slice();
  // The launch measurement.
  changed[0x90] = (changed[0x90] ?? 0) ^ 1;
  const verdict = await verify(changed, {
    now: FAKE_NOW,
    trust: { roots: [root.der] },
    collateral: chain.map((der) => ({ kind: 'certificate', der })),
  });
  expect(verdict).toMatchObject({ outcome: 'not-authentic', error: { code: 'snp/signature-invalid' } });
  expect(verdict.scope).toMatch(/^AMD SEV-SNP report at /);
  expect(verdict.error?.message).toBe('expected a report signed by the vcek, got a bad signature; it was changed');
});
