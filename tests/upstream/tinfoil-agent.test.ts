/** A real agent whose model is in a Tinfoil-style enclave: settings, receipts with session and channel, bundles that verify. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LooseJson, startTinfoilServer, type TinfoilServer } from '@assay/testing';
import { verify } from 'assay';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { type RunningAgent, startAgent } from '../../packages/agent/src/main.ts';

const MODEL = 'llama3-3-70b';
let directory: string;
let server: TinfoilServer;
let agent: RunningAgent;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-tinfoil-'));
  server = await startTinfoilServer({ apiKey: 'key', answer: () => '```python\nprint(6 * 7)\n```' });
  const [root, authorities] = [join(directory, 'fake-intel.pem'), join(directory, 'authorities.pem')];
  writeFileSync(root, await server.rootPem());
  writeFileSync(authorities, server.authorities);
  agent = await startAgent(
    parseConfig({
      ...{ AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error' },
      ...{ AI_PROVIDER: 'tinfoil', AI_API_BASE: server.origin, TINFOIL_API_KEY: 'key', AI_MODEL: MODEL },
      ...{ ASSAY_UPSTREAM_SIMULATED_ROOT: root, ASSAY_UPSTREAM_AUTHORITIES: authorities },
      // The stand-in's collateral lies below its own address, whose certificate the agent accepts for the same reason.
      ...{ ASSAY_PCCS_URL: server.origin, ASSAY_UPSTREAM_CHANNEL: 'sealed' },
    }),
  );
});

afterAll(async () => {
  await agent.close();
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

type Loose = Record<string, LooseJson>;

const post = (path: string, body: unknown): Promise<Response> =>
  fetch(`${agent.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function bundleOf(receiptId: string) {
  const bytes = new Uint8Array(await (await fetch(`${agent.url}/bundles/${receiptId}`)).arrayBuffer());
  const simulatedRoot = readFileSync(join(directory, 'simulated-root.pem'));
  return verify(bytes, { trust: { simulatedRoot } });
}

test('a task: the prompt is sealed, the receipt names the channel, and the bundle verifies', async () => {
  const data = { type: 'ai_generate_and_execute', description: 'Print the answer', include_attestation: true };
  const body = (await (await post('/api/process', { data })).json()) as Loose;
  expect(body).toMatchObject({ success: true, output: '42\n', model_provenance: { kind: 'attested', provider: 'tinfoil' } });
  expect(body.attestation).toMatchObject({
    type: 'simulated',
    signature: { algorithm: 'ehbp-x25519', value: server.hpkeKey, covers: expect.stringContaining('upstream.sealed') },
  });
  const events = body.receipt.event_log as Loose[];
  const sealed = events.find(({ type }) => type === 'upstream.sealed');
  const called = events.find(({ type }) => type === 'model.called');
  expect(sealed).toMatchObject({ sealed: 'ehbp', session_id: body.model_provenance.session, simulated: true });
  expect([sealed?.request_hash, sealed?.response_hash]).toEqual([called?.request_hash, called?.response_hash]);
  const verdict = await bundleOf(body.receipt_id);
  expect([verdict.outcome, verdict.error]).toEqual(['accepted', undefined]);
  expect(verdict.warnings.join()).toContain("SIMULATED: the model's TEE");
  expect(server.plain()).toEqual([]);
});

test.each([true, false])('a chat through /v1, streamed: %s; a lie ends it', async (stream) => {
  const chat = () =>
    post('/v1/chat/completions', { model: 'default', messages: [{ role: 'user', content: 'my secret' }], stream });
  const answer = await chat();
  expect(await answer.text()).toContain('print(6');
  const id = answer.headers.get('x-receipt-id') ?? '';
  expect((await bundleOf(id)).outcome).toBe('accepted');
  server.lie = 'wrong-tls-key';
  await sleep(50);
  const before = server.requests.length;
  const refused = await chat();
  expect([refused.status, ((await refused.json()) as Loose).error.message]).toEqual([
    502,
    expect.stringContaining('upstream/channel-mismatch'),
  ]);
  expect(server.requests).toHaveLength(before);
  server.lie = null;
  await sleep(50);
  expect((await chat()).status).toBe(200);
  expect(server.plain()).toEqual([]);
});
