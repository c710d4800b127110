/** Answers with the receipt and the report of a sealed agent in them: what their verdict checks, and each claim that the receipt does not bear out. */

import { createHash } from 'node:crypto';
import { utf8 } from '@assay/encoding/bytes';
import { canonicalJson, type JsonObject, parseJson } from '@assay/encoding/json';
import { isNonce, keysetDigest, type ReceiptEvent, sealReceipt } from '@assay/receipt';
import { FAKE_NOW, sealedAgent } from '@assay/testing';
import { expect, test } from 'vitest';
import { verifyResultFile } from './result-file.ts';

const NONCE = 'ab'.repeat(32);
const CODE = 'print(42)';
const RECEIPT_ID = `rcpt_${'a1'.repeat(16)}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const agent = await sealedAgent({ answer: () => new Response('never asked') });
const inference = { model: 'm', prompt_hash: sha256('q'), response_hash: sha256(CODE) };

/** What the agent answers, and what its receipt says. */
interface Told {
  readonly answer?: JsonObject;
  readonly attestation?: JsonObject;
  readonly events?: readonly ReceiptEvent[];
}

/** An answer that was signed as it is. */
async function signed({ answer = {}, attestation = {}, events = [] }: Told): Promise<JsonObject> {
  const nonce = isNonce(attestation.nonce) ? attestation.nonce : NONCE;
  const asked = `https://agent.example/v1/aci/attestation?nonce=${nonce}`;
  const report = parseJson(new Uint8Array(await (await agent.fetch(asked)).arrayBuffer()));
  const stated = { type: 'simulated', measurements: {}, signature: 's', timestamp: FAKE_NOW / 1000, nonce: NONCE, inference };
  const code = 'generated_code' in answer ? {} : { generated_code: CODE };
  const whole = {
    retries_used: 0,
    ...code,
    ...answer,
    receipt_id: RECEIPT_ID,
    attestation: { ...stated, ...attestation, report },
  };
  const body = JSON.parse(JSON.stringify(whole)) as JsonObject;
  const receipt = sealReceipt(
    {
      ...{ api_version: 'aci/1', receipt_id: RECEIPT_ID, chat_id: null, model: null },
      ...{ workload_keyset_digest: keysetDigest(agent.keyset), endpoint: '/api/process', method: 'POST' },
      served_at: FAKE_NOW / 1000,
      event_log: [
        { type: 'request.received', body_hash: `sha256:${sha256('{}')}` },
        { type: 'task.received', task_id: 't', task: 'ai_generate_and_execute', nonce: NONCE },
        { type: 'model.called', provider: 'ollama', model: 'm', provenance: 'unverified' },
        ...events,
        { type: 'code.generated', attempt: 1, language: 'python', code_hash: `sha256:${sha256(CODE)}`, source: 'model' },
        { type: 'response.returned', body_hash: `sha256:${sha256(canonicalJson(body))}`, form: 'jcs-without-receipt' },
      ],
    },
    agent.signer,
  );
  return { ...body, receipt: receipt as unknown as JsonObject };
}

async function verdictOn(told: Told) {
  const verdict = await verifyResultFile(utf8(JSON.stringify(await signed(told))), {
    ...{ now: FAKE_NOW, trust: { simulatedRoot: agent.root } },
  });
  const having = (wanted: string): readonly string[] =>
    verdict.checks
      .filter(({ id, outcome }) => outcome === wanted && id.startsWith('result.'))
      .map(({ id }) => id.slice('result.'.length));
  return { outcome: verdict.outcome, passed: having('pass'), failed: having('fail'), open: having('not-checked') };
}

test('a signed answer is accepted, and each check of the file is listed', async () => {
  expect(await verdictOn({})).toEqual({
    outcome: 'accepted',
    passed: [
      ...['structure', 'nonce', 'freshness', 'tee-type', 'inference', 'code-hash', 'receipt', 'answer-hash'],
      ...['signed-code', 'signed-nonce', 'signed-model'],
    ],
    failed: [],
    open: ['inclusion'],
  });
});

test('an answer without code is compared by the hash that it states', async () => {
  const { outcome, open } = await verdictOn({ answer: { generated_code: null } });
  expect([outcome, open]).toEqual(['accepted', ['code-hash', 'inclusion']]);
});

const called = { type: 'model.called', provider: 'ollama', model: 'other', provenance: 'unverified' };
const { model: _, ...nameless } = inference;
test.each<[string, Told, string, readonly string[]]>([
  ['another model than the receipt', { events: [called] }, 'refused', ['signed-model']],
  ['another nonce than the receipt', { attestation: { nonce: 'cd'.repeat(32) } }, 'refused', ['signed-nonce']],
  ['no model', { attestation: { inference: nameless } }, 'refused', ['inference']],
  [
    'an empty name for its model',
    { attestation: { inference: { ...inference, model: '' } } },
    'refused',
    ['inference', 'signed-model'],
  ],
  ['a hash that is none', { attestation: { inference: { ...inference, prompt_hash: 'ab' } } }, 'refused', ['inference']],
  ['a short nonce', { attestation: { nonce: 'abab' } }, 'malformed', ['nonce']],
  ['a TEE of no known type', { attestation: { type: 'tpm' } }, 'refused', ['tee-type']],
  ['a time ahead of the clock', { attestation: { timestamp: FAKE_NOW / 1000 + 61 } }, 'refused', ['freshness']],
])('with %s it is not accepted', async (_, told, outcome, failed) => {
  expect(await verdictOn(told)).toMatchObject({ outcome, failed });
});
