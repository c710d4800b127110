/** What a file is taken for, where two kinds share their members. */

import { concatBytes, utf8 } from '@assay/encoding/bytes';
import { encodeHex } from '@assay/encoding/hex';
import type { JsonObject } from '@assay/encoding/json';
import { type FakeDstack, fakeDstack, fakeReport } from '@assay/testing';
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
