/** Callers of an agent in an enclave, where every peer has the address of one forwarder: remote ones are let in, and strangers lock no operator out. */

import { expect, test } from 'vitest';
import { startTestAgent } from './agent.ts';

const API_KEY = 'correct-horse-battery-staple';
const OPERATOR_KEY = 'operator-key-of-this-test-only';
const REMOTE = '203.0.113.7:7047';

test('by vsock, a remote client is served under the address of the instance, and only with a key', async () => {
  const environment = { ASSAY_ENCLAVE_NETWORK: 'vsock', ASSAY_API_KEY: API_KEY };
  const agent = await startTestAgent({ environment });
  const ask = async (headers: Record<string, string>): Promise<number> =>
    (await agent.request('/api/receipts', { headers: { host: REMOTE, ...headers } })).status;
  expect(await ask({ authorization: `Bearer ${API_KEY}` })).toBe(200);
  expect(await ask({})).toBe(401);
  expect(await ask({ authorization: `Bearer ${API_KEY}`, origin: 'https://evil.example' })).toBe(403);
  expect((await agent.request('/v1/aci/attestation', { headers: { host: REMOTE } })).status).toBe(200);
});

test.each(['off', 'gvproxy'])('with the network %s, loopback is for names of this machine', async (network) => {
  const agent = await startTestAgent({ environment: { ASSAY_ENCLAVE_NETWORK: network, ASSAY_API_KEY: API_KEY } });
  const headers = { host: REMOTE, authorization: `Bearer ${API_KEY}` };
  expect((await agent.request('/api/receipts', { headers })).status).toBe(403);
});

test('guesses of strangers are limited, and the operator is served in between', async () => {
  const environment = { ASSAY_API_KEY: API_KEY, ASSAY_OPERATOR_KEY: OPERATOR_KEY, ASSAY_RATE_LIMIT: '3' };
  const agent = await startTestAgent({ environment });
  const rotate = async (headers: Record<string, string>): Promise<number> =>
    (await agent.request('/api/operator/rotate-keys', { method: 'POST', body: '{}', headers })).status;
  const guesses: number[] = [];
  for (let n = 0; n < 5; n += 1) guesses.push(await rotate({ 'x-operator-key': 'a-guess-of-somebody' }));
  expect(guesses).toEqual([401, 401, 401, 429, 429]);
  for (let n = 0; n < 4; n += 1) expect(await rotate({ 'x-operator-key': OPERATOR_KEY })).toBe(200);
  expect(await rotate({})).toBe(429);
});
