/**
 * Backpressure says when to come back: every code that is answered with 429 or 503 either carries `Retry-After` or is one that waiting alone
 * does not cure, and each queue and each limit is filled once.
 */

import { describe, expect, test } from 'vitest';
import { statusOf } from '../../packages/agent/src/error-status.ts';
import { SERVER_ERROR_KINDS, ServerError, type ServerErrorCode } from '../../packages/agent/src/errors.ts';
import { LEDGER_ERROR_KINDS, LedgerError, type LedgerErrorCode } from '../../packages/ledger/src/errors.ts';
import { SANDBOX_ERROR_KINDS, SandboxError, type SandboxErrorCode } from '../../packages/sandbox/src/errors.ts';
import { startTestAgent, type TestAgent } from './agent.ts';

const NO_RECEIPT = `rcpt_${'0'.repeat(32)}`;

/** Something must be set up, connected, fetched or mended first; the request, or the agent, stays as it is meanwhile. */
const NEEDS_MORE_THAN_TIME: ReadonlySet<string> = new Set([
  'attester/unavailable',
  'audit/analyzer-absent',
  'compiler/download-failed',
  'compiler/unknown',
  'job/failed',
  'ledger/data-key-rotated',
  'ledger/in-use',
  'ledger/key-ids-spent',
  'ledger/keyset-ended',
  'model/engine-failed',
  'model/incomplete',
  'model/no-code',
  'model/not-connected',
  'model/not-fetched',
  'model/unloadable',
  'model/unreachable',
  'network/unavailable',
  'operator/secret-unavailable',
  'operator/wallet-absent',
  'operator/witness-unreachable',
  'program/download-failed',
  'sandbox/download-failed',
  'sandbox/network-failed',
  'sandbox/package-unavailable',
  'sandbox/start-failed',
  'sandbox/unavailable',
]);

const thrown = [
  ...Object.entries(SERVER_ERROR_KINDS).map(([code, kind]) => {
    return { code, kind, error: () => new ServerError(code as ServerErrorCode, 'expected a, got b; wait') };
  }),
  ...Object.entries(LEDGER_ERROR_KINDS).map(([code, kind]) => {
    return { code, kind, error: () => new LedgerError(code as LedgerErrorCode, 'expected a, got b; wait') };
  }),
  ...Object.entries(SANDBOX_ERROR_KINDS).map(([code, kind]) => {
    return { code, kind, error: () => new SandboxError(code as SandboxErrorCode, 'expected a, got b; wait') };
  }),
];
const forNow = thrown.filter(({ code, kind }) => [429, 503].includes(statusOf(code, kind)));

test('every code of 429 and 503 that a route can throw says when to come back, or is listed as one that time does not cure', async () => {
  const agent = await startTestAgent();
  const without: string[] = [];
  for (const { code, kind, error } of forNow) {
    agent.ledger.find = () => Promise.reject(error());
    const response = await agent.request(`/v1/aci/receipts/${NO_RECEIPT}`);
    expect(response.status, code).toBe(statusOf(code, kind));
    const later = response.headers.get('retry-after');
    if (later === null) without.push(code);
    else expect(later, code).toMatch(/^[1-9]\d*$/);
  }
  expect(forNow.length).toBeGreaterThan(30);
  expect(without.filter((code) => code !== 'server/internal').sort()).toEqual([...NEEDS_MORE_THAN_TIME].sort());
});

test('a full disk, which is 507, says so too', async () => {
  const agent = await startTestAgent();
  agent.ledger.find = () => Promise.reject(new LedgerError('ledger/full', 'expected room, got none; free space'));
  const response = await agent.request(`/v1/aci/receipts/${NO_RECEIPT}`);
  expect([response.status, response.headers.get('retry-after')]).toEqual([507, '60']);
});

const HANGS = { script: () => ({ stdout: '', hangs: true as const }) };
const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): [string, RequestInit] => [
  path,
  { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) },
];
const execute = (more: object = {}) => ({ data: { type: 'execute', code: 'print(1)' }, ...more });

async function expectLater(response: Response, status: number, code: string): Promise<void> {
  const body = (await response.json()) as { readonly code?: string; readonly error?: { readonly code?: string } };
  expect([response.status, body.code ?? body.error?.code]).toEqual([status, code]);
  expect(Number(response.headers.get('retry-after')), code).toBeGreaterThanOrEqual(1);
}

async function running(agent: TestAgent, count: number): Promise<void> {
  await expect.poll(() => agent.tasks.running).toBe(count);
}

describe('filled', () => {
  test('the tasks at work', async () => {
    const agent = await startTestAgent({ ...HANGS, environment: { ASSAY_MAX_TASKS: '1' } });
    const held = agent.request(...post('/api/process', execute({ task_id: 'held' })));
    await running(agent, 1);
    await expectLater(await agent.request(...post('/api/process', execute())), 503, 'server/busy');
    await agent.request('/api/tasks/held', { method: 'DELETE' });
    await held;
  });

  test('the tasks that wait', async () => {
    const agent = await startTestAgent({ ...HANGS, environment: { ASSAY_MAX_TASKS: '1', ASSAY_RATE_LIMIT: '0' } });
    for (let i = 0; i < 65; i += 1) {
      const answer = await agent.request(...post('/api/process?async=1', execute({ task_id: `waits-${i}` })));
      expect(answer.status).toBe(202);
    }
    await expectLater(await agent.request(...post('/api/process?async=1', execute())), 503, 'server/busy');
    for (let i = 64; i >= 0; i -= 1) await agent.request(`/api/tasks/waits-${i}`, { method: 'DELETE' });
    await running(agent, 0);
  });

  test.each([
    ['requests for work', '/api/process'],
    ['requests in the shape of OpenAI', '/v1/chat/completions'],
  ])('the rate of %s', async (_, path) => {
    const agent = await startTestAgent({ environment: { ASSAY_RATE_LIMIT: '1' } });
    const body = path.startsWith('/v1') ? { model: 'default', messages: [{ role: 'user', content: 'hi' }] } : execute();
    await agent.request(...post(path, body));
    await expectLater(await agent.request(...post(path, body)), 429, 'http/rate-limited');
  });

  test('the day of a key', async () => {
    const operator = { 'x-operator-key': 'the-operator-key-of-this-agent' };
    const agent = await startTestAgent({
      environment: { ASSAY_API_KEY: 'the-first-key-of-this-agent', ASSAY_OPERATOR_KEY: operator['x-operator-key'] },
    });
    const added = await agent.request(...post('/api/operator/keys', { name: 'a', quotas: { tasks: 1 } }, operator));
    const { key } = (await added.json()) as { readonly key: string };
    const authorization = { authorization: `Bearer ${key}` };
    expect((await agent.request(...post('/api/process', execute(), authorization))).status).toBe(200);
    await expectLater(await agent.request(...post('/api/process', execute(), authorization)), 429, 'key/quota-spent');
  });

  test.each<LedgerErrorCode>(['job/queue-full', 'ledger/busy', 'ledger/unavailable'])(
    'the queue of audits: %s',
    async (code) => {
      const agent = await startTestAgent();
      agent.ledger.jobs.add = () => Promise.reject(new LedgerError(code, 'expected room, got none; try again later'));
      const source = { 'A.sol': 'contract A {}' };
      await expectLater(await agent.request(...post('/api/v1/audits', { source })), 503, code);
    },
  );

  test('the request keys of a day', async () => {
    const agent = await startTestAgent();
    agent.ledger.coordination.claim = () =>
      Promise.reject(new LedgerError('ledger/request-keys-full', 'expected fewer keys, got one more; send it later'));
    const asked = post('/api/process', execute(), { 'idempotency-key': 'k-1' });
    await expectLater(await agent.request(...asked), 429, 'ledger/request-keys-full');
  });

  test('the cells of the sandbox: in the header, and in the answer that the receipt seals', async () => {
    const agent = await startTestAgent({
      script: () => {
        throw new SandboxError('sandbox/busy', 'expected a free cell, got none; try again in a moment');
      },
    });
    const response = await agent.request(...post('/api/process', execute()));
    expect(await response.clone().json()).toMatchObject({ retry_after_seconds: 2 });
    await expectLater(response, 503, 'sandbox/busy');
  });
});

test('an agent that stops says when to come back', async () => {
  const agent = await startTestAgent();
  await agent.tasks.drain(0);
  await expectLater(await agent.request(...post('/api/process', execute())), 503, 'server/stopping');
});
