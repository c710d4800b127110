/** What the agent's routes refuse, each by its cause: status, code, and a sentence that says what was expected and what to do. */

import { expectAdvice } from '@assay/testing';
import { describe, expect, test } from 'vitest';
import { startTestAgent, type TestAgent, type TestAgentOptions } from './agent.ts';

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly type: string;
  readonly request_id: string;
}

interface Refusal {
  readonly name: string;
  readonly path: string;
  readonly init?: RequestInit;
  readonly agent?: TestAgentOptions;
  readonly before?: (agent: TestAgent) => Promise<unknown>;
  /** What the sentence names. */
  readonly words: readonly string[];
}

async function refuse(code: string, status: number, { path, init, agent: options, before, words }: Refusal): Promise<Response> {
  const agent = await startTestAgent(options);
  await before?.(agent);
  const response = await agent.request(path, init);
  const problem = (await response.json()) as Problem;
  expect([response.status, problem.code, problem.type]).toEqual([status, code, `urn:assay:error:${code}`]);
  expect(response.headers.get('x-request-id')).toBe(problem.request_id);
  expectAdvice(problem.detail, words);
  return response;
}

const NO_RECEIPT = `rcpt_${'0'.repeat(32)}`;

describe('http/bad-parameter', () => {
  test.each<Refusal>([
    { name: 'a short nonce', path: '/v1/aci/attestation?nonce=abc', words: ['64 lower-case hex', 'got 3 characters'] },
    {
      name: 'a nonce in capitals',
      path: `/v1/aci/attestation?nonce=${'AB'.repeat(32)}`,
      words: ['64 lower-case hex', 'got 64 characters'],
    },
    { name: 'an empty nonce', path: '/v1/aci/attestation?nonce=', words: ['got 0 characters', 'openssl rand -hex 32'] },
    { name: 'a page of no receipts', path: '/api/receipts?limit=0', words: ['limit from 1 to 200', 'got "0"'] },
    { name: 'a page that is too long', path: '/api/receipts?limit=201', words: ['limit from 1 to 200', 'got "201"'] },
    { name: 'a limit in words', path: '/api/receipts?limit=ten', words: ['got "ten"'] },
    { name: 'a made-up cursor', path: '/api/receipts?before=-1', words: ['before', 'got "-1"', 'next'] },
    {
      name: 'too many receipts in one bundle',
      path: `/bundles/${Array.from({ length: 2000 }, () => NO_RECEIPT).join(',')}`,
      words: ['receipts in one bundle', 'got 2000', 'in parts'],
    },
    {
      name: 'a made-up last event',
      path: '/api/tasks/t-1/events',
      init: { headers: { 'last-event-id': 'seven' } },
      words: ['last-event-id', 'got "seven"'],
    },
  ])('$name', async (refusal) => {
    await refuse('http/bad-parameter', 400, refusal);
  });
});

describe('http/not-found', () => {
  test.each<Refusal>([
    { name: 'a path that is none', path: '/nowhere', words: ['/openapi.json'] },
    { name: 'an unknown receipt', path: `/v1/aci/receipts/${NO_RECEIPT}`, words: ['no receipt has this id', '/api/receipts'] },
    { name: 'its bundle', path: `/bundles/${NO_RECEIPT}.bundle.json`, words: ['no receipt has this id'] },
    { name: 'an unknown task', path: '/api/tasks/none', words: ['no task has this id'] },
    { name: 'a tile beyond the log', path: '/log/tile/0/999', words: ['no such tile', 'c2sp.org/tlog-tiles'] },
    { name: 'a tile by an odd name', path: '/log/tile/0/..%2f', words: ['no such tile'] },
    {
      name: 'a file that the task did not leave',
      path: '/api/tasks/t-1/artifacts/tmp/none.txt',
      before: (agent) => agent.process({ type: 'execute', code: 'x' }, { task_id: 't-1' }),
      words: ['no such file', 'its answer lists'],
    },
  ])('$name', async (refusal) => {
    await refuse('http/not-found', 404, refusal);
  });
});

describe('http/method-not-allowed', () => {
  test.each<readonly [string, string]>([
    ['GET', '/api/process'],
    ['DELETE', '/api/receipts'],
    ['POST', '/health'],
    ['PUT', '/log/checkpoint'],
  ])('%s %s', async (method, path) => {
    await refuse('http/method-not-allowed', 405, { name: path, path, init: { method }, words: [method, '/openapi.json'] });
  });
});

describe('http/unauthorized', () => {
  const environment = { ASSAY_API_KEY: 'k'.repeat(32) };
  test.each<Refusal>([
    { name: 'no key', path: '/api/receipts', agent: { environment }, words: ['API key is needed', 'Bearer', 'X-API-Key'] },
    {
      name: 'a wrong key',
      path: '/api/process',
      init: { method: 'POST', headers: { authorization: 'Bearer guessed-key-77' }, body: '{}' },
      agent: { environment },
      words: ['API key is wrong', 'ASSAY_API_KEY'],
    },
    {
      name: 'a key in another scheme',
      path: '/metrics',
      init: { headers: { authorization: `Basic ${'k'.repeat(32)}` } },
      agent: { environment },
      words: ['API key is needed'],
    },
  ])('$name', async (refusal) => {
    const response = await refuse('http/unauthorized', 401, refusal);
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  test('says nothing of the key that came or of the right one', async () => {
    const agent = await startTestAgent({ environment });
    const response = await agent.request('/api/receipts', { headers: { authorization: 'Bearer guessed-key-77' } });
    expect(await response.text()).not.toMatch(/guessed|kkkk/);
  });
});

describe('server/internal: an unexpected error', () => {
  const secret = 'disk /dev/sda1 of alice is full of prompts';

  test('in a route says nothing of itself, and the log has it under the request id', async () => {
    const agent = await startTestAgent();
    agent.ledger.find = () => Promise.reject(new TypeError(secret));
    const headers = { 'x-request-id': 'request-77' };
    const response = await agent.request(`/v1/aci/receipts/${NO_RECEIPT}`, { headers });
    const text = await response.text();
    const problem = JSON.parse(text) as Problem;
    expect([response.status, problem.code]).toEqual([500, 'server/internal']);
    expectAdvice(problem.detail, ['did not expect', 'request-77']);
    expect(text).not.toContain('alice');
    expect(agent.logged()).toContain(secret);
    expect(agent.logged()).toContain('request-77');
  });

  test('in a task is answered, sealed, and logged under the task', async () => {
    const agent = await startTestAgent({
      script: () => {
        throw new TypeError(secret);
      },
    });
    const { body } = await agent.process({ type: 'execute', code: 'x' }, { task_id: 't-77' });
    expect(body).toMatchObject({ success: false, error_code: 'server/internal' });
    expectAdvice(String(body.error), ['did not expect', 'task t-77']);
    expect(JSON.stringify(body)).not.toContain('alice');
    expect(agent.logged()).toContain(secret);
    expect(agent.ledger.sealed.length).toBe(1);
  });
});
