/** A real agent whose model is behind RedPill's stand-in: receipts with session and signature, bundles that verify, lies refused. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LooseJson, type RedpillServer, startRedpillServer } from '@assay/testing';
import { verify } from 'assay';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { type RunningAgent, startAgent } from '../../packages/agent/src/main.ts';
import { type ApiDocument, apiChecker } from '../e2e/openapi-answers.ts';

const MODEL = 'phala/gemma-3-27b-it';
let directory: string;
let server: RedpillServer;
let agent: RunningAgent;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-redpill-'));
  server = await startRedpillServer({ apiKey: 'key', answer: () => '```python\nprint(6 * 7)\n```' });
  const root = join(directory, 'fake-intel.pem');
  writeFileSync(root, await server.rootPem());
  agent = await startAgent(
    parseConfig({
      ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error' },
      ...{ AI_PROVIDER: 'redpill', REDPILL_API_URL: server.origin, REDPILL_API_KEY: 'key', AI_MODEL: MODEL },
      ...{ ASSAY_UPSTREAM_SIMULATED_ROOT: root, ASSAY_PCCS_URL: server.origin },
    }),
  );
});

afterEach(() => {
  server.lie = null;
});

afterAll(async () => {
  await agent.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

type Loose = Record<string, LooseJson>;

async function verifyBundleOf(receiptId: string) {
  const bytes = new Uint8Array(await (await fetch(`${agent.url}/bundles/${receiptId}`)).arrayBuffer());
  const simulatedRoot = readFileSync(join(directory, 'simulated-root.pem'));
  return { bytes, verdict: await verify(bytes, { trust: { simulatedRoot } }) };
}

async function run(): Promise<{ status: number; body: Loose }> {
  const data = { type: 'ai_generate_and_execute', description: 'Print the answer', include_attestation: true, max_retries: 1 };
  const answer = await fetch(`${agent.url}/api/process`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data }),
  });
  return { status: answer.status, body: (await answer.json()) as Loose };
}

const chat = (stream: boolean): Promise<Response> =>
  fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'my secret' }], stream }),
  });

async function receiptOf(id: string): Promise<readonly Loose[]> {
  const document = (await (await fetch(`${agent.url}/v1/aci/receipts/${id}`)).json()) as Loose;
  return (document.receipt ?? document).event_log;
}

test('a task: the model is verified, its answer signed, both are sealed, and the bundle verifies', async () => {
  const { status, body } = await run();
  expect(status, JSON.stringify(body).slice(0, 400)).toBe(200);
  expect(body).toMatchObject({ success: true, output: '42\n', retries_used: 0 });
  expect(body.model_provenance).toMatchObject({ kind: 'attested', provider: 'redpill', simulated: true });
  const { session } = body.model_provenance;
  expect(body.attestation).toMatchObject({
    type: 'simulated',
    simulated: true,
    measurements: { mrtd: expect.any(String), rtmr3: expect.any(String) },
    signature: { algorithm: 'ecdsa', value: expect.stringMatching(/^0x[0-9a-f]{40}$/) },
    inference: { model: MODEL, prompt_hash: expect.stringMatching(/^[0-9a-f]{64}$/), response_hash: expect.any(String) },
    verification: {
      nonce: body.attestation.nonce,
      session_id: session,
      upstream_nonce: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  });
  const events = body.receipt.event_log as Loose[];
  expect(events.find(({ type }) => type === 'upstream.verified')).toMatchObject({ result: 'verified', session_id: session });
  expect(events.find(({ type }) => type === 'model.called')).toMatchObject({ provenance: 'attested', session_id: session });
  const signed = events.find(({ type }) => type === 'upstream.signed');
  expect(signed).toMatchObject({ session_id: session, signing_algo: 'ecdsa', simulated: true });
  const called = events.find(({ type }) => type === 'model.called');
  expect([signed?.request_hash, signed?.response_hash]).toEqual([called?.request_hash, called?.response_hash]);
  const kept = await fetch(`${agent.url}/v1/aci/sessions/${session}`);
  const check = apiChecker((await (await fetch(`${agent.url}/openapi.json`)).json()) as ApiDocument);
  expect(await check.answer('GET /v1/aci/sessions/{id}', kept.clone())).toEqual([]);
  expect(await check.answer('GET /v1/aci/sessions', await fetch(`${agent.url}/v1/aci/sessions`))).toEqual([]);
  expect(await check.answer('POST /api/process', Response.json(body))).toEqual([]);
  expect(((await kept.json()) as Loose).upstream_name).toBe('redpill');
  const { bytes, verdict } = await verifyBundleOf(body.receipt_id);
  expect(verdict.error).toBeUndefined();
  expect(verdict.outcome).toBe('accepted');
  expect(verdict.warnings.join()).toContain("SIMULATED: the model's TEE");
  expect(new TextDecoder().decode(bytes)).toContain('attempt-1/upstream-signature');
});

test.each([true, false])('a chat through /v1, streamed: %s', async (stream) => {
  const answer = await chat(stream);
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain('6');
  const id = answer.headers.get('x-receipt-id') ?? '';
  const types = (await receiptOf(id)).map(({ type }) => type);
  expect(types).toEqual(
    expect.arrayContaining(['upstream.verified', 'request.forwarded', 'upstream.signed', 'response.returned']),
  );
  expect((await verifyBundleOf(id)).verdict.outcome).toBe('accepted');
});

test('an answer whose signature is wrong is no success, in tasks and in chats', async () => {
  server.lie = 'forged-signature';
  const { status, body } = await run();
  expect([status, body.success, body.error_code]).toEqual([403, false, 'upstream/proof-invalid']);
  expect(body.attestation?.inference ?? null).toBeNull();
  const whole = await chat(false);
  expect([whole.status, ((await whole.json()) as Loose).error.type]).toEqual([502, 'upstream_error']);
  const broken = await chat(true);
  const id = broken.headers.get('x-receipt-id') ?? '';
  await expect(broken.text().then((text) => text.includes('[DONE]'))).rejects.toThrow();
  expect(await receiptOf(id)).toContainEqual(expect.objectContaining({ type: 'task.failed', code: 'upstream/proof-invalid' }));
});

test('a TEE that cannot be verified gets no prompt, and the refusal is sealed', async () => {
  const other = 'phala/qwen-2.5-7b-instruct';
  server.lie = 'wrong-nonce';
  const before = server.prompts().length;
  const answer = await fetch(`${agent.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: other, messages: [{ role: 'user', content: 'my secret' }] }),
  });
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { type: 'upstream_verification_failed' } });
  expect(await receiptOf(answer.headers.get('x-receipt-id') ?? '')).toContainEqual(
    expect.objectContaining({ type: 'upstream.verified', result: 'failed', required: true, model_id: other }),
  );
  expect(server.prompts()).toHaveLength(before);
});
