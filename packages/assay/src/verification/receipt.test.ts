/** A receipt on its own: what its verdict says was checked and what was not, and receipts that nothing vouches for. */

import { collectEndorsements } from '@assay/attestation';
import { utf8 } from '@assay/encoding/bytes';
import { keysetDigest, type Receipt, sealReceipt } from '@assay/receipt';
import { FAKE_NOW, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import { verifyReceipt } from './receipt.ts';

const NONCE = 'ab'.repeat(32);
const agent = await sealedAgent({ answer: () => new Response('never asked') });
const report = new Uint8Array(
  await (await agent.fetch(`https://agent.example/v1/aci/attestation?nonce=${NONCE}`)).arrayBuffer(),
);
const receipt: Receipt = sealReceipt(
  {
    ...{ api_version: 'aci/1', receipt_id: `rcpt_${'a1'.repeat(16)}`, chat_id: null, model: null },
    ...{ workload_keyset_digest: keysetDigest(agent.keyset), endpoint: '/api/process', method: 'POST' },
    ...{ served_at: FAKE_NOW / 1000, event_log: [{ type: 'request.received', body_hash: `sha256:${'cd'.repeat(32)}` }] },
  },
  agent.signer,
);

const verdictOn = (file: object, companions: readonly Uint8Array[] = [report]) =>
  verifyReceipt(utf8(JSON.stringify(file)), {
    ...{ now: FAKE_NOW, trust: { simulatedRoot: agent.root }, expected: { nonce: NONCE } },
    collateral: collectEndorsements(companions.map((bytes) => ({ name: 'report', bytes }))),
  });

test('is accepted by its signature under the attested keyset, and says that no log was asked', async () => {
  const verdict = await verdictOn(receipt);
  expect(verdict).toMatchObject({ outcome: 'accepted', simulated: true });
  expect(verdict.checks.slice(0, 4).map(({ id, outcome }) => [id, outcome])).toEqual([
    ['receipt.signature', 'pass'],
    ['receipt.inclusion', 'not-checked'],
    ['report.keyset-binding', 'pass'],
    ['report.nonce', 'pass'],
  ]);
});

test.each<[string, object, readonly Uint8Array[], string, string]>([
  ['no report', receipt, [], 'unavailable', 'receipt/report-missing'],
  ['companions that are no report', receipt, [utf8('{"attestation":{}}')], 'unavailable', 'receipt/report-missing'],
  ['another text under its signature', { ...receipt, endpoint: '/' }, [report], 'not-authentic', 'receipt/signature-invalid'],
])('with %s is not accepted', async (_, file, companions, outcome, code) => {
  const verdict = await verdictOn(file, companions);
  expect([verdict.outcome, verdict.error?.code]).toEqual([outcome, code]);
});
