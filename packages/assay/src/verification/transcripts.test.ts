/** A file of transcripts against the reports in it: each session's attestation is of a keyset of the bundle, and answers its nonce. The bundle is a stand-in. */

import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type Json, type JsonObject, parseJson } from '@assay/encoding/json';
import { bindingDigest } from '@assay/models';
import { digestBytes, keysetDigest } from '@assay/receipt';
import { FAKE_NOW, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import type { BundleVerifier } from './bundle.ts';
import { resolveOptions } from './options.ts';
import { summaryChecks, transcriptsVerdict } from './transcripts.ts';

const NONCE = 'ab'.repeat(32);
const CALL = { receipt_id: 'r0', endpoint: '/inference', method: 'POST', served_at: FAKE_NOW / 1000, signature: 'sig-r0' };
const agent = await sealedAgent({ answer: () => new Response('never asked') });
const report = async (nonce: string): Promise<Json> => {
  const answer = await agent.fetch(`https://agent.example/v1/aci/attestation?nonce=${nonce}`);
  return parseJson(new Uint8Array(await answer.arrayBuffer()));
};

/** A session of one call, whose attestation has this report, and the receipts of its bundle. */
function built(shown: Json, reportNonce: string) {
  const model = { name: 'gpt2', version: '1' };
  const attestation = {
    ...{ provider_type: 'nitro', timestamp: new Date(FAKE_NOW).toISOString(), nonce: 'n', report: shown },
    additional_claims: { report_nonce: reportNonce },
  };
  const [attestation_hash, model_hash] = [bindingDigest(attestation), bindingDigest(model)];
  const digest = digestBytes(utf8('r0'));
  const bound = { type: 'transcript.bound', session_id: 's', index: 0, previous_hash: null, session_nonce: 'n' };
  const exchange = ['request.received', 'response.returned'].map((type) => ({ type, body_hash: digestBytes(utf8(type)) }));
  const bundled = { type: 'transcripts.bundled', session_id: 's', count: 1, last_hash: digest };
  const receipts = [
    { receipt: { ...CALL, event_log: [...exchange, { ...bound, attestation_hash, model_hash }] }, digest, index: 0 },
    { receipt: { ...CALL, receipt_id: 'r1', signature: 'sig-r1', event_log: [bundled] }, digest: 'none', index: 1 },
  ].map((each) => ({ ...each, time: FAKE_NOW }));
  const { endpoint, method, served_at: timestamp } = CALL;
  const binding = {
    transcript: { transcript_id: 'r0', timestamp, endpoint, method, hash: digest },
    model_identity: { hash: model_hash, ...model },
    attestation: { hash: attestation_hash, provider_type: 'nitro' },
    binding: { signature: CALL.signature, nonce: 'n', timestamp },
    verification: { valid: true },
  };
  const full_transcript = { request: 'request.received', response: 'response.returned' };
  const file = {
    ...{ format: 'assay-transcripts/1', policy: { max_binding_age: 3600 }, signature: 'sig-r1' },
    transcripts: [{ transcript_id: 'r0', session_id: 's', index: 0, binding, full_transcript }],
    sessions: [
      { session_id: 's', attestation, model_identity: { ...model, hash: model_hash }, count: 1, closing_receipt: 'r1' },
    ],
  };
  return { file: JSON.parse(canonicalJson(file)) as JsonObject, receipts };
}

function verdictOn({ file, receipts }: ReturnType<typeof built>, keyset = keysetDigest(agent.keyset)) {
  const bundles = {
    openBundle: async () => ({ bundle: { receipts, evidence: [{ report: { keysetDigest: keyset } }] } }),
    openedVerdict: () => ({ outcome: 'accepted', checks: [] }),
  } as unknown as BundleVerifier;
  return transcriptsVerdict(file, resolveOptions({ now: FAKE_NOW, trust: { simulatedRoot: agent.root } }), bundles);
}

test('is accepted with an attestation of the keyset that signed it, and says what was checked', async () => {
  const { error, outcome, checks } = await verdictOn(built(await report(NONCE), NONCE));
  expect([error, outcome]).toEqual([undefined, 'accepted']);
  expect(checks.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
    ...['transcripts.complete pass', 'transcripts.bound pass', 'transcripts.attested pass'],
  ]);
});

test('transcripts/substituted: an attestation of a keyset that signed none of it', async () => {
  const { outcome, error } = await verdictOn(built(await report(NONCE), NONCE), digestBytes(utf8('other')));
  expect([outcome, error?.code]).toEqual(['not-authentic', 'transcripts/substituted']);
});

test('report/mismatch: an attestation for another nonce than the session states', async () => {
  const { outcome, error } = await verdictOn(built(await report('cd'.repeat(32)), NONCE));
  expect([outcome, error?.code]).toEqual(['not-authentic', 'report/mismatch']);
});

test('transcripts that were not all compared are not called bound', () => {
  const outcomes = (compared: number) =>
    summaryChecks({ sessions: [], transcripts: 2, compared }).map(({ id, outcome }) => `${id} ${outcome}`);
  expect(outcomes(2)).toEqual(['transcripts.complete pass', 'transcripts.bound pass']);
  expect(outcomes(1)).toEqual(['transcripts.complete pass', 'transcripts.bound not-checked']);
});
