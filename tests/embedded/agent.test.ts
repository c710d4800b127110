/**
 * A real model in a real agent: SmolLM2 writes, the receipt names its weights, the bundle verifies offline, and the profile of what was
 * loaded is in the log. Without the model the suite says so loudly and passes.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig, type RunningAgent, startAgent } from '@assay/agent';
import { parseJson } from '@assay/encoding/json';
import { parseBundle } from '@assay/receipt';
import { connect, verifyBundle } from 'assay';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directoryWith, isAtHand, SHARED, SMOLLM2 } from './models-at-hand.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe.runIf(isAtHand(SMOLLM2))('an agent with a fetched model', () => {
  const at = directoryWith([SMOLLM2.file]);
  const weights = sha256(readFileSync(join(SHARED, 'models', SMOLLM2.file)));
  let agent: RunningAgent;
  let root: Uint8Array;

  beforeAll(async () => {
    // No setting names a model: the one that was fetched serves.
    agent = await startAgent(
      parseConfig({
        AGENT_PORT: '0',
        ASSAY_DATA_DIR: at.directory,
        ASSAY_LOG_LEVEL: 'error',
        AI_TEMPERATURE: '0',
        ASSAY_MODEL_SECONDS: '900',
      }),
    );
    root = readFileSync(join(at.directory, 'simulated-root.pem'));
  }, 120_000);
  afterAll(async () => {
    await agent?.close();
    at.remove();
  });

  const bundleOf = async (id: string): Promise<Uint8Array> =>
    new Uint8Array(await (await fetch(`${agent.url}/bundles/${id}`)).arrayBuffer());

  test('answers a question; the receipt names the exact weights, and the bundle has the profile', {
    timeout: 900_000,
  }, async () => {
    const client = await connect(agent.url, { trust: { simulatedRoot: root } });
    const { text, receipt } = await client.chat('What is the capital of France? Answer in one short sentence.');
    expect(text).toContain('Paris');
    const called = receipt.event_log.find(({ type }) => type === 'model.called');
    expect(called).toMatchObject({
      provider: 'embedded',
      model: SMOLLM2.name,
      provenance: 'embedded',
      model_hash: `sha256:${weights}`,
      finish_reason: 'stop',
    });
    const bytes = await bundleOf(receipt.receipt_id);
    const verdict = await verifyBundle(bytes, { trust: { simulatedRoot: root } });
    expect(verdict.outcome).toBe('accepted');
    if (verdict.outcome !== 'accepted') return;
    const payload = verdict.receipts[0]?.payloads.find(({ name }) => name === 'model-profile.json');
    expect(called?.profile_hash).toBe(`sha256:${sha256(payload!.content!)}`);
    const profile = parseJson(payload!.content!) as { model: object; engine: { binaries: object[]; packages: object[] } };
    expect(profile.model).toMatchObject({ name: SMOLLM2.name, file: SMOLLM2.file, sha256: weights, architecture: 'llama' });
    expect(profile.engine.packages).toHaveLength(2);
    expect(profile.engine.binaries.length).toBeGreaterThan(3);
    expect(JSON.stringify(verdict.checks)).toContain(weights);
  });

  test('logged the profile under the keyset before it answered', async () => {
    const { receipts } = (await (await fetch(`${agent.url}/api/receipts`)).json()) as {
      receipts: readonly { receipt_id: string; task: string }[];
    };
    const loaded = receipts.find(({ task }) => task === 'model_profile');
    const [receipt] = parseBundle(await bundleOf(loaded!.receipt_id)).receipts;
    expect(receipt?.receipt.event_log).toContainEqual(
      expect.objectContaining({ type: 'model.loaded', model: SMOLLM2.name, model_hash: `sha256:${weights}` }),
    );
    expect((await verifyBundle(await bundleOf(loaded!.receipt_id), { trust: { simulatedRoot: root } })).outcome).toBe(
      'accepted',
    );
  });

  test('carries a task out: what it writes is run or refused, under a receipt with its weights', {
    timeout: 900_000,
  }, async () => {
    const answer = await fetch(`${agent.url}/api/process`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        data: { type: 'ai_generate_and_execute', description: 'Print the word hello.', max_retries: 1 },
      }),
    });
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as { model_provenance: object; receipt: { event_log: readonly { type: string }[] } };
    expect(body.model_provenance).toMatchObject({ kind: 'embedded', model: SMOLLM2.name, sha256: weights });
    expect(body.receipt.event_log.find(({ type }) => type === 'model.called')).toMatchObject({
      model_hash: `sha256:${weights}`,
    });
  });

  test('says which model it has', async () => {
    expect((await agent.status()).model).toMatchObject({
      provider: 'embedded',
      model: SMOLLM2.name,
      recorded: false,
      reachable: true,
    });
    const listed = (await (await fetch(`${agent.url}/api/models`)).json()) as {
      connected: boolean;
      models: readonly { name: string; fetched: boolean }[];
    };
    expect(listed.connected).toBe(true);
    expect(listed.models.find(({ name }) => name === SMOLLM2.name)?.fetched).toBe(true);
  });
});
