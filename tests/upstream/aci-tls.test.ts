/** The verifying proxy in front of a real agent that serves HTTPS with the key of its keyset, and somebody who relays its evidence. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTlsDialer } from '@assay/channel/tls';
import { fakeTls } from '@assay/testing';
import { openUpstream, type UpstreamOptions } from 'assay';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseConfig } from '../../packages/agent/src/config.ts';
import { type RunningAgent, startAgent } from '../../packages/agent/src/main.ts';

const API_KEY = 'a-key-of-sixteen-letters';
let directory: string;
let agent: RunningAgent;
let options: UpstreamOptions;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'assay-aci-tls-'));
  const settings = { AGENT_PORT: '0', ASSAY_DATA_DIR: directory, ASSAY_LOG_LEVEL: 'error', AI_PROVIDER: 'recorded' };
  agent = await startAgent(parseConfig({ ...settings, ASSAY_TLS: 'enclave', ASSAY_API_KEY: API_KEY }));
  const root = readFileSync(join(directory, 'simulated-root.pem'));
  options = { trust: { simulatedRoot: root }, apiKey: API_KEY, dialer: createTlsDialer() };
});

afterAll(async () => {
  await agent.close();
  rmSync(directory, { recursive: true, force: true });
});

const question = (): Request =>
  new Request('http://127.0.0.1:1/v1/chat/completions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'default', messages: [{ role: 'user', content: 'Say hello' }] }),
  });

test('a certificate that signs itself is enough when its key stands in the attested keyset', async () => {
  const upstream = await openUpstream(new URL(agent.url), options, 'aci');
  const { response, proof } = await upstream.forward(question());
  expect(response.status).toBe(200);
  expect(await response.text()).toContain('choices');
  expect(await proof).not.toBeNull();
  const { checks } = upstream.verdict;
  expect(checks.find(({ id }) => id === 'channel.tls-key')).toMatchObject({
    outcome: 'pass',
    actual: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(checks.find(({ id }) => id === 'channel.sealed')?.outcome).toBe('pass');
});

test('somebody who relays the report gets neither the API key nor a sealed prompt', async () => {
  const { keyPem, certificatePem } = await fakeTls('in the middle');
  const read: string[] = [];
  const middle: Server = createServer({ key: keyPem, cert: certificatePem }, async (request, response) => {
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece as Buffer);
    read.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)} ${Buffer.concat(body).length}`);
    const init = body.length === 0 ? {} : { method: 'POST', body: Buffer.concat(body) };
    const answer = await options.dialer!.unauthenticated(`${agent.url}${request.url}`, init);
    response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => middle.listen(0, '127.0.0.1', resolve));
  try {
    const url = new URL(`https://127.0.0.1:${(middle.address() as AddressInfo).port}`);
    await expect(openUpstream(url, options, 'aci')).rejects.toMatchObject({ code: 'channel/tls-key-mismatch' });
    expect(read.length).toBeGreaterThan(0);
    expect(read.every((line) => line.startsWith('GET /v1/aci/attestation?nonce='))).toBe(true);
    expect(read.join()).not.toContain(API_KEY);
  } finally {
    middle.closeAllConnections();
    middle.close();
  }
});
