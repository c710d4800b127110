/** The receipt about clocks: what the TEE signed, what the agent read, and by how much they differ; none where the TEE signs no time. */

import { encodeCbor } from '@assay/encoding/cbor';
import { FAKE_NOW } from '@assay/simulator';
import { fakeNitroDocument } from '@assay/testing';
import { expect, test } from 'vitest';
import { createMemoryLedger } from '../../../../tests/e2e/stand-ins.ts';
import { createNitroAttester } from '../adapters/attesters/nitro/nitro.ts';
import { clocksOf, logClock } from './log-clock.ts';

const request = { statementDigest: new Uint8Array(32).fill(7), nonce: null, channelPublicKey: null };

test('the drift of an enclave stands in a receipt', async () => {
  const { document } = await fakeNitroDocument();
  const attester = createNitroAttester(async () => encodeCbor(new Map([['Attestation', new Map([['document', document]])]])));
  const report = {
    document: {},
    keysetDigest: 'sha256:00' as never,
    issuedAt: FAKE_NOW + 1500,
    evidence: await attester.attest(request),
  };
  const clocks = clocksOf(report);
  expect(clocks).toEqual({ agent: FAKE_NOW + 1500, platform: FAKE_NOW });
  const ledger = createMemoryLedger();
  const id = await logClock(clocks as NonNullable<typeof clocks>, ledger);
  const sealed = ledger.sealed.find(({ receiptId }) => receiptId === id);
  const events = JSON.stringify(sealed);
  expect(events).toContain('"drift_ms":1500');
  expect(clocksOf({ ...report, evidence: { ...report.evidence, platformTime: undefined } })).toBeNull();
});
